"""The SQLite file behind one connection: opened and migrated, used in turns, usable again after a failure."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar, cast

import aiosqlite

from engine.errors import StoreError, StoreGone
from engine.sqlite import EMPTY_LOG, ERRORS, DatabaseFiles, primary_code
from engine.store import schema
from engine.store.errors import BadRow, bad_row, store_error
from engine.store.record import Record

log = logging.getLogger(__name__)

T = TypeVar("T")

BUSY_TIMEOUT_S = 5.0
WRITE_PATIENCE_S = 1.0
"""How long a write waits for another process that holds the file: longer than a sound one does, and no round's time."""

BUSY_PAUSE_S = 0.02
WAL_KEPT = 16 * 1024 * 1024
"""Bytes that the write-ahead log keeps once its content is in the database."""

PRAGMAS = (
    "auto_vacuum = INCREMENTAL",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    f"journal_size_limit = {WAL_KEPT}",
)

NEWEST = "SELECT number, id FROM rounds ORDER BY number DESC LIMIT 1"
"""What a look at the file compares."""

PASSING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT})
"""Failures after which the connection is as good as before."""


class LiveConnection(aiosqlite.Connection):
    """aiosqlite's, that runs whole queries in its thread: those that every reader of the record runs."""

    async def run(self, query: Callable[[Record], T]) -> T:
        """What `query` answers. It runs to its end also when whoever waits for it is cancelled."""
        answer = await self._execute(lambda: query(Record(self._conn)))  # type: ignore[no-untyped-call]
        return cast(T, answer)


class Database:
    """Reads and transactions, one at a time. Whatever SQLite raises comes out as a `StoreError`.

    A transaction that fails is rolled back. After a failure of the disk or the file the connection is
    dropped and the next turn opens a new one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._uri = path.absolute().as_uri()
        self._turn = asyncio.Lock()
        self._mode: Literal["rwc", "rw"] = "rwc"
        self._connection: LiveConnection | None = None
        self._closed = False
        self._files: DatabaseFiles | None = None
        self._mended = ""
        self._patience_s = BUSY_TIMEOUT_S
        self._is_held = False

    @classmethod
    async def open(cls, path: Path) -> "Database":
        """Create or migrate the file; one that is made is for this user alone, as it holds the salts of commits.

        Raises StoreTooNew, StoreUnusable, StoreError.
        """
        with suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = cls(path)
        try:
            while await database.write(database._migrate_one):
                pass
        except BaseException:
            await database.close()
            raise
        database._mode = "rw"
        database._patience_s = WRITE_PATIENCE_S
        return database

    @property
    def gone(self) -> str:
        """Whether the file is not what was opened any more, in words; "" while all is well."""
        return self._files.lost if self._files else ""

    async def mend(self) -> str:
        """Where only a file beside the database was deleted or replaced, put what it held into the database.

        Returns what was mended, in words. Raises StoreError, also where others read something else from the file.
        """
        async with self._in_turn() as connection:
            mine = list(await connection.execute_fetchall(NEWEST))
            if self._files:
                await asyncio.to_thread(self._files.compare, NEWEST, mine)
            self._require_place()
        mended, self._mended = self._mended, ""
        return mended

    async def close(self) -> None:
        async with self._turn:
            self._closed = True
            await self._drop()

    async def read(self, query: Callable[[Record], T]) -> T:
        """What `query` answers, outside of any transaction. It hands out nothing that goes on reading."""
        async with self._in_turn() as connection:
            return await connection.run(query)

    async def write(self, change: Callable[[Record], T], *, durable: bool = False) -> T:
        """What `change` answers, in one transaction that is committed at its end, also when whoever waits for it is
        cancelled once it has begun.

        While another process holds the file, others have their turn before the next try; what is known to be held is
        tried once and not waited for.

        Every commit survives the end of the process. A durable one is on the disk before this returns and survives the
        end of the machine too: in WAL, SQLite syncs at each commit under synchronous = FULL only.
        """
        patient_until = time.monotonic() + (0.0 if self._is_held else self._patience_s)
        while True:
            async with self._in_turn() as connection:
                self._require_place()
                try:
                    answer = await connection.run(partial(_transaction, change, durable))
                except _Held as held:
                    self._is_held = time.monotonic() >= patient_until
                    if self._is_held:
                        raise held.error from held
                else:
                    self._is_held = False
                    self._require_place()
                    await self._mend()
                    return answer
            await asyncio.sleep(BUSY_PAUSE_S)

    @asynccontextmanager
    async def _in_turn(self) -> AsyncIterator[LiveConnection]:
        """A turn on the connection, outside of any transaction."""
        async with self._turn:
            try:
                await self._mend()
                yield await self._connected()
            except ERRORS as error:
                if primary_code(error) not in PASSING or self._in_transaction:
                    await self._drop()
                raise store_error(error, self.path) from error
            except BadRow as error:
                raise bad_row(error, self.path) from error

    def _migrate_one(self, record: Record) -> bool:
        """Take the schema one version up. False: it is up to date. Raises StoreTooNew."""
        connection = record.connection
        [(version,)] = connection.execute("PRAGMA user_version")
        schema.refuse_newer(version, self.path)
        found = {str(name): str(columns) for name, columns in connection.execute(schema.TABLES)}
        schema.require_whole(version, found, self.path)
        if version == schema.LATEST:
            return False
        for statement in schema.statements(schema.MIGRATIONS[version]):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {version + 1}")
        return True

    async def _connected(self) -> LiveConnection:
        if self._closed:
            raise StoreError(f"{self.path} is closed")
        if self._connection is None:
            self._require_place()
            self._connection = await _connect(f"{self._uri}?mode={self._mode}")
            self._files = self._files or DatabaseFiles(self.path)
            self._files.reopened()
        return self._connection

    def _require_place(self) -> None:
        if gone := self.gone:
            raise StoreGone(f"{gone}: put it back, or end this run and start again without it")

    async def _mend(self) -> None:
        if self._connection is None or self._files is None or not (lost := self._files.beside_lost):
            return
        await self._connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY_TIMEOUT_S:.0f}")
        [(busy, *_)] = await self._connection.execute_fetchall(EMPTY_LOG)
        await self._connection.execute("PRAGMA busy_timeout = 0")
        if busy:
            raise StoreGone(self._files.unmendable(lost))
        await self._drop()
        self._mended = self._files.mended(lost)
        log.warning("%s", self._mended)

    @property
    def _in_transaction(self) -> bool:
        return self._connection is not None and self._connection.in_transaction

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            try:
                await connection.close()
            except sqlite3.Error as error:
                log.warning("closing %s failed: %s", self.path, error)


class _Held(Exception):
    """Another process holds the file, by SQLite's `error`, and nothing was begun."""

    def __init__(self, error: sqlite3.OperationalError) -> None:
        super().__init__(str(error))
        self.error = error


