"""What was stored up to an earlier round: the read-only door for looking back, by index, however long the record is."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from engine.snapshot import CommandView, PlanView
from engine.store.journal import plan_row
from engine.store.read_only import is_alone, read_only
from engine.store.reader import Reader
from engine.store.rows import HISTORY, ON_CHAIN, plan_of, status_of, word
from engine.text import safe
from engine.values import Challenge, Judgement, Reply, ReplyStatus, Request, Round, Source
from engine.weights.plan import WeightPlan


class Mark(NamedTuple):
    """Where a round lies: the number under which it is stored, which grows, and when it was asked."""

    number: int
    at: float


class PastReply(NamedTuple):
    """One reply of a miner as its account needs it: no text, no reasons."""

    at: float
    uid: int
    status: ReplyStatus
    ms: float
    emission: float


@contextmanager
def open_past(path: Path) -> Iterator["Past"]:
    """For moments only. Raises StoreUnusable, StoreTooNew and StoreError, on opening and while rows are read."""
    with read_only(path, brief=True) as connection:
        yield Past(connection)


class Past:
    """Rows as they were when it was opened; `until` is the number of the last round that counts.

    The `reader` answers what else there is to ask.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.reader = Reader(connection)

    def marks(self, netuid: int, after: int) -> list[Mark]:
        """Where the rounds with a number above `after` lie, in the order in which they were recorded."""
        if after:
            query = "SELECT number, at FROM rounds WHERE number > ? AND netuid = ? ORDER BY number"
            return [Mark(*row) for row in self._connection.execute(query, (after, netuid))]
        query = _MARKS if is_alone(self._connection, netuid) else _MARKS_OF_ONE
        return sorted(Mark(*row) for row in self._connection.execute(query, {"netuid": netuid}))

    def span(self, netuid: int) -> tuple[int, int] | None:
        """The numbers of the first and the last round that are kept."""
        numbers = []
        for query in (_OLDEST, _NEWEST):
            numbers += [number for (number,) in self._connection.execute(query, (netuid,))]
        return (numbers[0], numbers[1]) if numbers else None

    def round(self, number: int) -> Round | None:
        """One round as a table of rounds needs it: no question, no verdicts, no more of a reply than how it went."""
        row = self._connection.execute("SELECT * FROM rounds WHERE number = ?", (number,)).fetchone()
        if row is None:
            return None
        replies = self._connection.execute(_BARE_REPLIES, (number,))
        return Round(
            challenge=Challenge(
                id=row["id"],
                kind=row["kind"],
                source=msgspec.convert(word(row["source"]), Source),
                created_at=row["created_at"],
                request=Request(),
                scored=bool(row["scored"]),
            ),
            replies=tuple(
                Reply(uid=uid, hotkey=word(hotkey), status=status_of(status), ms=ms)
                for uid, hotkey, status, ms in replies
            ),
            judgement=Judgement(
                profile=word(row["profile"]),
                consensus=row["consensus"],
                agreement=row["agreement"],
                winner=row["winner"],
                clusters=tuple(map(tuple, json.loads(row["clusters"]))),
                verdicts=(),
            ),
            started_at=row["at"],
            duration_ms=row["duration_ms"],
            block=row["block"],
        )

    def names(self, netuid: int) -> dict[str, str]:
        """By hotkey, for everyone who is known, also of later rounds: what a miner is called, "" for nothing.

        Hotkeys that no chain has, in a folder that somebody else gave, are left out.
        """
        rows = self._connection.execute("SELECT hotkey, name FROM neurons WHERE netuid = ?", (netuid,))
        return {row["hotkey"]: row["name"] for row in rows if row["hotkey"].isascii() and row["hotkey"].isalnum()}

    def last_replies(self, netuid: int, hotkey: str, until: int, limit: int) -> list[PastReply]:
        """The last replies of a miner, the newest first."""
        rows = self._connection.execute(_LAST_REPLIES, (netuid, hotkey, until, limit))
        return [PastReply(*row) for row in rows]

    def history(self, netuid: int, profile: str) -> bytes | None:
        """What this profile learnt until the round that was recorded last."""
        row = self._connection.execute(HISTORY, (netuid, profile)).fetchone()
        return None if row is None else bytes(row["value"])

    def plans(self, netuid: int, at: float, limit: int) -> list[PlanView]:
        """The last entries of the journal of weights until `at`, oldest first, with what became of them since."""
        rows = self._connection.execute(_PLANS, (netuid, at, limit)).fetchall()
        return [plan_row(row) for row in reversed(rows)]

    def weights(self, netuid: int, at: float) -> WeightPlan | None:
        """What had been set on chain by `at`, None while nothing had."""
        row = self._connection.execute(ON_CHAIN, (netuid, at)).fetchone()
        return None if row is None else plan_of(row["plan"])

    def commands(self, at: float, limit: int) -> list[CommandView]:
        """The last lines of the command log until `at`, newest first, cleaned."""
        query = "SELECT name, detail, outcome, reason, at FROM commands WHERE at <= ? ORDER BY id DESC LIMIT ?"
        return [
            CommandView(
                name=safe(row["name"]),
                detail=safe(row["detail"]),
                outcome=safe(row["outcome"]),
                reason=safe(row["reason"]),
                at=row["at"],
            )
            for row in self._connection.execute(query, (at, limit))
        ]


_OLDEST = "SELECT number FROM rounds WHERE netuid = ? ORDER BY number LIMIT 1"
_NEWEST = "SELECT number FROM rounds WHERE netuid = ? ORDER BY number DESC LIMIT 1"
_MARKS = "SELECT number, at FROM rounds INDEXED BY rounds_by_time"
_MARKS_OF_ONE = "SELECT number, at FROM rounds WHERE netuid = :netuid"
_BARE_REPLIES = "SELECT uid, hotkey, status, ms FROM replies WHERE round = ? ORDER BY position"
_LAST_REPLIES = """
    SELECT at, uid, status, ms, emission FROM replies
    WHERE netuid = ? AND hotkey = ? AND round <= ? ORDER BY round DESC LIMIT ?
"""
_PLANS = "SELECT at, plan, outcome, reason FROM plans WHERE netuid = ? AND at <= ? ORDER BY id DESC LIMIT ?"
