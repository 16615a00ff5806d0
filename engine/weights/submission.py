"""One submission of weights at a time: the intent is journalled, then sent, then looked for on chain, then settled.

What was sent and is not yet found there is open, in the journal and here, until the chain shows it or can no longer
take it. Whoever sends nothing new while anything is open never sends the same window's weights twice.
"""

from msgspec import Struct
from msgspec.structs import replace

from engine.chain.deadline import deadline
from engine.chain.interface import ChainUnavailable
from engine.errors import StoreError
from engine.values import Outcome
from engine.weights.commits import hash_of
from engine.weights.moment import Moment, outcome_of
from engine.weights.plan import WeightPlan
from engine.weights.sender import Sender


class _Open(Struct, frozen=True, kw_only=True):
    """A plan that may have been sent, and the first block at which nobody could still be sending it."""

    plan: WeightPlan
    since: int | None = None
    reference: str = ""


class Submissions:
    """What a hotkey sends on one subnet."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._open: dict[int, _Open] = {}
        self._journal_read = False

    @property
    def any_open(self) -> bool:
        """Whether something is, or may be, open: before the journal was read nobody knows."""
        return bool(self._open) or not self._journal_read

    async def settle(self, moment: Moment) -> bool:
        """Settle what the chain shows to be settled; True when nothing is open. Raises `StoreError`."""
        if not self._journal_read:
            self._open = {
                entry.id: _Open(plan=entry.plan)
                for entry in await self._sender.journal.open_entries()
                if self._sender.owns(entry.plan)
            }
            self._journal_read = True
        for entry in tuple(self._open):
            await self._settle_one(entry, moment)
        return not self._open

    async def submit(self, plan: WeightPlan) -> Outcome:
        """Send a plan, after `settle` has said that nothing is open. Raises `StoreError`, and then nothing was sent."""
        if self.any_open:
            raise RuntimeError("an earlier submission is still open")
        entry = await self._sender.journal.intend(plan)
        self._open[entry] = _Open(plan=plan)
        sent = await self._send(plan)
        try:
            return await self._follow_up(entry, sent)
        except (ChainUnavailable, StoreError) as error:
            unknown = Outcome(status="unknown", reason=str(error), reference=sent.reference)
            self._sender.report(plan, unknown)
            return unknown

    async def _send(self, plan: WeightPlan) -> Outcome:
        try:
            async with deadline(self._sender.chain, self._sender.call_timeout):
                if plan.salt:
                    return await self._sender.chain.commit_weights(
                        plan.netuid, hotkey=self._sender.signer, commit_hash=hash_of(plan)
                    )
                return await self._sender.chain.set_weights(
                    plan.netuid,
                    hotkey=self._sender.signer,
                    uids=[row.uid for row in plan.rows],
                    values=[row.u16 for row in plan.rows],
                    version_key=plan.version_key,
                )
        except ChainUnavailable as error:
            return Outcome(status="unknown", reason=str(error))

    async def _follow_up(self, entry: int, sent: Outcome) -> Outcome:
        if sent.status == "rejected":
            return await self._conclude(entry, sent)
        self._open[entry] = replace(self._open[entry], reference=sent.reference)
        confirmed = await self._settle_one(entry, await self._sender.look())
        if confirmed is not None:
            return confirmed
        reason = sent.reason or "sent, and not on chain yet"
        unknown = Outcome(status="unknown", reason=reason, reference=sent.reference)
        await self._sender.journal.settle(entry, unknown)
        self._sender.report(self._open[entry].plan, unknown)
        return unknown

    async def _settle_one(self, entry: int, moment: Moment) -> Outcome | None:
        sent = self._open[entry]
        since = moment.block if sent.since is None else sent.since
        outcome = outcome_of(
            sent.plan,
            moment,
            lost_after=since + self._sender.chain.mortality,
            committed_to=hash_of(sent.plan) if sent.plan.salt else "",
        )
        if outcome is None:
            self._open[entry] = replace(sent, since=since)
            return None
        return await self._conclude(entry, replace(outcome, reference=sent.reference))

    async def _conclude(self, entry: int, outcome: Outcome) -> Outcome:
        await self._sender.journal.settle(entry, outcome)
        self._sender.report(self._open.pop(entry).plan, outcome)
        return outcome
