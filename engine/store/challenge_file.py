"""A Challenge API's own database: `engine.gateway.challenge_book.ChallengeBook` in one SQLite file.

Each method is one transaction, in one thread. With WAL, kill -9 loses no challenge that was taken.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeVar

from engine.gateway.challenge_book import Kept, Posed, ReportKind, Stage, Taking
from engine.sqlite import ERRORS
from engine.store.errors import StoreTooNew, store_error

T = TypeVar("T")

FILE_NAME = "challenges.sqlite3"
DATA_VERSION = 1
BUSY_TIMEOUT_S = 5.0

REPORTS_KEPT = 100
"""Of each kind and validator: it reports every minute at most, and what is older says little."""

SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS challenges (
  id TEXT PRIMARY KEY, requester TEXT NOT NULL, at REAL NOT NULL, until REAL NOT NULL, body BLOB NOT NULL,
  stage TEXT NOT NULL DEFAULT 'waiting', validator TEXT NOT NULL DEFAULT '', answered_at REAL NOT NULL DEFAULT 0,
  batch BLOB NOT NULL DEFAULT x''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS waiting ON challenges (at) WHERE stage = 'waiting';
CREATE INDEX IF NOT EXISTS posed_at ON challenges (at);
CREATE TABLE IF NOT EXISTS pushes (
  challenge TEXT NOT NULL REFERENCES challenges ON DELETE CASCADE, hotkey TEXT NOT NULL, PRIMARY KEY (challenge, hotkey)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS reports (
  number INTEGER PRIMARY KEY, kind TEXT NOT NULL, hotkey TEXT NOT NULL, at REAL NOT NULL, body BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS reports_of ON reports (kind, hotkey, number);
PRAGMA user_version = {DATA_VERSION};
COMMIT;
"""

FIND = "SELECT * FROM challenges WHERE id = ?"
WAITING = "SELECT * FROM challenges WHERE stage = 'waiting' ORDER BY at"


class ChallengeFile:
    """A `ChallengeBook`. Opened by `open`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "challenges")

    @classmethod
    async def open(cls, path: Path) -> "ChallengeFile":
        """Create or open the file, which is readable by this user only. Raises StoreError."""
        book = cls(path)
        await book._in_thread(book._open)
        return book

    async def close(self) -> None:
        with suppress(Exception):
            await self._in_thread(lambda: self._connection.close())
        self._thread.shutdown(wait=False)

    async def add(self, posed: Posed, most: int) -> Literal["added", "known", "full"]:
        def add(database: sqlite3.Connection) -> Literal["added", "known", "full"]:
            if database.execute("SELECT 1 FROM challenges WHERE id = ?", (posed.id,)).fetchone():
                return "known"
            (waiting,) = database.execute("SELECT count(*) FROM challenges WHERE stage = 'waiting'").fetchone()
            if waiting >= most:
                return "full"
            values = (posed.id, posed.requester, posed.at, posed.until, posed.body)
            database.execute("INSERT INTO challenges (id, requester, at, until, body) VALUES (?, ?, ?, ?, ?)", values)
            return "added"

        return await self._changed(add)

    async def find(self, id: str) -> Kept | None:
        def find(database: sqlite3.Connection) -> Kept | None:
            row = database.execute(FIND, (id,)).fetchone()
            return None if row is None else _kept(row)

        return await self._changed(find)

    async def waiting(self) -> Sequence[Posed]:
        def waiting(database: sqlite3.Connection) -> Sequence[Posed]:
            rows = database.execute(WAITING)
            return [_kept(row).posed for row in rows]

        return await self._changed(waiting)

    async def note_push(self, id: str, hotkey: str) -> None:
        await self._changed(
            lambda database: database.execute("INSERT OR IGNORE INTO pushes VALUES (?, ?)", (id, hotkey))
        )

    async def answer(self, id: str, hotkey: str, batch: bytes, at: float) -> Taking:
        def answer(database: sqlite3.Connection) -> Taking:
            found = database.execute("SELECT stage FROM challenges WHERE id = ?", (id,)).fetchone()
            if found is None:
                return "unknown"
            if not database.execute("SELECT 1 FROM pushes WHERE challenge = ? AND hotkey = ?", (id, hotkey)).fetchone():
                return "unasked"
            if found[0] == "answered":
                return "known"
            database.execute(
                "UPDATE challenges SET stage = 'answered', validator = ?, answered_at = ?, batch = ? WHERE id = ?",
                (hotkey, at, batch, id),
            )
            return "taken"

        return await self._changed(answer)

    async def give_up(self, id: str) -> None:
        await self._changed(
            lambda database: database.execute(
                "UPDATE challenges SET stage = 'unanswered' WHERE id = ? AND stage = 'waiting'", (id,)
            )
        )

    async def report(self, kind: ReportKind, hotkey: str, body: bytes, at: float) -> None:
        def report(database: sqlite3.Connection) -> None:
            database.execute(
                "INSERT INTO reports (kind, hotkey, at, body) VALUES (?, ?, ?, ?)", (kind, hotkey, at, body)
            )
            database.execute(
                "DELETE FROM reports WHERE kind = ? AND hotkey = ? AND number <= (SELECT number FROM reports "
                "WHERE kind = ? AND hotkey = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (kind, hotkey, kind, hotkey, REPORTS_KEPT),
            )

        await self._changed(report)

    async def reports(self, kind: ReportKind, since: float) -> Sequence[tuple[str, bytes]]:
        return await self._changed(
            lambda database: database.execute(
                "SELECT hotkey, body FROM reports WHERE kind = ? AND at >= ? ORDER BY number DESC", (kind, since)
            ).fetchall()
        )

    async def forget(self, before: float) -> None:
        def forget(database: sqlite3.Connection) -> None:
            database.execute("DELETE FROM challenges WHERE at < ?", (before,))
            database.execute("DELETE FROM reports WHERE at < ?", (before,))

        await self._changed(forget)

    async def _changed(self, change: Callable[[sqlite3.Connection], T]) -> T:
        """What `change` returns, in one transaction."""

        def transaction() -> T:
            with self._connection:
                self._connection.execute("BEGIN IMMEDIATE")
                return change(self._connection)

        return await self._in_thread(transaction)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except ERRORS as error:
            raise store_error(error, self._path) from error

    def _open(self) -> None:
        with suppress(OSError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._connection = sqlite3.connect(self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        (version,) = self._connection.execute("PRAGMA user_version").fetchone()
        if version > DATA_VERSION:
            raise StoreTooNew(f"{self._path} was written by a newer version: update subnet-console")
        self._connection.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON"
        )
        self._connection.executescript(SCHEMA)


def _kept(row: tuple[str, str, float, float, bytes, Stage, str, float, bytes]) -> Kept:
    id, requester, at, until, body, stage, validator, answered_at, batch = row
    posed = Posed(id=id, requester=requester, at=at, until=until, body=body)
    return Kept(posed=posed, stage=stage, validator=validator, answered_at=answered_at, batch=batch)
