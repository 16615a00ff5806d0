"""The user's data, state and configuration folders (XDG), and private folders."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

APPLICATION = "subnet-console"
PRIVATE = 0o700
PRIVATE_FILE = 0o600
OTHERS = 0o077
"""The permission bits of everyone but this user."""
OTHERS_WRITE = 0o022
"""The permission bits with which group or others may write."""


class FolderError(Exception):
    """A folder cannot be used; the message names it and says what to do."""


def data_home() -> Path:
    """The default data folder."""
    return _home("XDG_DATA_HOME", ".local/share")


def state_home() -> Path:
    """The folder for per-user, per-machine state, wherever the data is: locks."""
    return _home("XDG_STATE_HOME", ".local/state")


def config_home() -> Path:
    """The folder of the configuration file."""
    return _home("XDG_CONFIG_HOME", ".config")


def prepare_folder(path: Path) -> Path:
    """Make `path` for this user alone (0700) and check that it can be written, and by nobody else. Raises FolderError.

    A folder that is there and not empty keeps its mode: it may be one that others read.
    """
    try:
        path.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        require_own(path)
        if not any(path.iterdir()):
            path.chmod(PRIVATE)
    except OSError as error:
        raise FolderError(f"folder {path} cannot be used ({error.strerror}): choose another one") from error
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        raise FolderError(f"folder {path} cannot be written: choose another one, or change its permissions")
    return path


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Raises FolderError if the system refuses to create files in `path`."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise FolderError(f"no space left for {where}: free some on this disk, or choose another folder") from error
        advice = "move away what is there, or choose another folder"
        raise FolderError(f"{where} cannot be used ({error.strerror or error}): {advice}") from error


def require_own(path: Path) -> None:
    """Raises FolderError for a folder that others may write: they could replace our files with theirs.

    An empty one of our own is none of those, as it is made private before anything is put into it.
    """
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid not in (os.geteuid(), 0):
        raise FolderError(f"folder {path} belongs to another user ({found.st_uid}): choose another one, or chown it")
    is_narrowed = found.st_uid == os.geteuid() and not any(path.iterdir())
    if mode & OTHERS_WRITE and not is_narrowed:
        raise FolderError(
            f"folder {path} can be written by others (mode {mode:04o}): check what is in it and chmod go-w {path}, "
            "or choose another"
        )


def replace_file(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Have `content` in `path`, as a whole or not at all, for this user alone (0600). Raises OSError.

    Once it returns, it stays so if the power fails; without `durable`, the file may then be an older one, or broken.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(unfinished, flags, PRIVATE_FILE), "wb") as file:
            os.fchmod(file.fileno(), PRIVATE_FILE)
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        unfinished.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _home(variable: str, default: str) -> Path:
    """The specification has relative paths ignored."""
    named = Path(os.environ.get(variable, ""))
    return (named if named.is_absolute() else Path.home() / default) / APPLICATION
