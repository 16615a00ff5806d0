"""`subnet-console backup` and `restore`: a data folder in one file, and back, on this machine or another.

The store holds the scores, the salts of commits and the journal of what was sent to the chain, so a node that continues
from a backup never sends weights twice; at worst it misses a window. The folder's keys are included only on request.
"""

import gzip
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated

import msgspec
from msgspec import Meta, Struct

from console import __version__
from console.errors import ConsoleError
from engine.chain.embedded import FILE_NAME as CHAIN
from engine.errors import StoreError
from engine.files import UNDECODABLE, open_input
from engine.folders import PRIVATE, PRIVATE_FILE, prepare_folder
from engine.locks import folder_lock
from engine.sqlite import beside
from engine.store.errors import StoreOld
from engine.store.record import open_record
from engine.store.schema import FILE_NAME as STORE
from engine.text import safe

MANIFEST = "manifest.json"
RECORD = (STORE, CHAIN, "status.json", "blocked.txt", "let-in.txt")
"""The files that a node continues from."""

KEYS = ("wallets/", "session-keys", "api-keys.json", "api-key-use.json")
"""Prefixes of files whose holder can act as this node or call it, and of those that count the use of API keys."""

MOST_FILES = 10_000
MANIFEST_BYTES = 4 << 20
PIECE = 1 << 20
"""Limits for a backup that is restored, and the bytes read at once."""

BLOCK = tarfile.BLOCKSIZE
HEADERS = 8 * BLOCK
"""Upper bound for a member's headers: names here have at most 500 characters."""


class Kept(Struct, frozen=True):
    """One file of a backup: its path in the data folder, its size in bytes and its SHA-256 in hex."""

    name: Annotated[str, Meta(max_length=500)]
    size: Annotated[int, Meta(ge=0)]
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class _Bounded(gzip.GzipFile):
    """A decompressed archive, read no further than its manifest announces: `tarfile` reads headers whole, and a few
    bytes can unpack into gigabytes.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(fileobj=file)
        self.left = MANIFEST_BYTES + tarfile.RECORDSIZE + HEADERS

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= self.left:
            raise ValueError("it unpacks to more than its manifest says")
        piece = super().read(size)
        self.left -= len(piece)
        return piece


class Manifest(Struct, frozen=True):
    """The backup's table of contents, its first member."""

    version: Annotated[str, Meta(max_length=100)]
    made_at: float
    with_keys: bool
    files: Annotated[tuple[Kept, ...], Meta(max_length=MOST_FILES)]


def backup(folder: Path, target: Path, *, with_keys: bool) -> Manifest:
    """Write the data folder to a new file that only this user can read.

    Raises AlreadyRunning while an engine uses the folder, ConsoleError.
    """
    if not (folder / STORE).is_file():
        raise ConsoleError(f"there is no record in {folder}: choose its folder with --data-dir")
    with folder_lock(folder):
        manifest = Manifest(__version__, time.time(), with_keys, tuple(_kept(folder, with_keys)))
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE)
        except FileExistsError as error:
            raise ConsoleError(f"{target} already exists and was not changed: choose another file") from error
        except OSError as error:
            raise ConsoleError(f"{target} cannot be written: {error.strerror}") from error
        try:
            with os.fdopen(descriptor, "wb") as file:
                _write(folder, manifest, file)
                os.fsync(file.fileno())
        except OSError as error:
            target.unlink(missing_ok=True)
            raise ConsoleError(f"{target} cannot be written: {error.strerror or error}") from error
    return manifest


def restore(source: Path, folder: Path) -> Manifest:
    """Restore a data folder from a backup, completely or not at all; a folder that already has a record is left alone.

    Raises AlreadyRunning, ConsoleError and FolderError.
    """
    prepare_folder(folder)
    with folder_lock(folder):
        if left := sorted(path.name for path in folder.iterdir() if path.name.startswith((*RECORD, *_plain(KEYS)))):
            raise ConsoleError(
                f"{folder} already has a record ({', '.join(left[:3])}): move it away first, as with "
                f"'mv {folder} {folder}.old', or choose another --data-dir"
            )
        with tempfile.TemporaryDirectory(dir=folder, prefix=".restore-") as unpacked:
            manifest = _unpack(source, Path(unpacked))
            _require_known(Path(unpacked) / STORE, source)
            beside(Path(unpacked) / STORE, "shm").unlink(missing_ok=True)
            for path in sorted(Path(unpacked).iterdir(), key=lambda path: path.name == STORE):
                path.rename(folder / path.name)  # the store last: without it there is no record
    return manifest


def _plain(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.rstrip("/") for name in names)


