"""Sets the weights once per window, and whenever the operator asks for it.

On a commit-reveal subnet, weights are committed, then revealed as soon as the chain accepts the reveal.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.commitment import new_salt
from engine.chain.interface import TIMELOCKED, CannotSeal, ChainUnavailable, Look, Sealed
from engine.errors import TOLD_ELSEWHERE, StoreError
from engine.feed import Feed
from engine.keys import Signer
from engine.snapshot import About
from engine.values import Outcome, WeightCommit
from engine.weights.commits import Commits, Waiting
from engine.weights.journal import WeightJournal
from engine.weights.plan import WeightPlan
from engine.weights.submission import NOT_INCLUDED, NOT_NOW, Submissions, error_name, reads_back
from engine.weights.window import Wait, Windows, wait_for_rules, wait_for_window

log = logging.getLogger(__name__)

SUBJECT = "weights"
SEALING = "commit-reveal"
"""Subjects of attention lines."""

SLOWEST_POLL_S = 6.0
"""Half a block of 12 s, so that no block is missed."""

LOOK_EVERY_BLOCKS = 25
"""The chain's rules may change, so no wait lasts longer than this without another look."""

BY_THE_CHAIN = "NoWeightsCommitFound: nothing to reveal: the chain reveals timelocked commits by itself"
WRONG_KIND = {
    True: "CommitRevealDisabled: this subnet takes plain weights: set them instead",
    False: "CommitRevealEnabled: this subnet takes commits: commit to the weights instead",
}
"""The error of a plan of the wrong kind: a commit (True) or plain weights (False)."""


class Planner(Protocol):
    """Makes weight plans from what the miners have earned."""

    def plan(self, look: Look) -> WeightPlan:
        """The plan that would be set at this look, without a salt."""
        ...

    def note(self, plan: WeightPlan, outcome: Outcome | None) -> None:
        """Called with the outcome of a plan, None if it was skipped.

        An unknown or committed outcome is followed by the one that the chain shows later.
        """
        ...


