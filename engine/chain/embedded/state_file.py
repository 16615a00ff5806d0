"""The embedded chain on disk: one SQLite file, one transaction per block or extrinsic, from any process.

Synchronous; `EmbeddedChain` calls it from a thread. Thanks to WAL, kill -9 never tears a transaction. One process owns
the file and others may share it; exactly one of them makes the blocks.
"""

import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from engine.chain.embedded.state import ChainState, Hotkey, Slot
from engine.files import UNDECODABLE, Damaged, damage, not_a_file
from engine.folders import FolderError
from engine.locks import locked, open_lock
from engine.sqlite import EMPTY_LOG, ERRORS, NEWER, DatabaseFiles, failure_of, log_waits
from engine.values import Hyperparameters, Natural

log = logging.getLogger(__name__)

FILE_NAME = "chain.sqlite3"
DATA_VERSION = 1
BUSY_TIMEOUT_S = 2.0
"""How long another process waits for the owner's transaction, which takes milliseconds."""

FRESH_CHAIN = "move it away to start a fresh chain"

NEWEST = "SELECT value FROM head"
"""What identifies the file."""

_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS head (id INTEGER PRIMARY KEY CHECK (id = 1), value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS slots (uid INTEGER PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS hotkeys (hotkey TEXT PRIMARY KEY, coldkey TEXT NOT NULL, stake INTEGER NOT NULL)
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS balances (coldkey TEXT PRIMARY KEY, rao INTEGER NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {DATA_VERSION};
COMMIT;
"""


class ChainInUse(Exception):
    """Another process is running this embedded chain."""


class ChainDataError(Exception):
    """The file cannot be used: it is from a newer version, holds another subnet, or the disk fails."""


class ChainDamaged(ChainDataError, Damaged):
    """The file holds something that no version of this program writes."""


class _BadState(Exception):
    """The stored data is not a valid state."""


class _Head(Struct, frozen=True, kw_only=True):
    netuid: Natural
    seed: Natural
    rules: Hyperparameters
    block: Natural
    last_epoch: Natural
    burn: Natural
    epochs: Natural = 0
    block_time: float = 0.0
    bonds: dict[str, tuple[Natural, Natural]] = {}
    """The collateral of the hotkeys that have any, and its floor."""


class ChainGone(Exception):
    """The open file is no longer at its path."""


class StateFile:
    """The open file. Its locks end with `close`, or with the process, however it ends."""

    def __init__(self, path: Path, *, shared: bool = False) -> None:
        """Open or create it; a `shared` file may be owned by another process. Raises `ChainInUse`, `ChainDataError`."""
        self._path = path
        self._locks = ExitStack()
        self._state: ChainState | None = None
        self._version = -1
        with ExitStack() as unless_it_works:
            unless_it_works.callback(self._locks.close)
            with told(path):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                owning, self._making = _lock_file(path, "lock"), _lock_file(path, "blocks.lock")
                self._locks.callback(os.close, owning)
                self._locks.callback(os.close, self._making)
            if not (shared or locked(owning)):
                raise ChainInUse(
                    f"the embedded chain in {path.parent} is in use by another process: stop it, choose another "
                    f"--data-dir, or share it with --network embedded:{path.parent}"
                )
            self._open()
            unless_it_works.pop_all()
        self._files = DatabaseFiles(path)

    @property
    def gone(self) -> str:
        """Why the file is no longer the one that was opened, or "" if it still is."""
        return self._files.lost

    @property
    def makes_blocks(self) -> bool:
        """Whether this process makes the blocks; once it does, it does so until it ends."""
        return locked(self._making)

    def load(self) -> ChainState | None:
        """The state after the last transaction of any process; None if the file is new. Raises `ChainDataError`."""
        with told(self._path):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version != self._version:  # another process wrote, or nothing has been read yet
                self._state, self._version = _state_in(self._connection), version
            return self._state

    def change(self, rule: Callable[[ChainState | None], ChainState]) -> ChainState:
        """Apply a rule to the state after the last transaction and store the result, in one transaction.

        Raises `sqlite3.Error`, `ChainGone`, `ChainDataError` and whatever the rule raises; nothing is written then.
        """
        self._mend()
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            self._files.compare(NEWEST, connection.execute(NEWEST).fetchall())
            if gone := self.gone:
                raise ChainGone(f"{gone}: put it back, or stop this run and start again without it")
            before = self.load()
            after = rule(before)
            if after is not before:
                _write(connection, before, after)
        self._state = after
        return after

    def close(self) -> None:
        self._connection.close()
        self._locks.close()

    def _open(self) -> None:
        self._connection = _connect(self._path)
        self._version = -1

    def _mend(self) -> None:
        if not (lost := self._files.beside_lost):
            return
        [(busy, *_)] = self._connection.execute(EMPTY_LOG).fetchall()
        if busy:
            raise ChainGone(self._files.unmendable(lost))
        self._connection.close()
        self._open()
        self._files.reopened()
        log.warning("%s", self._files.mended(lost))


def _write(connection: sqlite3.Connection, before: ChainState | None, after: ChainState) -> None:
    """Write only what changed."""
    slots = before.slots if before else ()
    hotkeys = before.hotkeys if before else {}
    balances = before.balances if before else {}
    connection.execute("INSERT OR REPLACE INTO head VALUES (1, ?)", (_text(_head(after)),))
    connection.executemany(
        "INSERT OR REPLACE INTO slots VALUES (?, ?)",
        [(uid, _text(slot)) for uid, slot in enumerate(after.slots) if uid >= len(slots) or slots[uid] is not slot],
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


def read_state(path: Path) -> ChainState | None:
    """The chain in the file; None if it holds no block yet. Raises `ChainDataError`.

    If the write-ahead log is empty, the file is opened as immutable, which it is for the moment: SQLite then leaves no
    other file beside it, and can read it on read-only media.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro{'' if log_waits(path) else '&immutable=1'}"
    _require_file(path)
    with told(path), closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > DATA_VERSION:
            raise _newer(path, version)
        return _state_in(connection)


def _state_in(connection: sqlite3.Connection) -> ChainState | None:
    """The state in a file; None if it is new. Raises `sqlite3.Error`, `_BadState`."""
    rows = connection.execute("SELECT value FROM head").fetchall()
    if not rows:
        return None
    try:
        head = msgspec.json.decode(rows[0][0], type=_Head)
        slots = connection.execute("SELECT uid, value FROM slots ORDER BY uid").fetchall()
        owned = connection.execute("SELECT hotkey, coldkey, stake FROM hotkeys").fetchall()
        held = connection.execute("SELECT coldkey, rao FROM balances").fetchall()
        known = msgspec.structs.asdict(head)
        bonds = known.pop("bonds")
        state = ChainState(
            **known,
            slots=tuple(msgspec.json.decode(value, type=Slot) for _, value in slots),
            hotkeys={
                hotkey: Hotkey(coldkey, stake, *bonds.get(hotkey, ()))
                for hotkey, coldkey, stake in msgspec.convert(owned, list[tuple[str, str, Natural]])
            },
            balances=dict(msgspec.convert(held, list[tuple[str, Natural]])),
        )
    except (*UNDECODABLE, TypeError) as error:
        raise _BadState(error) from error
    if [uid for uid, _ in slots] != list(range(len(slots))):
        raise _BadState("its uids are not consecutive")
    if state.last_epoch > state.block:
        raise _BadState("its last epoch is later than its last block")
    if len({slot.hotkey for slot in state.slots}) < len(slots):
        raise _BadState("a hotkey has two uids")
    if any(uid >= len(slots) for slot in state.slots for uid, _ in slot.weights):
        raise _BadState("it has weights for uids that do not exist")
    if homeless := next((slot.hotkey for slot in state.slots if slot.hotkey not in state.hotkeys), None):
        raise _BadState(f"hotkey {homeless} has a uid but no owner")
    return state


def _require_file(path: Path) -> None:
    """Raise `ChainDamaged` for anything that would block whoever opens it."""
    if obstacle := not_a_file(path):
        raise ChainDamaged(damage(path, obstacle, FRESH_CHAIN))


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Re-raise errors about the file `path` as `ChainDamaged` or `ChainDataError`."""
    try:
        yield
    except ERRORS as error:
        kind, sentence = failure_of(error, path)
        raise (ChainDamaged if kind == "damaged" else ChainDataError)(sentence) from error
    except OSError as error:
        advice = "check that its folder exists and is yours"
        raise ChainDataError(f"{error.filename or path} cannot be opened ({error.strerror}): {advice}") from error
    except _BadState as error:
        raise ChainDamaged(damage(path, error, FRESH_CHAIN)) from error


def _lock_file(path: Path, kind: str) -> int:
    """A lock file beside the database: closing any descriptor of the database would drop SQLite's own locks."""
    try:
        return open_lock(path.with_name(f"{path.name}.{kind}"))
    except FolderError as error:
        raise ChainDataError(str(error)) from error


def _connect(path: Path) -> sqlite3.Connection:
    _require_file(path)
    with ExitStack() as unless_it_works, told(path):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        connection = sqlite3.connect(path, check_same_thread=False)
        unless_it_works.callback(connection.close)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > DATA_VERSION:
            raise _newer(path, version)
        if version == 0:
            connection.executescript(_SCHEMA)
        connection.execute("SELECT count(*) FROM head").fetchone()  # the log is opened by the first read
        unless_it_works.pop_all()
    return connection


def _newer(path: Path, version: int) -> ChainDataError:
    return ChainDataError(
        f"{path} was written by a newer version (data version {version}, this one supports {DATA_VERSION}): "
        f"{NEWER}, or choose another --data-dir"
    )


def _head(state: ChainState) -> _Head:
    return _Head(
        netuid=state.netuid,
        seed=state.seed,
        rules=state.rules,
        block=state.block,
        last_epoch=state.last_epoch,
        burn=state.burn,
        epochs=state.epochs,
        block_time=state.block_time,
        bonds={
            hotkey: (account.locked, account.floor)
            for hotkey, account in state.hotkeys.items()
            if account.locked or account.floor
        },
    )


def _text(value: Struct) -> str:
    return msgspec.json.encode(value).decode()
