"""This hotkey's commits on a commit-reveal subnet, until they are revealed and applied on chain.

The plan and its salt are journalled before the commit is sent, so that the next run can reveal it.
"""

from collections.abc import AsyncIterator

from msgspec import Struct

from engine.chain.client import ChainClient
from engine.chain.interface import ChainUnavailable, Fate, Look
from engine.keys import Signer
from engine.values import Outcome, WeightCommit
from engine.weights.journal import JournalEntry, WeightJournal
from engine.weights.plan import WeightPlan
from engine.weights.submission import reads_back

TOO_EARLY = "RevealTooEarly"

FINAL_WITHIN = 64
"""Blocks after which the end of a commit is told from the newest look alone, if no final block has shown it: the chain
finalises about three blocks behind its head."""


class Waiting(Struct, frozen=True):
    """A journalled plan and its commit on chain."""

    entry: JournalEntry
    commit: WeightCommit


class Commits:
    """Tracks the commits of a hotkey, and reveals those that the chain does not reveal by itself."""

    def __init__(self, chain: ChainClient, signer: Signer, journal: WeightJournal) -> None:
        self._chain = chain
        self._signer = signer
        self._journal = journal
        self._refused: set[int] = set()
        self._missing = False
        self._last_seen: dict[int, int] = {}
        self._gone_since: dict[int, int] = {}
        self.waiting: tuple[Waiting, ...] = ()
        """Commits still to be revealed, oldest first."""

    @property
    def any_missing(self) -> bool:
        """Whether a commit is missing that may still reappear: a reorganisation dropped its block."""
        return self._missing

    async def settle(self, look: Look) -> AsyncIterator[tuple[WeightPlan, Outcome]]:
        """Check each commit against the chain: still waiting, or applied or lost, which is journalled and reported.

        Raises `StoreError`.
        """
        on_chain = {commit.hash: commit for commit in look.commits}
        known = {one.entry.id: one for one in self.waiting}
        waiting, self._missing = [], False
        for entry in await self._journal.committed_entries():
            if not entry.plan.is_of(self._chain.netuid, self._chain.hotkey):
                continue
            commit = on_chain.get(entry.plan.commit_hash)
            if commit is not None:
                waiting.append(Waiting(entry, commit))
                self._last_seen[entry.id] = look.block
                self._gone_since.pop(entry.id, None)
                continue
            if self._may_come_back(entry.plan, look):
                self._missing = True
                continue
            fate = await self._fate(entry, look) if entry.plan.commit else UNKNOWN
            if fate.state == "waiting":
                waiting += [known[entry.id]] if entry.id in known else []
                continue
            outcome = _end_of(entry.plan, look, fate)
            await self._journal.settle(entry.id, outcome)
            self._refused.discard(entry.id)
            yield entry.plan, outcome
        self.waiting = tuple(waiting)

    def promise(self, plan: WeightPlan) -> bool:
        """Whether a commit that still waits sets these very weights."""
        return any(_weights(one.entry.plan) == _weights(plan) for one in self.waiting)

    def ready(self, look: Look) -> tuple[Waiting, ...]:
        """Commits that may be revealed now, oldest first."""
        return tuple(one for one in self.waiting if not one.commit.timelocked and look.block >= one.commit.reveal_from)

    def due(self, look: Look) -> Waiting | None:
        """The oldest commit that may be revealed now and has not been refused before."""
        return next((one for one in self.ready(look) if not self.is_refused(one)), None)

    def is_refused(self, one: Waiting) -> bool:
        """Whether the chain refused the reveal for a reason other than timing."""
        return one.entry.id in self._refused

    def _may_come_back(self, plan: WeightPlan, look: Look) -> bool:
        """Whether it cannot have been revealed yet and its extrinsic may still land in another block."""
        return look.last_epoch < plan.window and look.block <= plan.block + self._chain.mortality

    async def _fate(self, entry: JournalEntry, look: Look) -> Fate:
        """What has become of a timelocked commit that the head no longer has; a block that is not final may not last.

        A chain that does not tell for `FINAL_WITHIN` blocks is not asked any more.
        """
        if look.block - self._gone_since.setdefault(entry.id, look.block) > FINAL_WITHIN:
            return UNKNOWN
        since = max(entry.block, self._last_seen.get(entry.id, 0))
        try:
            return await self._chain.fate_of(commit=entry.plan.commit, since=since)
        except ChainUnavailable:
            return Fate("waiting")

    async def reveal(self, one: Waiting) -> Outcome:
        """Reveal a commit. The next `settle` reports the outcome."""
        plan = one.entry.plan
        outcome = await self._chain.reveal_weights(
            hotkey=self._signer, uids=plan.uids, values=plan.values, salt=plan.salt, version_key=plan.version_key
        )
        if outcome.status == "rejected" and not outcome.reason.startswith(TOO_EARLY):
            self._refused.add(one.entry.id)
        return outcome


def _weights(plan: WeightPlan) -> dict[int, int]:
    return {row.uid: row.u16 for row in plan.rows if row.u16}


UNKNOWN = Fate("unknown")

REPLACED = "its weights have been replaced since, or lack those of miners whose uid changed hands"
UNCHANGED = "the chain had these weights before this commit: even if it had been dropped, they would stand"


def _end_of(plan: WeightPlan, look: Look, fate: Fate) -> Outcome:
    """The outcome of a commit that is no longer on chain: by its fate, or if that is unknown by the weights on chain.

    Weights that read back and are not from before were applied, whatever the node says.
    """
    reads = reads_back(plan, look)
    if fate.state == "revealed":
        return Outcome(status="applied", block=fate.block, reason="" if reads else REPLACED)
    if reads and not plan.unchanged:
        return Outcome(status="applied", block=look.block)
    if fate.state == "dropped":
        dropped = f"the chain dropped it in block {fate.block} without setting its weights"
        return Outcome(status="lost", reason=dropped + _why_lost(plan, look))
    if not reads:
        missing = "the chain no longer has this commit, nor its weights"
        replaced = ": they were dropped when they were revealed, or replaced by others since" if look.weights else ""
        return Outcome(status="lost", reason=missing + (_why_lost(plan, look) or replaced))
    if cannot := _why_unopened(plan, look):
        return Outcome(status="lost", reason=f"the chain could not open it, and has these weights from before{cannot}")
    return Outcome(status="applied", block=look.block, reason=UNCHANGED)


def _why_unopened(plan: WeightPlan, look: Look) -> str:
    """Why the chain cannot have opened a sealed commit or taken what is in it; "" if it can have."""
    if plan.commit and look.beacon_round and look.beacon_round < plan.reveal_round:
        return f": it has the beacon's rounds up to {look.beacon_round} only, and needed round {plan.reveal_round}"
    if plan.commit and plan.version_key < look.rules.weights_version:
        made, required = plan.version_key, look.rules.weights_version
        return f": they were made for version key {made}, and the subnet requires {required}"
    return ""


def _why_lost(plan: WeightPlan, look: Look) -> str:
    """The likely reason, "" if unknown: the chain silently drops a commit that it cannot reveal."""
    own, rules = look.own, look.rules
    if own is None:
        return ": the hotkey lost its uid before they were revealed"
    if not plan.commit:
        return ": it was not revealed in its epoch"
    if cannot := _why_unopened(plan, look):
        return cannot
    if not own.validator_permit:
        return ": the hotkey had no validator permit when they were revealed"
    if own.stake < rules.stake_threshold:
        return f": a stake of {own.stake:g} is below the threshold of {rules.stake_threshold:g}"
    return ""
