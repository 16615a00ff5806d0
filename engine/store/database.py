"""The SQLite file behind one connection: opened and migrated, used in turns, usable again after a failure."""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal

import aiosqlite

from engine.database_files import EMPTY_LOG, DatabaseFiles
from engine.errors import StoreError
from engine.sqlite import ERRORS, primary_code
from engine.store import schema
from engine.store.errors import BadRow, StoreGone, bad_row, store_error

log = logging.getLogger(__name__)

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


class Database:
    """Reads and transactions, one at a time. Whatever SQLite raises comes out as a `StoreError`.

    A transaction that fails or is cancelled is rolled back. After a failure of the disk or the file the connection is
    dropped and the next turn opens a new one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._uri = path.absolute().as_uri()
        self._turn = asyncio.Lock()
        self._mode: Literal["rwc", "rw"] = "rwc"
        self._connection: aiosqlite.Connection | None = None
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
            while await database._migrate_one():
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
        async with self.read() as connection:
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

    @asynccontextmanager
    async def read(self) -> AsyncIterator[aiosqlite.Connection]:
        """A turn on the connection, outside of any transaction."""
        async with self._turn:
            try:
                await self._mend()
                yield await self._connected()
            except ERRORS as error:
                if primary_code(error) not in PASSING or self._in_transaction:
                    await self._drop()
                raise store_error(error, self._path) from error
            except BadRow as error:
                raise bad_row(error, self._path) from error

    @asynccontextmanager
    async def write(self, *, durable: bool = False) -> AsyncIterator[aiosqlite.Connection]:
        """A transaction, committed at the end of the block.

        Every commit survives the end of the process. A durable one is on the disk when the block is left and survives
        the end of the machine too: in WAL, SQLite syncs at each commit under synchronous = FULL only.
        """
        patient_until = time.monotonic() + (0.0 if self._is_held else self._patience_s)
        while True:
            async with self.read() as connection:
                self._require_place()
                await connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                if await self._begins(connection, patient_until):
                    try:
                        yield connection
                        await connection.execute("COMMIT")
                    except BaseException:
                        await connection.rollback()
                        raise
                    self._require_place()
                    await self._mend()
                    return
            await asyncio.sleep(BUSY_PAUSE_S)

    async def _begins(self, connection: aiosqlite.Connection, patient_until: float) -> bool:
        """Begin a transaction. False while another process holds the file: others have their turn before the next try.

        What is known to be held is tried once and not waited for.
        """
        try:
            await connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if primary_code(error) != sqlite3.SQLITE_BUSY:
                raise
            if time.monotonic() >= patient_until:
                self._is_held = True
                raise
            return False
        self._is_held = False
        return True

    async def _migrate_one(self) -> bool:
        """Take the schema one version up. False: it is up to date. Raises StoreTooNew."""
        async with self.write() as connection:
            [(version,)] = await connection.execute_fetchall("PRAGMA user_version")
            schema.refuse_newer(version, self._path)
            found = {str(name): str(columns) for name, columns in await connection.execute_fetchall(schema.TABLES)}
            schema.require_whole(version, found, self._path)
            if version == schema.LATEST:
                return False
            for statement in schema.statements(schema.MIGRATIONS[version]):
                await connection.execute(statement)
            await connection.execute(f"PRAGMA user_version = {version + 1}")
            return True

    async def _connected(self) -> aiosqlite.Connection:
        if self._closed:
            raise StoreError(f"{self._path} is closed")
        if self._connection is None:
            self._require_place()
            self._connection = await _connect(f"{self._uri}?mode={self._mode}")
            self._files = self._files or DatabaseFiles(self._path)
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
                log.warning("closing %s failed: %s", self._path, error)


async def _connect(uri: str) -> aiosqlite.Connection:
    """Open; whoever is cancelled meanwhile waits for the end of it, since its thread reports to this loop."""
    opening = asyncio.create_task(_open(uri))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        with suppress(sqlite3.Error):
            await (await opening).close()
        raise


async def _open(uri: str) -> aiosqlite.Connection:
    _try_opening(uri)
    connection = await aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
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


async def _set(connection: aiosqlite.Connection, pragma: str) -> None:
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