def _kept(folder: Path, with_keys: bool) -> Iterator[Kept]:
    """What goes into the backup. Files that SQLite wrote beside a database belong to it, but not its shared memory."""
    wanted = RECORD + KEYS if with_keys else RECORD
    logs = tuple(beside(Path(name), "wal").name for name in (STORE, CHAIN))
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not path.is_file() or name.endswith((".lock", "-shm")):
            continue
        if name in RECORD or name in logs or name.startswith(wanted[len(RECORD) :]):
            with path.open("rb") as file:
                yield Kept(name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _write(folder: Path, manifest: Manifest, file: IO[bytes]) -> None:
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=5) as archive:
        text = msgspec.json.format(msgspec.json.encode(manifest))
        archive.addfile(_member(MANIFEST, len(text), manifest.made_at), io.BytesIO(text))
        for one in manifest.files:
            with (folder / one.name).open("rb") as content:
                archive.addfile(_member(one.name, one.size, manifest.made_at), content)


def _member(name: str, size: int, at: float) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, int(at), PRIVATE_FILE
    return member


def _unpack(source: Path, folder: Path) -> Manifest:
    """Unpack a backup into an empty folder; only what its manifest names, and only as it says. Raises ConsoleError."""
    try:
        with open_input(source) as file, tarfile.open(fileobj=(bounded := _Bounded(file)), mode="r|") as archive:
            members = iter(archive)
            manifest = _manifest(archive, next(members, None))
            _require_room(manifest, folder)
            bounded.left += sum(one.size + BLOCK + HEADERS for one in manifest.files)
            for one in manifest.files:
                _require_inside(one.name, with_keys=manifest.with_keys)
                member = next(members, None)
                if member is None or (member.name, member.size) != (one.name, one.size) or not member.isreg():
                    raise ValueError(f"{one.name} is missing or was changed")
                _copy(archive, member, folder, one)
    except FileNotFoundError as error:
        raise ConsoleError(f"no such backup: {source}") from error
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, ValueError, zlib.error, *UNDECODABLE) as error:
        raise ConsoleError(f"{source} is not a complete backup: {safe(str(error))}") from error
    except OSError as error:
        raise ConsoleError(f"{source} cannot be restored: {error.strerror or error}") from error
    if not any(one.name == STORE for one in manifest.files):
        raise ConsoleError(f"{source} is not a complete backup: it has no {STORE}")
    return manifest


def _manifest(archive: tarfile.TarFile, member: tarfile.TarInfo | None) -> Manifest:
    if member is None or member.name != MANIFEST or not member.isreg() or member.size > MANIFEST_BYTES:
        raise ValueError("it does not begin with a manifest")
    content = archive.extractfile(member)
    return msgspec.json.decode(content.read() if content else b"", type=Manifest)


def _require_room(manifest: Manifest, folder: Path) -> None:
    needed, free = sum(one.size for one in manifest.files), shutil.disk_usage(folder).free
    if needed > free:
        raise ConsoleError(f"{needed / 1e6:,.0f} MB are needed in {folder.parent}, {free / 1e6:,.0f} are free")


def _require_inside(name: str, *, with_keys: bool) -> None:
    """Raises ValueError for a name that `backup` does not write, such as that of a key in a backup without keys."""
    parts = name.split("/")
    logs = tuple(beside(Path(one), "wal").name for one in (STORE, CHAIN))
    if any(part in ("", ".", "..") for part in parts) or not (
        name in RECORD + logs or (with_keys and name.startswith(KEYS))
    ):
        raise ValueError(f"{name!r} does not belong in a data folder")


def _copy(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path, kept: Kept) -> None:
    for parent in [*reversed(Path(kept.name).parents)][1:]:
        (folder / parent).mkdir(mode=PRIVATE, exist_ok=True)
    target = folder / kept.name
    content = archive.extractfile(member)
    summed = hashlib.sha256()
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE), "wb") as file:
        while content and (piece := content.read(PIECE)):
            summed.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())
    if summed.hexdigest() != kept.digest:
        raise ValueError(f"{kept.name} was changed or damaged")


def _require_known(store: Path, source: Path) -> None:
    """Raises ConsoleError for a store that this version cannot use, such as one of a newer version."""
    try:
        with open_record(store, brief=True):
            pass
    except StoreOld:
        pass  # it is migrated when it is used
    except StoreError as error:
        raise ConsoleError(str(error).replace(str(store), f"{source}: {STORE}")) from error


def told(manifest: Manifest) -> Iterator[str]:
    """What a backup contains and what it leaves out, in lines."""
    size = sum(one.size for one in manifest.files)
    yield f"{len(manifest.files)} files, {size / 1e6:,.1f} MB, of version {safe(manifest.version)}"
    if manifest.with_keys:
        yield "with the keys in the folder: anyone who has this file can act as this node"
    else:
        yield "without keys: 'backup --keys' adds those in the folder (throwaway wallets, session keys, API keys)"
    yield "the wallet and the configuration are not included: copy them yourself, without the coldkey"
