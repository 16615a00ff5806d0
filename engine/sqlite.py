"""SQLite's failures told apart, once for every file that it keeps for us."""

import shutil
import sqlite3
from pathlib import Path
from typing import Literal, NamedTuple

from engine.damage import START_AFRESH, damage, not_a_file

Kind = Literal["full", "locked", "disk", "damaged", "closed", "other"]

ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite's module raises; the second where the words of the first hold what is no longer text."""

LITTLE_SPACE = 256 * 1024
"""Bytes: with less than this left, a failed write is a full disk, whatever the system calls it."""

FOREIGN_SCHEMA = ("no such table", "no such column", "has no column named", "no such index")
"""How SQLite words an error of our own statements on a file whose tables are not ours."""

RESCUE = f"{START_AFRESH}; `sqlite3 FILE .recover` rescues its rows"


class Failure(NamedTuple):
    """What kind of failure it is, and the sentence for the operator: which file, what is wrong, what to do."""

    kind: Kind
    sentence: str


def failure_of(error: Exception, path: Path) -> Failure:
    """What SQLite's error on the file `path` means. Only "damaged" is damage: all others leave the file as it was."""
    for file in (path, beside(path, "wal"), beside(path, "shm")):
        if obstacle := not_a_file(file):
            return Failure("damaged", damage(file, obstacle))
    if isinstance(error, UnicodeDecodeError):
        return Failure("damaged", damage(path, "a name in it is not valid UTF-8", RESCUE))
    match primary_code(error):
        case sqlite3.SQLITE_FULL:
            return _full(path)
        case sqlite3.SQLITE_IOERR if _free(path) < LITTLE_SPACE:
            return _full(path)
        case sqlite3.SQLITE_IOERR:
            why = getattr(error, "sqlite_errorname", error)
            return Failure("disk", f"{path} could not be read or written ({why}): check the disk")
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            advice = "stop that, or choose another data folder"
            return Failure("locked", f"{path} is locked by another process: {advice}")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            advice = "check that its folder is there and yours"
            return Failure("closed", f"{path} cannot be opened or written ({error}): {advice}")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_MISMATCH | sqlite3.SQLITE_FORMAT:
            return Failure("damaged", damage(path, error, RESCUE))
        case sqlite3.SQLITE_ERROR if any(words in str(error) for words in FOREIGN_SCHEMA):
            return Failure("damaged", damage(path, error, RESCUE))
        case None if "decode to UTF-8" in str(error):
            return Failure("damaged", damage(path, "a text in it is not valid UTF-8", RESCUE))
        case _:
            return Failure("other", f"{path} could not be read or written ({error}): try again, and look at the log")


def primary_code(error: Exception) -> int | None:
    """SQLite's result code without its extension; None for an error of Python's module."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def log_waits(path: Path) -> bool:
    """Whether the write-ahead log holds what the file itself does not have yet."""
    log = beside(path, "wal")
    return log.exists() and log.stat().st_size > 0


def beside(path: Path, what: str) -> Path:
    """One of the files that SQLite keeps beside a database: "wal" is the log, "shm" is there while it is open."""
    return path.with_name(f"{path.name}-{what}")


def _full(path: Path) -> Failure:
    return Failure("full", f"no space left for {path}: free some on this disk")


def _free(path: Path) -> int:
    """How many bytes the file's disk has left. A folder that is gone is not a full disk."""
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return LITTLE_SPACE