class WeightSetter:
    """A service that watches the blocks. Only this sets weights, one submission at a time."""

    def __init__(
        self, *, chain: ChainClient, signer: Signer, journal: WeightJournal, planner: Planner, feed: Feed
    ) -> None:
        self._chain = chain
        self._journal = journal
        self._planner = planner
        self._feed = feed
        self._submissions = Submissions(chain, signer, journal)
        self._commits = Commits(chain, signer, journal)
        self._one_at_a_time = asyncio.Lock()
        self._automatic = True
        self._wait = Wait(0, "the chain", "starting")
        self._look_from = 0
        self._held_until = 0
        self.windows = Windows()
        self._last_skip: tuple[int, str] | None = None

    @property
    def automatic(self) -> bool:
        """Whether weights are set without the operator asking."""
        return self._automatic

    @property
    def wait(self) -> Wait:
        """What automatic setting is waiting for, and until which block."""
        return self._wait

    @property
    def commits(self) -> tuple[WeightCommit, ...]:
        """Commits that are not revealed yet, oldest first."""
        return tuple(one.commit for one in self._commits.waiting)

    def pause(self) -> None:
        """Stop setting weights automatically until `resume`; what was already sent is still followed up."""
        self._automatic = False
        self._look_from = 0

    def resume(self) -> None:
        self._automatic = True
        self._look_from = 0

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await self.step()
            await asyncio.sleep(min(self._chain.block_time / 2, SLOWEST_POLL_S))

    async def step(self) -> None:
        """Do whatever is due at the newest block. An outage of the chain or the store is waited out."""
        async with self._one_at_a_time:
            try:
                if await self._chain.read_head() >= self._look_from:
                    await self._act(await self._chain.look())
            except ChainUnavailable as error:  # reported by the chain watch
                self._wait = Wait(self._chain.head.block + 1, "the chain", str(error))
            except StoreError as error:
                self._wait = Wait(self._chain.head.block + 1, "the store", str(error))
                if not isinstance(error, TOLD_ELSEWHERE):
                    self._feed.raise_attention("warning", SUBJECT, f"weights are delayed: {error}", About("weights"))

    # -- by the operator ---------------------------------------------------------------------------------------

    async def set_now(self) -> Outcome:
        """Set the weights now, regardless of the window, if the chain's rules allow it."""
        return await self._send_now(commit=False)

    async def commit_now(self) -> Outcome:
        """Commit to the weights now, regardless of the window, if the chain's rules allow it."""
        return await self._send_now(commit=True)

    async def reveal_now(self) -> Outcome:
        """Reveal the oldest commit that the chain would accept now. Raises `ChainUnavailable`."""
        async with self._one_at_a_time:
            try:
                look = await self._chain.look()
                await self._settle(look)
                ready = self._commits.ready(look)
                if ready:
                    return await self._reveal(ready[0])
                by_hand = (one.reveal_from for one in self.commits if not one.timelocked)
                first = min(by_hand, default=None)
                none = BY_THE_CHAIN if self.commits else "NoWeightsCommitFound: nothing to reveal"
                early = f"RevealTooEarly: from block {first}"
                return Outcome(status="rejected", reason=early if first else none)
            except StoreError as error:
                return Outcome(status="rejected", reason=str(error))
            finally:
                self._look_from = 0

    async def _send_now(self, *, commit: bool) -> Outcome:
        async with self._one_at_a_time:
            try:
                look = await self._chain.look()
                if commit != look.rules.commit_reveal:
                    return Outcome(status="rejected", reason=WRONG_KIND[commit])
                if not await self._settle(look):
                    return Outcome(status="unknown", reason="an earlier submission is still pending")
                if (wait := wait_for_rules(look)) is not None:
                    return Outcome(status="rejected", reason=wait.reason)
                plan, sealed = await self._prepared(look)
                if plan.skipped:
                    return Outcome(status="rejected", reason=plan.skipped)
                return await self._submit(plan, sealed)
            except (ChainUnavailable, StoreError) as error:
                return Outcome(status="rejected", reason=f"nothing was sent: {error}")
            finally:
                self._look_from = 0

    # -- automatic ---------------------------------------------------------------------------------------------

    async def _act(self, look: Look) -> None:
        """Settle earlier submissions, then reveal what is due, then set what is due."""
        self.windows.see(look)
        settled = await self._settle(look)
        due = self._commits.due(look)
        if not settled:
            self._wait = Wait(look.block + 1, "the chain", "waiting for an earlier submission to appear on chain")
        elif not self._automatic:
            self._wait = Wait(look.block + 1, "you", "paused")
            self._remind(due)
        elif due is not None:
            outcome = await self._reveal(due)
            if self._commits.is_refused(due):
                text = f"the commit of block {due.commit.block} cannot be revealed: {outcome.reason}"
                self._feed.raise_attention("warning", SUBJECT, text, About("weights"))
            self._wait = Wait(look.block + 1, "the next block", outcome.reason or "revealed")
        else:
            wait = wait_for_window(look) or wait_for_rules(look) or self._hold(look)
            self._wait = wait or await self._set(look)
        reveals = (commit.reveal_from for commit in self.commits if commit.reveal_from > look.block)
        self._look_from = min(self._wait.until, look.block + LOOK_EVERY_BLOCKS, *reveals)

    async def _settle(self, look: Look) -> bool:
        """Check earlier submissions against the chain; True if none is open any more. Raises `StoreError`."""
        if block := self._submissions.strangers_block(look):
            text = f"another process set weights with this hotkey at block {block}: stop it"
            self._feed.raise_attention("error", SUBJECT, text, About("weights"))
        async for plan, outcome in self._submissions.settle(look):
            self._report(plan, outcome)
        async for plan, outcome in self._commits.settle(look):
            self._report(plan, outcome)
        return not (self._submissions.any_open or self._commits.any_missing)

    async def _set(self, look: Look) -> Wait:
        plan, sealed = await self._prepared(look)
        if plan.skipped:
            if self._last_skip != (plan.window, plan.skipped):
                self._last_skip = (plan.window, plan.skipped)
                await self._skip(plan)
            return Wait(look.block + 1, "scores", f"nothing to set: {plan.skipped}")
        outcome = await self._submit(plan, sealed)
        what = NOT_NOW.get(error_name(outcome.reason), "the next block")
        return Wait(look.block + 1, what, outcome.reason or f"set at block {outcome.block}")

    async def _skip(self, plan: WeightPlan) -> None:
        """Report and journal that no weights are set."""
        self._planner.note(plan, None)
        try:
            await self._journal.skip(plan)
        except TOLD_ELSEWHERE:
            pass
        except StoreError as error:
            self._feed.raise_attention("warning", "store", f"a skipped plan is not stored: {error}", About("weights"))

    async def _prepared(self, look: Look) -> tuple[WeightPlan, Sealed | None]:
        """The plan in the form this subnet takes: plain, salted or sealed. A plan that cannot be sealed is skipped.

        Raises `ChainUnavailable`.
        """
        plan = self._planner.plan(look)
        if plan.skipped or not look.rules.commit_reveal:
            return plan, None
        plan = replace(plan, unchanged=reads_back(plan, look) or self._commits.promise(plan))
        if look.rules.commit_reveal_version < TIMELOCKED:
            return replace(plan, salt=new_salt()), None
        try:
            sealed = await self._chain.seal_weights(uids=plan.uids, values=plan.values, version_key=plan.version_key)
        except CannotSeal as error:
            self._feed.hold_attention("error", SEALING, f"no weights are set: {error}", About("weights"))
            return replace(plan, rows=(), skipped=str(error)), None
        self._feed.settle(SEALING, "weights are being committed again")
        return replace(plan, commit=sealed.hash, reveal_round=sealed.reveal_round), sealed

    async def _submit(self, plan: WeightPlan, sealed: Sealed | None) -> Outcome:
        outcome = await self._submissions.submit(plan, sealed)
        self._report(plan, outcome)
        return outcome

    async def _reveal(self, one: Waiting) -> Outcome:
        """Reveal a commit and look for its outcome on chain. Raises `ChainUnavailable`, `StoreError`."""
        outcome = await self._commits.reveal(one)
        await self._settle(await self._chain.look())
        return outcome

    def _remind(self, due: Waiting | None) -> None:
        """Warn about a commit that will not be revealed automatically."""
        if due is not None:
            block, last = due.commit.block, due.commit.reveal_until
            text = f"the commit of block {block} will be lost unless you reveal it by block {last}"
            self._feed.raise_attention("warning", SUBJECT, text, About("weights"))

    def _hold(self, look: Look) -> Wait | None:
        """After a rejection, wait for the next window."""
        if look.block >= self._held_until:
            return None
        reason = f"rejected in this window; next attempt after block {self._held_until}"
        return Wait(self._held_until, "the next window", reason)

    def _report(self, plan: WeightPlan, outcome: Outcome) -> None:
        log.info("weights at block %d: %s %s", plan.block, outcome.status, outcome.reason)
        self._planner.note(plan, outcome)
        error = error_name(outcome.reason)
        if outcome.status == "lost":
            self._feed.raise_attention(
                "error", SUBJECT, f"the commit of block {plan.block} is lost: {outcome.reason}", About("weights")
            )
        elif outcome.status == "unknown":
            text = f"unclear whether the weights were set ({outcome.reason}): checking the chain before sending again"
            self._feed.raise_attention("warning", SUBJECT, text, About("weights"))
        elif outcome.status == "rejected" and error == NOT_INCLUDED:
            self._feed.raise_attention(
                "warning", SUBJECT, "the weights did not land; sending them again", About("weights")
            )
        elif outcome.status == "rejected" and error not in NOT_NOW:
            self._held_until = plan.window
            self._feed.raise_attention("error", SUBJECT, f"weights were rejected: {outcome.reason}", About("weights"))
