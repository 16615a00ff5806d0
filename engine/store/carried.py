"""What is carried from round to round: histories of the scoring profiles, cursors of sources, rules of scores."""

from sqlite3 import Connection

import msgspec

from engine.store.columns import Count, cell, cells, decoded
from engine.store.stored import Word
from engine.weights.averages import Rule


class Carried:
    """The tables histories, cursors and score_rules. What is read raises BadRow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def history(self, netuid: int, profile: str) -> bytes | None:
        """What this scoring profile had learnt by the round that was recorded last."""
        query = "SELECT CAST(value AS BLOB) FROM histories WHERE netuid = ? AND profile = ?"
        row = self._connection.execute(query, (netuid, profile)).fetchone()
        return None if row is None else cell(row, bytes)

    def histories(self) -> list[tuple[int, str, bytes]]:
        """What each scoring profile learnt on each subnet, as (netuid, profile, history)."""
        query = "SELECT netuid, profile, CAST(value AS BLOB) FROM histories ORDER BY netuid, profile"
        return [cells(row, int, Word, bytes) for row in self._connection.execute(query)]

    def keep_history(self, netuid: int, profile: str, history: bytes) -> None:
        """In place of the one before."""
        self._connection.execute(_KEEP_HISTORY, (netuid, profile, history))

    def cursor(self, name: str) -> int | None:
        """How far the source of challenges called `name` has come."""
        row = self._connection.execute("SELECT value FROM cursors WHERE name = ?", (name,)).fetchone()
        return None if row is None else int(cell(row, Count))

    def set_cursor(self, name: str, value: int) -> None:
        """It has come so far."""
        self._connection.execute(_SET_CURSOR, (name, value))

    def score_rule(self, netuid: int) -> Rule | None:
        """How the engine makes scores of what its profile pays. None: it has scored nothing of this subnet yet."""
        row = self._connection.execute("SELECT rule FROM score_rules WHERE netuid = ?", (netuid,)).fetchone()
        return None if row is None else decoded(row["rule"], Rule)

    def profile(self, netuid: int) -> str:
        """The scoring profile of which scores are made, "" before any."""
        row = self._connection.execute("SELECT profile FROM score_rules WHERE netuid = ?", (netuid,)).fetchone()
        return "" if row is None else str(cell(row, Word))

    def set_score_rule(self, netuid: int, rule: Rule, profile: str) -> None:
        """Scores are made so from now on."""
        self._connection.execute(_SET_RULE, (netuid, msgspec.json.encode(rule).decode(), profile))


_KEEP_HISTORY = """
    INSERT INTO histories (netuid, profile, value) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET value = excluded.value
"""
_SET_CURSOR = "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_SET_RULE = """
    INSERT INTO score_rules (netuid, rule, profile) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET rule = excluded.rule, profile = excluded.profile
"""
