"""One process per neuron: a lock per user, hotkey and netuid, and one per data folder.

The kernel releases a `flock` when its process ends, however it ends, so no lock is left locked. A process that ends by
itself empties its file: a name in the file of a free lock is that of one that was killed. A forked child would inherit
the lock, so worker processes are spawned.
"""

import fcntl
import os
import shlex
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.files import UNDECODABLE, kind_of
from engine.folders import FolderError, prepare_folder, state_home

MAX_BYTES = 16_384
"""Of a lock file, which holds one path and two numbers."""

FOLDER_LOCK = "lock"
LOOKS = 4
LOOK_S = 0.02
"""How often, and how far apart, a lock is tried again that somebody holds who may only look."""


class Holder(Struct, frozen=True):
    """Who holds a lock."""

    pid: int
    data_dir: str
    since: float


class AlreadyRunning(Exception):
    """Another process holds the lock. The message names what it holds, its PID, its data folder and the ways out, of
    which `otherwise` is one."""

    def __init__(self, what: str, holder: Holder | None, otherwise: str = "") -> None:
        who = f"process {holder.pid}" if holder else "another process"
        if holder and holder.data_dir not in what:
            who += f" with its data in {holder.data_dir}"
        end = f"{_at(holder)}, or end it first with 'kill {holder.pid}'" if holder else "end that one first"
        super().__init__(f"{what} is in use by {who}: {end}{otherwise and f', or {otherwise}'}")
        self.holder, self.otherwise = holder, otherwise


def _at(holder: Holder) -> str:
    return f"'subnet-console attach --data-dir {shlex.quote(holder.data_dir)}' shows it"


@contextmanager
def neuron_lock(hotkey: str, netuid: int, data_dir: Path) -> Iterator[None]:
    """Be the only process with this hotkey on this netuid, whatever its data folder. Raises AlreadyRunning."""
    prepare_folder(_locks())
    with _held(_neuron_lock(hotkey, netuid), f"hotkey {hotkey} on netuid {netuid}", data_dir):
        yield


@contextmanager
def folder_lock(data_dir: Path, *, otherwise: str = "") -> Iterator[None]:
    """Be the only process that uses this data folder. Raises AlreadyRunning, which says what to do `otherwise`."""
    with _held(data_dir / FOLDER_LOCK, f"data folder {data_dir}", data_dir, otherwise):
        yield


def folder_holder(data_dir: Path) -> Holder | None:
    """The process that uses this data folder now, if any. Raises FolderError."""
    return _holder(data_dir / FOLDER_LOCK)


def neuron_holder(hotkey: str, netuid: int) -> Holder | None:
    """The process that runs this hotkey on this netuid now, if any. Raises FolderError."""
    return _holder(_neuron_lock(hotkey, netuid))


def neurons_held() -> list[Holder]:
    """The processes that run neurons of this user now, each of them once, the oldest first. Raises FolderError."""
    found = {holder.pid: holder for path in sorted(_locks().glob("*.lock")) if (holder := _holder(path))}
    return sorted(found.values(), key=lambda holder: holder.since)


def left_behind(data_dir: Path) -> dict[Path, Holder]:
    """The free locks that still name a process: those of this data folder, and of all this user's neurons.

    Raises FolderError.
    """
    found = {}
    for path in (data_dir / FOLDER_LOCK, *sorted(_locks().glob("*.lock"))):
        if not os.path.lexists(path):
            continue
        fd = open_lock(path, os.O_RDONLY)
        try:
            if locked(fd) and (holder := _read(fd)):
                found[path] = holder
        finally:
            os.close(fd)
    return found


def remove_free(path: Path) -> None:
    """Remove a lock that nobody holds. Raises FolderError, also if somebody does."""
    fd = open_lock(path, os.O_RDONLY)
    try:
        if not locked(fd):
            raise FolderError(f"lock {path} is held by a process: end that one first")
        path.unlink()
    except OSError as error:
        raise FolderError(f"lock {path} cannot be removed ({error.strerror}): check whose folder it is in") from error
    finally:
        os.close(fd)


def _locks() -> Path:
    return state_home() / "locks"


def _neuron_lock(hotkey: str, netuid: int) -> Path:
    return _locks() / f"{hotkey.replace(os.sep, '_')}-{netuid}.lock"


def _holder(path: Path) -> Holder | None:
    if not os.path.lexists(path):
        return None
    fd = open_lock(path, os.O_RDONLY)
    try:
        return None if locked(fd) else _read(fd)
    finally:
        os.close(fd)


@contextmanager
def _held(path: Path, what: str, data_dir: Path, otherwise: str = "") -> Iterator[None]:
    fd = _taken(path, what, otherwise)
    try:
        os.truncate(fd, 0)
        os.pwrite(fd, msgspec.json.encode(Holder(os.getpid(), str(data_dir), time.time())), 0)
        yield
    finally:
        with suppress(OSError):
            os.truncate(fd, 0)
        os.close(fd)


def _taken(path: Path, what: str, otherwise: str) -> int:
    """The lock, opened and locked. Raises AlreadyRunning, FolderError."""
    while True:
        fd = open_lock(path)
        try:
            if not locked(fd) and not _locked_soon(fd):
                raise AlreadyRunning(what, _read(fd), otherwise)
            if _is_at(fd, path):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # it was removed as free between our opening and our locking it


def _is_at(fd: int, path: Path) -> bool:
    """Whether an open file is the one that has this name now."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        return False


def open_lock(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """Open a regular file, never a link that someone planted to have another file truncated.

    Raises FolderError.
    """
    with suppress(OSError):
        if kind := kind_of(path.lstat().st_mode):
            raise FolderError(f"lock {path} is {kind}, not a regular file: find out who put it there, then remove it")
    try:
        fd = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    except OSError as error:
        raise FolderError(f"lock {path} cannot be opened ({error.strerror}): check whose file it is") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FolderError(f"lock {path} is not a regular file: find out who put it there, then remove it")
    return fd


def locked(fd: int) -> bool:
    """Take the lock unless another process holds it; whether it is ours now."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _locked_soon(fd: int) -> bool:
    """Someone who only looks holds the lock for an instant as well."""
    for _ in range(LOOKS):
        time.sleep(LOOK_S)
        if locked(fd):
            return True
    return False


def _read(fd: int) -> Holder | None:
    """None in the instant between another process taking the lock and writing its name."""
    try:
        return msgspec.json.decode(os.pread(fd, MAX_BYTES, 0), type=Holder)
    except UNDECODABLE:
        return None
