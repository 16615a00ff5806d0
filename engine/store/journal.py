"""The journal of weights, as engine.weights.journal describes it, and what was skipped beside it."""

import math
import time
from sqlite3 import Row
from typing import Literal

import msgspec

from engine.snapshot import PlanView
from engine.store.columns import PlanRow, fields
from engine.store.database import Database
from engine.store.rows import ON_CHAIN, entry_of, plan_of, storable
from engine.text import safe
from engine.values import Outcome, OutcomeStatus
from engine.weights.journal import JournalEntry
from engine.weights.plan import WeightPlan

REASON_WIDTH = 300

_INSERT = "INSERT INTO plans (netuid, at, plan, outcome, reason) VALUES (?, ?, ?, ?, ?) RETURNING id"
_SETTLE = """
    UPDATE plans SET outcome = ?, reason = ?, block = ?, reference = ?
    WHERE id = ? AND outcome IN ('unknown', 'committed')
"""


class PlanTable:
    """A `WeightJournal`. An intent is on the disk, and not only with the system, before `intend` returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def intend(self, plan: WeightPlan) -> int:
        """Write down what is about to be sent; answers with the entry's id."""
        return await self._insert(plan, "unknown", "")

    async def skip(self, plan: WeightPlan) -> None:
        """Write down a plan that is not sent, with its reason."""
        await self._insert(plan, "skipped", plan.skipped)

    async def settle(self, entry: int, outcome: Outcome) -> None:
        """Write down what became of an open entry or of a commit; a settled one stays as it is."""
        async with self._database.write() as connection:
            await connection.execute(
                _SETTLE, (outcome.status, storable(outcome.reason), outcome.block, outcome.reference, entry)
            )

    async def open_entries(self) -> tuple[JournalEntry, ...]:
        """Entries whose outcome is not known, oldest first."""
        return await self._entries("unknown")

    async def committed_entries(self) -> tuple[JournalEntry, ...]:
        """Commits that wait to be revealed, oldest first."""
        return await self._entries("committed")

    async def recent(self, netuid: int, limit: int) -> tuple[PlanView, ...]:
        """The newest entries, newest first, skipped plans among them."""
        async with self._database.read() as connection:
            query = "SELECT at, plan, outcome, reason FROM plans WHERE netuid = ? ORDER BY id DESC LIMIT ?"
            return tuple(map(plan_row, await connection.execute_fetchall(query, (netuid, limit))))

    async def profile_on_chain(self, netuid: int) -> str:
        """By which profile the weights that the chain has were made; "" for none, or where nobody noted it."""
        async with self._database.read() as connection:
            for row in await connection.execute_fetchall(ON_CHAIN, (netuid, math.inf)):
                return plan_of(row["plan"]).profile
        return ""

    async def _entries(self, outcome: OutcomeStatus) -> tuple[JournalEntry, ...]:
        async with self._database.read() as connection:
            query = "SELECT id, at, plan FROM plans WHERE outcome = ? ORDER BY id"
            rows = [fields(row, PlanRow) for row in await connection.execute_fetchall(query, (outcome,))]
            return tuple(JournalEntry(id=row.id, at=row.at, plan=plan_of(row.plan)) for row in rows)

    async def _insert(self, plan: WeightPlan, outcome: OutcomeStatus | Literal["skipped"], reason: str) -> int:
        values = (plan.netuid, time.time(), msgspec.json.encode(plan).decode(), outcome, storable(reason))
        async with self._database.write(durable=outcome == "unknown") as connection:
            [(entry,)] = await connection.execute_fetchall(_INSERT, values)
        return int(entry)


def plan_row(row: Row) -> PlanView:
    """An entry of the journal for a screen, from a row with the columns at, plan, outcome and reason."""
    entry = entry_of(row)
    return PlanView(
        at=entry.at,
        block=entry.plan.block,
        mode=entry.plan.mode,
        uids=tuple(weight.uid for weight in entry.plan.rows),
        weights_u16=tuple(weight.u16 for weight in entry.plan.rows),
        outcome=entry.outcome,
        reason=safe(entry.reason, REASON_WIDTH),
    )
