"""The live store's SQLite file: opened, migrated, used by one task at a time, and usable again after a failure."""

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
from engine.store.record import BUSY_TIMEOUT_S, Record

log = logging.getLogger(__name__)

T = TypeVar("T")

WRITE_PATIENCE_S = 1.0
"""How long a write waits for another process's lock: longer than any normal one, far shorter than a round."""

BUSY_PAUSE_S = 0.02
"""Between two tries to get a lock that another process holds."""

WAL_KEPT = 16 * 1024 * 1024
"""The write-ahead log's size in bytes after a checkpoint."""

PRAGMAS = (
    "auto_vacuum = INCREMENTAL",
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "temp_store = MEMORY",
    f"journal_size_limit = {WAL_KEPT}",
)

NEWEST = "SELECT number, id FROM rounds ORDER BY number DESC LIMIT 1"
"""Two readers of the same file agree on this."""

PASSING = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CONSTRAINT})
"""Failures that leave the connection usable."""


class LiveConnection(aiosqlite.Connection):
    """An aiosqlite connection that runs whole queries in its thread, the same ones that every reader runs."""

    async def run(self, query: Callable[[Record], T]) -> T:
        """The answer of `query`, which is completed even if the caller is cancelled."""
        answer = await self._execute(lambda: query(Record(self._conn)))  # type: ignore[no-untyped-call]
        return cast(T, answer)


class Database:
    """Reads and transactions, one at a time. SQLite's errors are raised as `StoreError`.

    A transaction that fails is rolled back. After a failure of the disk or the file the connection is dropped, and the
    next read or write opens a new one.
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
        """Create or migrate the file. A new one is readable by this user only: it holds the salts of commits.

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
        """What became of the file that was opened, if it is no longer there; "" while it is."""
        return self._files.lost if self._files else ""

    async def mend(self) -> str:
        """If only a file beside the database was deleted or replaced, write its content to the database.

        Returns what was mended, in words. Raises StoreError, also if the file now reads differently.
        """
        async with self._in_turn() as connection:
            mine = list(await connection.execute_fetchall(NEWEST))
            if self._files:
                await asyncio.to_thread(self._files.compare, NEWEST, mine)
            self._require_place()
        mended, self._mended = self._mended, ""
        return mended

    async def close(self) -> None:
        """Close it, after all that was asked for before."""
        async with self._turn:
            self._closed = True
            await self._drop()

    async def read(self, query: Callable[[Record], T]) -> T:
        """The answer of `query`, which must not be an iterator that goes on reading."""
        async with self._in_turn() as connection:
            return await connection.run(query)

    async def write(self, change: Callable[[Record], T], *, durable: bool = False) -> T:
        """The answer of `change`, made in one transaction. Once begun, it is completed even if the caller is cancelled.

        While another process locks the file, this waits for a moment and lets other calls go first; a file that is
        known to be locked is tried only once.

        Every commit survives a crash of the process. A durable one is on the disk before this returns, and survives a
        crash of the machine: in WAL mode, SQLite only syncs every commit under synchronous = FULL.
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
        """Exclusive use of the connection."""
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
    """Another process locks the file, as SQLite's `error` says; no transaction was begun."""

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
    """Open a connection. A cancelled caller waits until that is done, since its thread reports to this loop."""
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
        await connection.execute("PRAGMA busy_timeout = 0")  # waiting inside SQLite would hold up readers
    except BaseException:
        await connection.close()
        raise
    return connection


async def _set(connection: LiveConnection, pragma: str) -> None:
    """Set a pragma, waiting for other processes: SQLite does not wait by itself when it switches a new file to WAL."""
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
    """Fail here: a failed aiosqlite.connect leaves a thread behind that outlives the loop."""
    sqlite3.connect(uri, uri=True).close()
