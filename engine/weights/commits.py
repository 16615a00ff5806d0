"""What this hotkey has committed to on a subnet that hides weights, until it is revealed and stands on chain.

The plan and its salt are in the journal from before the commit is sent, so that whoever starts next can reveal it.
"""

from msgspec import Struct

from engine.chain.commitment import commitment
from engine.chain.deadline import deadline
from engine.values import Outcome, WeightCommit
from engine.weights.journal import JournalEntry
from engine.weights.moment import Moment, reads_back
from engine.weights.plan import WeightPlan
from engine.weights.sender import Sender

TOO_EARLY = "RevealTooEarly"


class Waiting(Struct, frozen=True):
    """A journalled plan, and its commit as the chain has it."""

    entry: JournalEntry
    commit: WeightCommit


def hash_of(plan: WeightPlan) -> str:
    """What is sent in place of a plan that has a salt."""
    return commitment(
        plan.netuid,
        plan.hotkey,
        uids=[row.uid for row in plan.rows],
        values=[row.u16 for row in plan.rows],
        salt=plan.salt,
        version_key=plan.version_key,
    )


class Commits:
    """Follows the commits of a hotkey, and reveals them."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._refused: set[int] = set()
        self.waiting: tuple[Waiting, ...] = ()
        """Those that are still to be revealed, oldest first."""

    async def follow(self, moment: Moment) -> None:
        """Take the chain's word for each: it waits, it was revealed, or it is lost. Raises `StoreError`."""
        on_chain = {commit.hash: commit for commit in moment.commits}
        waiting = []
        for entry in filter(
            lambda entry: self._sender.owns(entry.plan), await self._sender.journal.committed_entries()
        ):
            commit = on_chain.get(hash_of(entry.plan))
            if commit is not None:
                waiting.append(Waiting(entry, commit))
            else:
                await self._conclude(entry, moment)
        self.waiting = tuple(waiting)

    def due(self, moment: Moment) -> Waiting | None:
        """The oldest that may be revealed now, and was not refused before."""
        return next((one for one in self.ready(moment) if not self.is_refused(one)), None)

    def is_refused(self, one: Waiting) -> bool:
        """Whether the chain refused to have it revealed, for another reason than the time."""
        return one.entry.id in self._refused

    def ready(self, moment: Moment) -> tuple[Waiting, ...]:
        """Those that may be revealed now, oldest first."""
        return tuple(one for one in self.waiting if moment.block >= one.commit.reveal_from)

    async def reveal(self, one: Waiting) -> Outcome:
        """Reveal it, and look for its weights on chain. Raises `ChainUnavailable`, `StoreError`: try it again."""
        plan = one.entry.plan
        async with deadline(self._sender.chain, self._sender.call_timeout):
            outcome = await self._sender.chain.reveal_weights(
                plan.netuid,
                hotkey=self._sender.signer,
                uids=[row.uid for row in plan.rows],
                values=[row.u16 for row in plan.rows],
                salt=plan.salt,
                version_key=plan.version_key,
            )
        if outcome.status == "rejected" and not outcome.reason.startswith(TOO_EARLY):
            self._refused.add(one.entry.id)
        await self.follow(await self._sender.look())
        return outcome

    async def _conclude(self, entry: JournalEntry, moment: Moment) -> None:
        if reads_back(entry.plan, moment):
            outcome = Outcome(status="applied", block=moment.block)
        else:
            outcome = Outcome(status="lost", reason="the chain has neither this commit any more nor its weights")
        await self._sender.journal.settle(entry.id, outcome)
        self._refused.discard(entry.id)
        self._sender.report(entry.plan, outcome)
