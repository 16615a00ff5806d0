"""Whether an open SQLite database still is what lies at its path: deleted, replaced, emptied or overwritten files lose
what is written to them."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from engine.place import Place
from engine.sqlite import ERRORS, beside, failure_of

EMPTY_LOG = "PRAGMA wal_checkpoint(FULL)"
"""Puts what the log holds into the database; the first cell of its answer says whether another process keeps it from
that."""

LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
"""How a write-ahead log begins, from its first frame on."""


class DatabaseFiles:
    """A database with the files beside it, from the moment when it was opened and read for the first time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = beside(path, "wal")
        self._place = Place(path)
        self._spoiled = ""
        self.reopened()

    def reopened(self) -> None:
        """The files beside the database are those of a new connection."""
        self._beside = Place(self._log, beside(self._path, "shm"))
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


def _overwritten(path: Path) -> str:
    return f"{path} was emptied or overwritten while it was in use"


def _first_bytes(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        return os.pread(descriptor, len(LOG_MAGIC[0]), 0)
    finally:
        os.close(descriptor)
