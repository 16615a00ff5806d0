"""The table commands: what the operator had done."""

from math import inf
from sqlite3 import Connection, Row

from msgspec import Struct

from engine.snapshot import CommandView
from engine.store.columns import fields, storable
from engine.text import safe
from engine.values import At


class CommandRow(Struct, frozen=True, kw_only=True):
    """Of table commands."""

    at: At
    name: str
    detail: str
    outcome: str
    reason: str


class CommandLog:
    """One line a command, in the order in which they were answered."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, at: float, name: str, detail: str, outcome: str, reason: str) -> None:
        """Write down what became of a command at the unix time `at`."""
        query = "INSERT INTO commands (at, name, detail, outcome, reason) VALUES (?, ?, ?, ?, ?)"
        self._connection.execute(query, (at, name, storable(detail), outcome, storable(reason)))

    def recent(self, limit: int, *, until: float = inf) -> tuple[CommandView, ...]:
        """The last lines `until` then, newest first, cleaned. Raises BadRow."""
        query = "SELECT at, name, detail, outcome, reason FROM commands WHERE at <= ? ORDER BY id DESC LIMIT ?"
        return tuple(map(_line_of, self._connection.execute(query, (until, limit))))


def _line_of(row: Row) -> CommandView:
    stored: CommandRow = fields(row, CommandRow)
    return CommandView(
        at=stored.at,
        name=safe(stored.name),
        detail=safe(stored.detail),
        outcome=safe(stored.outcome),
        reason=safe(stored.reason),
    )
