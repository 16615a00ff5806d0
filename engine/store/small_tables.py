"""The tables of a few columns: histories, cursors, score rules, penalties, commands and nonces."""

from collections.abc import Mapping
from math import inf
from sqlite3 import Connection, Row

import msgspec
from msgspec import Struct

from engine.snapshot import CommandView
from engine.store.columns import Count, Flag, cell, cells, decoded, fields, storable
from engine.sybil.penalties import Standing
from engine.text import safe
from engine.values import At
from engine.values.earned import Word
from engine.weights.averages import Rule

CLOCK_STEP_S = 3600.0
"""How long a nonce is kept after it expires, so that a clock that jumps ahead and back does not revive it."""


class CommandRow(Struct, frozen=True, kw_only=True):
    """A row of the table commands."""

    at: At
    name: str
    detail: str
    outcome: str
    reason: str


class Carried:
    """The tables histories, cursors and score_rules. Reads raise BadRow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def history(self, netuid: int, profile: str) -> bytes | None:
        """What this scoring profile had learnt by the last recorded round."""
        query = "SELECT CAST(value AS BLOB) FROM histories WHERE netuid = ? AND profile = ?"
        row = self._connection.execute(query, (netuid, profile)).fetchone()
        return None if row is None else cell(row, bytes)

    def histories(self) -> list[tuple[int, str, bytes]]:
        """What each scoring profile learnt on each subnet, as (netuid, profile, history)."""
        query = "SELECT netuid, profile, CAST(value AS BLOB) FROM histories ORDER BY netuid, profile"
        return [cells(row, int, Word, bytes) for row in self._connection.execute(query)]

    def keep_history(self, netuid: int, profile: str, history: bytes) -> None:
        """Replace what this profile had learnt."""
        self._connection.execute(_KEEP_HISTORY, (netuid, profile, history))

    def cursor(self, name: str) -> int | None:
        """How far the source of challenges called `name` has come."""
        row = self._connection.execute("SELECT value FROM cursors WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(cell(row, Count))

    def set_cursor(self, name: str, value: int) -> None:
        """Remember how far it has come."""
        self._connection.execute(_SET_CURSOR, (name, value))

    def score_rule(self, netuid: int) -> Rule | None:
        """How the engine makes scores from what its profile pays; None if it has not scored this subnet yet."""
        row = self._connection.execute("SELECT rule FROM score_rules WHERE netuid = ?", (netuid,)).fetchone()
        return None if row is None else decoded(row["rule"], Rule)

    def profile(self, netuid: int) -> str:
        """The scoring profile that scores are made from, "" before any."""
        row = self._connection.execute("SELECT profile FROM score_rules WHERE netuid = ?", (netuid,)).fetchone()
        return "" if row is None else str(cell(row, Word))

    def set_score_rule(self, netuid: int, rule: Rule, profile: str) -> None:
        """Remember how scores are made from now on."""
        self._connection.execute(_SET_RULE, (netuid, msgspec.json.encode(rule).decode(), profile))


class Standings:
    """The table penalties: which hotkeys' penalties are held, and the window in which each was first shown."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, netuid: int) -> dict[str, Standing]:
        """The standings of a subnet by hotkey. Raises BadRow."""
        rows = self._connection.execute("SELECT hotkey, held, shown FROM penalties WHERE netuid = ?", (netuid,))
        found = (cells(row, Word, Flag, Count | None) for row in rows)
        return {hotkey: Standing(bool(held), shown) for hotkey, held, shown in found}

    def replace(self, netuid: int, standings: Mapping[str, Standing]) -> None:
        """Replace all standings of this subnet."""
        self._connection.execute("DELETE FROM penalties WHERE netuid = ?", (netuid,))
        query = "INSERT INTO penalties (netuid, hotkey, held, shown) VALUES (?, ?, ?, ?)"
        rows = [(netuid, hotkey, standing.held, standing.shown) for hotkey, standing in standings.items()]
        self._connection.executemany(query, rows)


class Commands:
    """The table commands: one line per command of the operator, in the order of their outcomes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, at: float, name: str, detail: str, outcome: str, reason: str) -> None:
        """Record the outcome of a command at the unix time `at`."""
        query = "INSERT INTO commands (at, name, detail, outcome, reason) VALUES (?, ?, ?, ?, ?)"
        self._connection.execute(query, (at, name, storable(detail), outcome, storable(reason)))

    def recent(self, limit: int, *, until: float = inf) -> tuple[CommandView, ...]:
        """The latest lines up to `until`, newest first, cleaned for display. Raises BadRow."""
        query = "SELECT at, name, detail, outcome, reason FROM commands WHERE at <= ? ORDER BY id DESC LIMIT ?"
        return tuple(map(_line_of, self._connection.execute(query, (until, limit))))


class Nonces:
    """The table nonces: those that were seen, each with the unix time at which it expires."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: str, until: float) -> bool:
        """Whether it is new."""
        query = "INSERT INTO nonces (key, until) VALUES (?, ?) ON CONFLICT DO NOTHING"
        return self._connection.execute(query, (key, until)).rowcount == 1

    def sweep(self, now: float) -> int:
        """Forget expired ones, and count the rest."""
        self._connection.execute("DELETE FROM nonces WHERE until < ?", (now - CLOCK_STEP_S,))
        [(count,)] = self._connection.execute("SELECT count(*) FROM nonces").fetchall()
        return int(count)


def _line_of(row: Row) -> CommandView:
    stored: CommandRow = fields(row, CommandRow)
    return CommandView(
        at=stored.at,
        name=safe(stored.name),
        detail=safe(stored.detail),
        outcome=safe(stored.outcome),
        reason=safe(stored.reason),
    )


_KEEP_HISTORY = """
    INSERT INTO histories (netuid, profile, value) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET value = excluded.value
"""
_SET_CURSOR = "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_SET_RULE = """
    INSERT INTO score_rules (netuid, rule, profile) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET rule = excluded.rule, profile = excluded.profile
"""
