"""The table plans: the journal of weights (see engine.weights.journal), and the plans that were skipped."""

import time
from collections.abc import Iterator
from math import inf
from sqlite3 import Connection, Row

import msgspec
from msgspec import Struct

from engine.store.columns import decoded, fields, storable
from engine.values import At, Outcome
from engine.weights.journal import JournalEntry, PlanOutcome
from engine.weights.plan import WeightPlan


class PlanRow(Struct, frozen=True, kw_only=True):
    """A row of the table plans; `plan` is JSON."""

    id: int
    at: At
    plan: str
    outcome: PlanOutcome
    reason: str
    block: int


class PlanTable:
    """The plans of all subnets, numbered in the order in which they were written. Reads raise BadRow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, plan: WeightPlan, outcome: PlanOutcome, reason: str) -> int:
        """Record a plan under the current time; returns its id."""
        values = (plan.netuid, time.time(), msgspec.json.encode(plan).decode(), outcome, storable(reason))
        [(entry,)] = self._connection.execute(_INSERT, values).fetchall()
        return int(entry)

    def settle(self, entry: int, outcome: Outcome) -> None:
        """Record the outcome of an open entry or of a commit; a settled one stays as it is."""
        values = (outcome.status, storable(outcome.reason), outcome.block, outcome.reference, entry)
        self._connection.execute(_SETTLE, values)

    def with_outcome(self, outcome: PlanOutcome) -> tuple[JournalEntry, ...]:
        """The plans of all subnets, oldest first."""
        query = "SELECT * FROM plans WHERE outcome = ? ORDER BY id"
        return tuple(map(_entry_of, self._connection.execute(query, (outcome,))))

    def recent(self, netuid: int, limit: int, *, until: float = inf) -> tuple[JournalEntry, ...]:
        """The latest plans up to `until`, newest first, with their outcomes as known today."""
        return tuple(map(_entry_of, self._connection.execute(_RECENT, (netuid, until, limit))))

    def since(self, since: float) -> Iterator[JournalEntry]:
        """The plans of all subnets, in their order."""
        return map(_entry_of, self._connection.execute("SELECT * FROM plans WHERE at >= ? ORDER BY id", (since,)))

    def on_chain(self, netuid: int, *, until: float = inf) -> WeightPlan | None:
        """The plan whose weights were on chain at `until`; None if none were."""
        return self._plan(_ON_CHAIN, (netuid, until))

    def on_chain_or_sent(self, netuid: int) -> WeightPlan | None:
        """The plan whose weights are on chain, or if there is none, the last one that was to be sent."""
        return self._plan(_ON_CHAIN_OR_SENT, (netuid,))

    def _plan(self, query: str, values: tuple[int | float, ...]) -> WeightPlan | None:
        row = self._connection.execute(query, values).fetchone()
        return None if row is None else decoded(row["plan"], WeightPlan)


def _entry_of(row: Row) -> JournalEntry:
    stored: PlanRow = fields(row, PlanRow)
    plan = decoded(stored.plan, WeightPlan)
    return JournalEntry(
        id=stored.id, at=stored.at, plan=plan, outcome=stored.outcome, reason=stored.reason, block=stored.block
    )


_INSERT = "INSERT INTO plans (netuid, at, plan, outcome, reason) VALUES (?, ?, ?, ?, ?) RETURNING id"
_SETTLE = """
    UPDATE plans SET outcome = ?, reason = ?, block = ?, reference = ?
    WHERE id = ? AND outcome IN ('unknown', 'committed')
"""
_RECENT = "SELECT * FROM plans WHERE netuid = ? AND at <= ? ORDER BY id DESC LIMIT ?"
_ON_CHAIN = """
    SELECT plan FROM plans WHERE netuid = ? AND outcome IN ('ok', 'applied') AND at <= ? ORDER BY id DESC LIMIT 1
"""
_ON_CHAIN_OR_SENT = """
    SELECT plan FROM plans WHERE id = (
        SELECT id FROM plans WHERE netuid = ? AND outcome <> 'skipped'
        ORDER BY outcome IN ('ok', 'applied') DESC, id DESC LIMIT 1
    )
"""
