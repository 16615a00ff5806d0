"""The journal around a submission: the intent is durable before anything is sent, so a crash never sends it twice.

The store implements `WeightJournal`. An entry is open until its outcome is known; the next run reads the chain before
it sends anything new. A commit that landed is settled as committed, and again as applied or lost.
"""

from typing import Literal, Protocol

from msgspec import Struct

from engine.values import Outcome, OutcomeStatus
from engine.weights.plan import WeightPlan

PlanOutcome = OutcomeStatus | Literal["skipped"]
"""The outcome of a plan; a skipped plan is never sent."""


class JournalEntry(Struct, frozen=True, kw_only=True):
    """One journalled plan. `at` is when the intent was written, in unix seconds.

    `block` is where the chain has it, 0 while its outcome is unknown.
    """

    id: int
    at: float
    plan: WeightPlan
    outcome: PlanOutcome = "unknown"
    reason: str = ""
    block: int = 0


class WeightJournal(Protocol):
    """The journal of weights. Once a call returns, its write survives kill -9. Every call may raise `StoreError`."""

    async def intend(self, plan: WeightPlan) -> int:
        """Record a plan that is about to be sent; returns the entry's id."""
        ...

    async def skip(self, plan: WeightPlan) -> None:
        """Record a plan that is not sent, with its reason."""
        ...

    async def settle(self, entry: int, outcome: Outcome) -> None:
        """Record the outcome of an entry. Only `unknown` and `committed` may be replaced later."""
        ...

    async def open_entries(self) -> tuple[JournalEntry, ...]:
        """Entries without an outcome or with an unknown one, oldest first, for any hotkey and subnet."""
        ...

    async def committed_entries(self) -> tuple[JournalEntry, ...]:
        """Commits that are neither applied nor lost yet, oldest first, for any hotkey and subnet."""
        ...


class PlanLog(WeightJournal, Protocol):
    """The journal with the queries that screens and later runs need."""

    async def recent(self, netuid: int, limit: int) -> tuple[JournalEntry, ...]:
        """The newest entries, newest first, skipped plans among them."""
        ...

    async def profile_on_chain(self, netuid: int) -> str:
        """The profile behind the weights on chain; "" if there are none, or if it was not recorded."""
        ...