def _transaction(change: Callable[[Record], T], durable: bool, record: Record) -> T:
    connection = record.connection
    connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if primary_code(error) != sqlite3.SQLITE_BUSY:
            raise
        raise _Held(error) from error
    try:
        answer = change(record)
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return answer


async def _connect(uri: str) -> LiveConnection:
    """Open; whoever is cancelled meanwhile waits for the end of it, since its thread reports to this loop."""
    opening = asyncio.create_task(_open(uri))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(sqlite3.Error):
            await (await opening).close()
        raise


async def _open(uri: str) -> LiveConnection:
    _try_opening(uri)
    connection = LiveConnection(
        lambda: sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S), iter_chunk_size=1
    )
    await connection
    try:
        connection.row_factory = sqlite3.Row
        for pragma in PRAGMAS:
            await _set(connection, pragma)
        await connection.execute_fetchall("SELECT count(*) FROM sqlite_master")  # the log is opened by the first read
        await connection.execute("PRAGMA busy_timeout = 0")  # a wait in there would hold up whoever wants to read
    except BaseException:
        await connection.close()
        raise
    return connection


async def _set(connection: LiveConnection, pragma: str) -> None:
    """SQLite waits for others that use the file, but not before it turns a new one into WAL."""
    until = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            await connection.execute_fetchall(f"PRAGMA {pragma}")
            return
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY or time.monotonic() >= until:
                raise
            await asyncio.sleep(BUSY_PAUSE_S)


def _try_opening(uri: str) -> None:
    """Fail here, where nothing is left behind: a failed aiosqlite.connect leaves a thread that outlives the loop."""
    sqlite3.connect(uri, uri=True).close()
