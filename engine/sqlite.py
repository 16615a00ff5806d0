"""SQLite databases: which kind of failure an error is, and whether an open database is still the file at its path.

What is written to a deleted, replaced, emptied or overwritten file is lost.
"""

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Literal, NamedTuple

from engine.files import START_AFRESH, Whereabouts, damage, not_a_file

Kind = Literal["full", "locked", "disk", "damaged", "closed", "other"]

ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What the sqlite3 module raises; the second if the message of the first is not valid UTF-8."""

LITTLE_SPACE = 256 * 1024
"""In bytes: with less than this free, a failed write is a full disk, whatever the system calls it."""

FOREIGN_SCHEMA = ("no such table", "no such column", "has no column named", "no such index")
"""How SQLite words the failure of one of our statements on foreign tables: it has no error code of its own for that."""

NEWER = "update subnet-console, or put a backup from before the upgrade in its place ('subnet-console restore FILE')"
"""The ways back where a file is newer than the program."""

RESCUE = f"{START_AFRESH}; `sqlite3 FILE .recover` rescues its rows"

EMPTY_LOG = "PRAGMA wal_checkpoint(FULL)"
"""Puts what the log holds into the database; the first cell of its answer says whether another process keeps it from
that."""

LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""How a write-ahead log begins, from its first frame on."""


class Failure(NamedTuple):
    """The kind of failure, and a sentence for the operator: which file, what is wrong, what to do."""

    kind: Kind
    sentence: str


def failure_of(error: Exception, path: Path) -> Failure:
    """What SQLite's error on the file `path` means. Only "damaged" means that the file is unusable."""
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
        case None if isinstance(error, sqlite3.OperationalError):  # raised without a code for this alone
            return Failure("damaged", damage(path, "a text in it is not valid UTF-8", RESCUE))
        case _:
            return Failure("other", f"{path} could not be read or written ({error}): try again, and look at the log")


def primary_code(error: Exception) -> int | None:
    """SQLite's primary result code; None for an error of the Python module."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def log_waits(path: Path) -> bool:
    """Whether the write-ahead log has content that may not be in the file yet."""
    log = beside(path, "wal")
    return log.exists() and log.stat().st_size > 0


def beside(path: Path, what: str) -> Path:
    """A file that SQLite keeps beside a database: "wal" is the log, "shm" exists while it is open."""
    return path.with_name(f"{path.name}-{what}")


class DatabaseFiles:
    """An open database and the files beside it, as they were when it was first read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = beside(path, "wal")
        self._place = Whereabouts(path)
        self._spoiled = ""
        self.reopened()

    def reopened(self) -> None:
        """Take the files beside the database to be those of a new connection."""
        self._beside = Whereabouts(self._log, beside(self._path, "shm"))
        self._log_begun = False

    @property
    def lost(self) -> str:
        """What became of the database, in words, "" while it is there. One that is put back is found again; one that
        was emptied or overwritten stays lost, since the open connection no longer matches the file."""
        if moved := self._place.lost():
            return moved
        if not self._spoiled:
            self._spoiled = self._emptied()
        return self._spoiled

    @property
    def beside_lost(self) -> str:
        """Which file beside the database was deleted or replaced, in words. SQLite keeps using a deleted log, so its
        content must be written to the database."""
        return "" if self.lost else self._beside.lost()

    def unmendable(self, lost: str) -> str:
        """The message if a file beside the database is lost and the log cannot be written to the database."""
        return f"{lost}, and another process prevents its content from being merged into {self._path}: end that process"

    def mended(self, lost: str) -> str:
        """The message once its content has been written to the database."""
        return f"{lost}: its content was merged into {self._path.name}"

    def compare(self, query: str, mine: Sequence[Sequence[Any]]) -> None:
        """Check that a new connection reads the same as the open one, which caches part of the file."""
        if self.lost:
            return  # whoever opens an emptied database deletes its log
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=0)) as newcomer:
                theirs = newcomer.execute(query).fetchall()
        except ERRORS as error:
            cut_short = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_IOERR_SHORT_READ
            if cut_short or failure_of(error, self._path).kind == "damaged":
                self._spoiled = _overwritten(self._path)
            return
        if [tuple(row) for row in mine] != theirs:
            self._spoiled = _overwritten(self._path)

    def _emptied(self) -> str:
        """Closing any descriptor of the database drops SQLite's locks on it, so it is never opened here."""
        try:
            if self._path.stat().st_size == 0:
                return _overwritten(self._path)
            begins = _first_bytes(self._log)
        except OSError:
            return ""  # a log that is missing is mended
        self._log_begun = self._log_begun or begins in LOG_MAGIC
        return _overwritten(self._log) if self._log_begun and begins not in LOG_MAGIC else ""


def _full(path: Path) -> Failure:
    return Failure("full", f"no space left for {path}: free some on this disk")


def _free(path: Path) -> int:
    """How many bytes the file's disk has left. A folder that is gone is not a full disk."""
    try:
        return shutil.disk_usage(path.parent).free
    except OSError:
        return LITTLE_SPACE


def _overwritten(path: Path) -> str:
    return f"{path} was emptied or overwritten while it was in use"


def _first_bytes(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.pread(descriptor, len(LOG_MAGIC[0]), 0)
    finally:
        os.close(descriptor)
