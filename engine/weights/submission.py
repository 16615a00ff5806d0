"""One submission of weights at a time: journal the intent, send it, look for it on chain, settle it.

A submission stays open, in the journal and here, until the chain shows it or can no longer include it. Sending nothing
new while one is open guarantees that the weights of one window are never sent twice.
"""

from collections.abc import AsyncIterator

from msgspec import Struct
from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.interface import NOT_SENT, ChainUnavailable, Look, Sealed
from engine.errors import StoreError
from engine.keys import Signer
from engine.values import Outcome
from engine.weights.journal import WeightJournal
from engine.weights.plan import WeightPlan

NOT_INCLUDED = "NotIncluded"
"""Our own error name, for a submission that left no trace on chain."""

TOO_SOON = ("SettingWeightsTooFast", "CommittingWeightsTooFast", "RateLimitExceeded")
IN_POOL = ("AlreadyInPool", "TemporarilyBanned")
"""The node already has this very call, or had it a moment ago: the chain will show its outcome."""

POOL_BUSY = ("AnotherInPool", "PoolFull")
"""Another call of this hotkey is in the pool under the same nonce, or the pool is full: ours is not in it."""

OUTDATED = ("Stale", "Expired", "BadProof", NOT_INCLUDED)
"""The call was signed for an outdated state of the chain and never lands; the next attempt is signed anew."""

NOT_NOW = {
    **dict.fromkeys(TOO_SOON, "the rate limit"),
    **dict.fromkeys((*IN_POOL, *POOL_BUSY), "the pool"),
    **dict.fromkeys((*OUTDATED, NOT_SENT), "the next block"),
    **dict.fromkeys(("EpochDeferred", "CommitQueueFull"), "the next epoch"),
}
"""What to wait for after a refusal that is not a failure, by error name."""


def error_name(reason: str) -> str:
    """The error name at the start of a refusal's reason."""
    return reason.partition(":")[0]


class _Open(Struct, frozen=True, kw_only=True):
    """A plan that may have been sent."""

    plan: WeightPlan
    reference: str = ""
    reason: str = "it may have been sent by an earlier run"


