"""SQLite's files: its failures told apart, and whether an open database still is what lies at its path.

Deleted, replaced, emptied or overwritten files lose what is written to them.
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
"""What SQLite's module raises; the second where the words of the first hold what is no longer text."""

LITTLE_SPACE = 256 * 1024
"""Bytes: with less than this left, a failed write is a full disk, whatever the system calls it."""

FOREIGN_SCHEMA = ("no such table", "no such column", "has no column named", "no such index")
"""How SQLite words the failure of one of our statements on foreign tables: it has no error code of its own for that."""

RESCUE = f"{START_AFRESH}; `sqlite3 FILE .recover` rescues its rows"

EMPTY_LOG = "PRAGMA wal_checkpoint(FULL)"
"""Puts what the log holds into the database; the first cell of its answer says whether another process keeps it from
that."""

LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""How a write-ahead log begins, from its first frame on."""


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
        case None if isinstance(error, sqlite3.OperationalError):  # raised without a code for this alone
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


class DatabaseFiles:
    """A database with the files beside it, from the moment when it was opened and read for the first time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = beside(path, "wal")
        self._place = Whereabouts(path)
        self._spoiled = ""
        self.reopened()

    def reopened(self) -> None:
        """The files beside the database are those of a new connection."""
        self._beside = Whereabouts(self._log, beside(self._path, "shm"))
        self._log_begun = False

    @property
    def lost(self) -> str:
        """What became of the database, in words, "" while all is well. One that is put back is found again, but one
        that was emptied or overwritten stays lost: what is open and what lies there are two different things."""
        if moved := self._place.lost():
            return moved
        if not self._spoiled:
            self._spoiled = self._emptied()
        return self._spoiled

    @property
    def beside_lost(self) -> str:
        """Which file beside the database was deleted or replaced, in words. SQLite goes on with a log that was deleted:
        what that holds must be put into the database."""
        return "" if self.lost else self._beside.lost()

    def unmendable(self, lost: str) -> str:
        """What is wrong where a file beside the database is lost and the log cannot be put into it."""
        return f"{lost}, and another process keeps its content from being put into {self._path}: end that"

    def mended(self, lost: str) -> str:
        """What was done about it."""
        return f"{lost}: what it held was put into {self._path.name}"

    def compare(self, query: str, mine: Sequence[Sequence[Any]]) -> None:
        """Find out whether a newcomer reads what the open connection does, which has a part of the file in memory."""
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
        """SQLite's locks die with any descriptor that is closed on the database: that one is only looked at."""
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
