"""What can go wrong with the store, said so that an operator knows which file it is and what to do."""

import shutil
import sqlite3
from pathlib import Path

LITTLE_SPACE = 256 * 1024
"""Bytes: with less than this left, a failed write is a full disk, whatever the system calls it."""


class StoreError(Exception):
    """A read or a write failed and left nothing behind; the next one may succeed."""


class StoreFull(StoreError):
    """No space left for what was to be written."""


class StoreUnusable(StoreError):
    """The file is damaged, cannot be opened or cannot be written: a person has to act."""


class StoreOld(StoreUnusable):
    """The file was written by an older version; the engine brings it up to date when it starts."""


class StoreTooNew(StoreError):
    """The file was written by a newer version of this program."""


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """SQLite's error on the file `path`, in our words."""
    match primary_code(error):
        case sqlite3.SQLITE_FULL:
            return _full(path)
        case sqlite3.SQLITE_IOERR if shutil.disk_usage(path.parent).free < LITTLE_SPACE:
            return _full(path)
        case sqlite3.SQLITE_IOERR:
            return StoreError(f"{path} could not be read or written ({error.sqlite_errorname}): check the disk")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(f"{path} is locked by another process: stop that, or choose another data folder")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreUnusable(
                f"{path} is damaged ({error}): move it away to start afresh; `sqlite3 FILE .recover` rescues its rows"
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return StoreUnusable(
                f"{path} cannot be opened or written ({error}): check that its folder is there and yours"
            )
        case _:
            return StoreError(f"{path}: {error}")


def primary_code(error: sqlite3.Error) -> int | None:
    """SQLite's result code without its extension; None for an error of Python's module."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _full(path: Path) -> StoreFull:
    return StoreFull(f"no space left for {path}: free some on this disk")
