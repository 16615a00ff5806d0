"""The record: one set of queries by table, for the engine that writes it and for everybody who reads it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection

from engine.store.carried import Carried
from engine.store.command_log import CommandLog
from engine.store.neurons import Neurons
from engine.store.nonces import Nonces
from engine.store.plans import Plans
from engine.store.read_only import read_only
from engine.store.replies import Replies
from engine.store.retention import Retention
from engine.store.rounds import Rounds
from engine.store.standings import Standings


class Record:
    """What can be asked and, where the connection can write, changed on it: a method a query."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.rounds = Rounds(connection)
        self.replies = Replies(connection)
        self.neurons = Neurons(connection)
        self.plans = Plans(connection)
        self.carried = Carried(connection)
        self.standings = Standings(connection)
        self.commands = CommandLog(connection)
        self.nonces = Nonces(connection)
        self.retention = Retention(connection)


@contextmanager
def open_record(path: Path, *, brief: bool = False) -> Iterator[Record]:
    """The door for other processes: one consistent view, read-only. It works while the engine writes, and on what a
    killed engine left behind.

    A `brief` one, gone again within moments, leaves no trace in the folder (see `read_only`). Raises StoreUnusable,
    StoreTooNew and StoreError, on opening and while rows are read.
    """
    with read_only(path, brief=brief) as connection:
        yield Record(connection)
