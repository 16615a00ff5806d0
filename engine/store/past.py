"""What was stored up to an earlier round: the read-only door for looking back, by index, however long the record is."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from engine.snapshot import CommandView, PlanView
from engine.store.columns import BareReply, RoundRow, cells, fields
from engine.store.errors import BadRow
from engine.store.journal import plan_row
from engine.store.read_only import is_alone, read_only
from engine.store.reader import Reader
from engine.store.rows import HISTORY, ON_CHAIN, clusters_of, command_of, history_of, plan_of
from engine.text import safe
from engine.values import At, Challenge, Finite, Judgement, Reply, ReplyStatus, Request, Round
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
            return [_mark_of(row) for row in self._connection.execute(query, (after, netuid))]
        query = _MARKS if is_alone(self._connection, netuid) else _MARKS_OF_ONE
        return sorted(_mark_of(row) for row in self._connection.execute(query, {"netuid": netuid}))

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
        stored: RoundRow = fields(row, RoundRow)
        replies: list[BareReply] = [
            fields(reply, BareReply) for reply in self._connection.execute(_BARE_REPLIES, (number,))
        ]
        return Round(
            challenge=Challenge(
                id=stored.id,
                kind=stored.kind,
                source=stored.source,
                created_at=stored.created_at,
                request=Request(),
                scored=bool(stored.scored),
            ),
            replies=tuple(
                Reply(uid=reply.uid, hotkey=reply.hotkey, status=reply.status, ms=reply.ms) for reply in replies
            ),
            judgement=Judgement(
                profile=stored.profile,
                consensus=stored.consensus,
                agreement=stored.agreement,
                winner=stored.winner,
                clusters=clusters_of(stored, [reply.hotkey for reply in replies]),
                verdicts=(),
            ),
            started_at=stored.at,
            duration_ms=stored.duration_ms,
            block=stored.block,
        )

    def names(self, netuid: int) -> dict[str, str]:
        """By hotkey, for everyone who is known, also of later rounds: what a miner is called, "" for nothing.

        Hotkeys that no chain has, in a folder that somebody else gave, are left out.
        """
        query = "SELECT hotkey, name FROM neurons WHERE netuid = ?"
        found = [cells(row, str, str) for row in self._connection.execute(query, (netuid,))]
        return {hotkey: name for hotkey, name in found if hotkey.isascii() and hotkey.isalnum()}

    def last_replies(self, netuid: int, hotkey: str, until: int, limit: int) -> list[PastReply]:
        """The last replies of a miner, the newest first. A damaged one is left out: its own round says so."""
        found = []
        for row in self._connection.execute(_LAST_REPLIES, (netuid, hotkey, until, limit)):
            with suppress(BadRow):
                found.append(PastReply(*cells(row, At, int, ReplyStatus, Finite, Finite)))
        return found

    def history(self, netuid: int, profile: str) -> bytes | None:
        """What this profile learnt until the round that was recorded last."""
        row = self._connection.execute(HISTORY, (netuid, profile)).fetchone()
        return None if row is None else history_of(row)

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
            replace(
                line,
                name=safe(line.name),
                detail=safe(line.detail),
                outcome=safe(line.outcome),
                reason=safe(line.reason),
            )
            for line in map(command_of, self._connection.execute(query, (at, limit)))
        ]


def _mark_of(row: sqlite3.Row) -> Mark:
    return Mark(*cells(row, int, At))


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