class Submissions:
    """The submissions of a hotkey on one subnet."""

    def __init__(self, chain: ChainClient, signer: Signer, journal: WeightJournal) -> None:
        self._chain = chain
        self._signer = signer
        self._journal = journal
        self._open: dict[int, _Open] = {}
        self._journal_read = False
        self._last_update: int | None = None

    @property
    def any_open(self) -> bool:
        """Whether a submission is or may be open: unknown until the journal has been read."""
        return bool(self._open) or not self._journal_read

    def strangers_block(self, look: Look) -> int:
        """The block to which somebody else moved LastUpdate since the last look, with nothing of ours open; else 0."""
        before, self._last_update = self._last_update, _last_update(look)
        moved = before is not None and self._last_update > before
        return self._last_update if moved and (look.weights or look.commits) and not self.any_open else 0

    async def settle(self, look: Look) -> AsyncIterator[tuple[WeightPlan, Outcome]]:
        """Settle what the chain has decided. Yields each plan with its outcome. Raises `StoreError`."""
        if not self._journal_read:
            entries = await self._journal.open_entries()
            ours = (entry for entry in entries if entry.plan.is_of(self._chain.netuid, self._chain.hotkey))
            self._open = {entry.id: _Open(plan=entry.plan) for entry in ours}
            self._journal_read = True
        for entry, sent in tuple(self._open.items()):
            outcome = await self._settle_one(entry, look)
            if outcome is not None:
                yield sent.plan, outcome

    async def submit(self, plan: WeightPlan, sealed: Sealed | None = None) -> Outcome:
        """Journal the intent, send it, look for it on chain, journal the outcome. `sealed` is the plan in sealed form.

        Call this only when `settle` left nothing open. If it raises `StoreError`, nothing was sent.
        """
        if self.any_open:
            raise RuntimeError("an earlier submission is still open")
        entry = await self._journal.intend(plan)
        self._open[entry] = _Open(plan=plan)
        sent = await self._send(plan, sealed)
        try:
            if sent.status == "rejected" and error_name(sent.reason) not in IN_POOL:
                return await self._conclude(entry, sent)
            return await self._confirm(entry, sent)
        except (ChainUnavailable, StoreError) as error:
            return Outcome(status="unknown", reason=str(error), reference=sent.reference)

    async def _send(self, plan: WeightPlan, sealed: Sealed | None) -> Outcome:
        born = plan.block  # so that a later run knows, by the journal alone, when it can land no more
        if sealed is not None:
            return await self._chain.commit_timelocked(hotkey=self._signer, sealed=sealed, born=born)
        if plan.salt:
            return await self._chain.commit_weights(hotkey=self._signer, commit_hash=plan.commit_hash, born=born)
        return await self._chain.set_weights(
            hotkey=self._signer, uids=plan.uids, values=plan.values, version_key=plan.version_key, born=born
        )

    async def _confirm(self, entry: int, sent: Outcome) -> Outcome:
        reason = sent.reason or "sent, not on chain yet"
        self._open[entry] = replace(self._open[entry], reference=sent.reference, reason=reason)
        look = await self._chain.look()
        self._last_update = _last_update(look)
        confirmed = await self._settle_one(entry, look)
        if confirmed is not None:
            return confirmed
        doubt = replace(sent, status="unknown", reason=reason, block=0)
        await self._journal.settle(entry, doubt)
        return doubt

    async def _settle_one(self, entry: int, look: Look) -> Outcome | None:
        sent = self._open[entry]
        outcome = outcome_of(sent.plan, look, lost_after=sent.plan.block + self._chain.mortality)
        return None if outcome is None else await self._conclude(entry, replace(outcome, reference=sent.reference))

    async def _conclude(self, entry: int, outcome: Outcome) -> Outcome:
        await self._journal.settle(entry, outcome)
        del self._open[entry]
        return outcome


def outcome_of(plan: WeightPlan, look: Look, *, lost_after: int) -> Outcome | None:
    """The outcome of a plan that may have been sent: ok if LastUpdate moved and the weights read back equal.

    For a committed plan, it is the commit that must have landed; a sealed one that has left the chain by now is told
    later, by what became of it. None while it may still land, which is ruled out once
    the block is beyond `lost_after`.
    """
    own = look.own
    if own is None:
        return Outcome(status="rejected", reason="HotKeyNotRegisteredInSubNet: this hotkey lost its uid")
    landed = next((commit for commit in look.commits if commit.hash == plan.commit_hash), None)
    if landed is not None:
        by = "by the chain " if landed.timelocked else ""
        reason = f"to be revealed {by}from block {landed.reveal_from}"
        return Outcome(status="committed", block=landed.block, reason=reason)
    if plan.commit and plan.block <= own.last_update <= lost_after:
        return Outcome(status="committed", block=own.last_update, reason="no longer waiting to be revealed")
    moved = own.last_update > plan.last_update
    if (moved or own.last_update == plan.block) and reads_back(plan, look):
        return Outcome(status="ok", block=own.last_update)
    if moved and look.weights and not plan.commit_hash:
        return Outcome(status="rejected", reason=f"Overwritten: other weights were set at block {own.last_update}")
    if look.block > lost_after:
        return Outcome(status="rejected", reason=f"{NOT_INCLUDED}: not found on chain by block {look.block}")
    return None


def reads_back(plan: WeightPlan, look: Look) -> bool:
    """Whether the chain has the plan's weights, except on uids that changed hands since, which it has set to 0."""
    holders = {neuron.uid: neuron.hotkey for neuron in look.metagraph.neurons}
    planned = {row.uid: row.u16 for row in plan.rows if row.u16 and holders.get(row.uid) == row.hotkey}
    return planned == {uid: value for uid, value in look.weights if value}


def _last_update(look: Look) -> int:
    """The block in which the hotkey last set or committed weights; 0 if it has no uid."""
    return look.own.last_update if look.own else 0
