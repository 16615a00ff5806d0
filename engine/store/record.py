"""The record: one set of queries by table, for the engine that writes it and for everyone who reads it."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.errors import StoreUnusable
from engine.files import damage, not_a_file
from engine.sqlite import ERRORS, RESCUE, beside, log_waits
from engine.store import schema
from engine.store.errors import BadRow, StoreDamaged, StoreOld, bad_row, store_error
from engine.store.neuron_table import NeuronTable
from engine.store.plan_table import PlanTable
from engine.store.reply_table import ReplyTable
from engine.store.retention import Retention
from engine.store.round_table import RoundTable
from engine.store.small_tables import Carried, Commands, Nonces, Standings

BUSY_TIMEOUT_S = 5.0
"""How long SQLite waits for another process's lock, for readers and for the engine."""


class Record:
    """The tables behind one connection, each with a method per query; changes need a connection that may write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.rounds = RoundTable(connection)
        self.replies = ReplyTable(connection)
        self.neurons = NeuronTable(connection)
        self.plans = PlanTable(connection)
        self.carried = Carried(connection)
        self.standings = Standings(connection)
        self.commands = Commands(connection)
        self.nonces = Nonces(connection)
        self.retention = Retention(connection)


@contextmanager
def open_record(path: Path, *, brief: bool = False) -> Iterator[Record]:
    """The record for other processes: one consistent read-only view. It works while the engine writes, and on what a
    killed engine left behind.

    A `brief` view, closed within moments, leaves no trace in the folder if the write-ahead log is empty.
    Raises StoreUnusable, StoreTooNew and StoreError, on opening and while rows are read.
    """
    with begun(path, brief=brief) as connection:
        _require_current(connection, path)
        yield Record(connection)


@contextmanager
def begun(path: Path, *, brief: bool) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a file of any version, without the queries. Raises as `open_record`."""
    _require_file(path)
    try:
        with closing(sqlite3.connect(_uri(path, brief), uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)) as it:
            it.row_factory = sqlite3.Row
            it.execute("BEGIN")
            yield it
    except ERRORS as error:
        _require_file(path)  # which may have gone while it was being opened
        raise store_error(error, path) from error
    except BadRow as error:
        raise bad_row(error, path) from error


def require_whole(path: Path) -> None:
    """Raise StoreDamaged if SQLite's own check finds a damaged page, which reading some rows may miss."""
    with begun(path, brief=True) as connection:
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreDamaged(damage(path, " ".join(found.split()), RESCUE))


def _uri(path: Path, brief: bool) -> str:
    """SQLite keeps two files beside a database in WAL mode, for readers too, unless it is told that none writes.

    That is true on a medium that cannot be written, and as good as true for a moment while the log is empty: what an
    engine writes from then on goes into the log first.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    writable = os.access(path.parent, os.W_OK)
    if not log_waits(path):
        return f"{uri}&immutable=1" if brief or not writable else uri
    if not writable and not beside(path, "shm").exists():
        raise StoreUnusable(f"{beside(path, 'wal')} can only be read in a writable folder: copy both files into one")
    return uri


def _require_file(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError:
        raise StoreUnusable(f"{path} does not exist: nothing has been stored yet") from None
    except OSError as error:
        raise StoreUnusable(f"{path} cannot be read: {error.strerror}") from error
    for file in (path, beside(path, "wal")):
        if obstacle := not_a_file(file):
            raise StoreDamaged(damage(file, obstacle))


def _require_current(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    schema.refuse_newer(version, path)
    found = dict(map(tuple, connection.execute(schema.TABLES)))
    if 0 <= version < schema.LATEST:
        schema.require_none_later(version, found, path)
        raise StoreOld(f"{path} has schema {version}, this program reads {schema.LATEST}: launch it once to migrate")
    schema.require_whole(version, found, path)
