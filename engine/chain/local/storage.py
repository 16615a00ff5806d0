"""The embedded chain on disk: one SQLite file, one transaction a block or extrinsic, one process at a time.

Synchronous; `LocalChain` calls it from a thread. WAL keeps kill -9 from ever tearing a transaction.
"""

import fcntl
import os
import sqlite3
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.chain.local.state import Hotkey, Slot, State
from engine.values import Hyperparameters

FILE_NAME = "chain.sqlite3"
DATA_VERSION = 1

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE head (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
CREATE TABLE slots (uid INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE hotkeys (hotkey TEXT PRIMARY KEY, coldkey TEXT NOT NULL, stake INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE balances (coldkey TEXT PRIMARY KEY, rao INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {DATA_VERSION};
COMMIT;
"""


class ChainInUse(Exception):
    """Another process runs this embedded chain."""


class ChainDataError(Exception):
    """The file cannot be used as it is: from a newer version, damaged, or another subnet's."""


class _Head(Struct, frozen=True, kw_only=True):
    netuid: int
    seed: int
    rules: Hyperparameters
    block: int
    last_epoch: int
    burn: int
    epochs: int = 0


class StateFile:
    """The open file. Locked until `close`, or the end of the process however it comes."""

    def __init__(self, path: Path) -> None:
        """Open or create it. Raises `ChainInUse`, `ChainDataError`, `OSError`."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = path
        self._lock = _lock(path)
        try:
            self._connection = _connect(path)
        except BaseException:
            os.close(self._lock)
            raise

    def load(self) -> State | None:
        """The state after the last transaction, None when the file is new."""
        try:
            return read_state(self._connection)
        except (sqlite3.DatabaseError, msgspec.DecodeError) as error:
            raise damaged(self._path, error) from error

    def save(self, before: State | None, after: State) -> None:
        """Write what differs, in one transaction. Raises `sqlite3.Error`, and then nothing was written."""
        slots = before.slots if before else ()
        hotkeys = before.hotkeys if before else {}
        balances = before.balances if before else {}
        with self._connection as connection:
            connection.execute("INSERT OR REPLACE INTO head VALUES (1, ?)", (_text(_head(after)),))
            connection.executemany(
                "INSERT OR REPLACE INTO slots VALUES (?, ?)",
                [
                    (uid, _text(slot))
                    for uid, slot in enumerate(after.slots)
                    if uid >= len(slots) or slots[uid] is not slot
                ],
            )
            if after.hotkeys is not hotkeys:
                connection.executemany(
                    "INSERT OR REPLACE INTO hotkeys VALUES (?, ?, ?)",
                    [
                        (hotkey, account.coldkey, account.stake)
                        for hotkey, account in after.hotkeys.items()
                        if hotkeys.get(hotkey) != account
                    ],
                )
            if after.balances is not balances:
                connection.executemany(
                    "INSERT OR REPLACE INTO balances VALUES (?, ?)",
                    [(coldkey, rao) for coldkey, rao in after.balances.items() if balances.get(coldkey) != rao],
                )

    def close(self) -> None:
        self._connection.close()
        os.close(self._lock)


def read_state(connection: sqlite3.Connection) -> State | None:
    """What a file holds, None when it is new. Raises `sqlite3.Error`, `msgspec.DecodeError`."""
    rows = connection.execute("SELECT value FROM head").fetchall()
    if not rows:
        return None
    head = msgspec.json.decode(rows[0][0], type=_Head)
    slots = connection.execute("SELECT value FROM slots ORDER BY uid")
    hotkeys = connection.execute("SELECT hotkey, coldkey, stake FROM hotkeys")
    return State(
        **msgspec.structs.asdict(head),
        slots=tuple(msgspec.json.decode(value, type=Slot) for (value,) in slots),
        hotkeys={hotkey: Hotkey(coldkey, stake) for hotkey, coldkey, stake in hotkeys},
        balances=dict(connection.execute("SELECT coldkey, rao FROM balances")),
    )


def _lock(path: Path) -> int:
    """A lock beside the file, as SQLite's own locks die with any descriptor that is closed on it."""
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ChainInUse(
            f"the embedded chain in {path.parent} runs in another process: stop that one, or choose another --data-dir"
        ) from None
    return descriptor


def _connect(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            connection.executescript(_SCHEMA)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise damaged(path, error) from error
    if version > DATA_VERSION:
        connection.close()
        raise newer(path, version)
    return connection


def newer(path: Path, version: int) -> ChainDataError:
    return ChainDataError(
        f"{path} was written by a newer version (data version {version}, this one knows {DATA_VERSION}): "
        "update subnet-console, or choose another --data-dir"
    )


def damaged(path: Path, error: Exception) -> ChainDataError:
    return ChainDataError(f"{path} cannot be read ({error}): move it away to start a fresh chain")


def _head(state: State) -> _Head:
    return _Head(
        netuid=state.netuid,
        seed=state.seed,
        rules=state.rules,
        block=state.block,
        last_epoch=state.last_epoch,
        burn=state.burn,
        epochs=state.epochs,
    )


def _text(value: Struct) -> str:
    return msgspec.json.encode(value).decode()
