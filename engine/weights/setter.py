"""Sets the weights once in each epoch's window, and when the operator asks for it.

On a subnet with commit-reveal to set is to commit, and to reveal as soon as the chain takes it.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from msgspec.structs import replace

from engine.chain.commitment import new_salt
from engine.chain.deadline import deadline
from engine.chain.interface import Chain, ChainUnavailable
from engine.errors import StoreError
from engine.keys import Signer
from engine.values import Level, Outcome, WeightCommit
from engine.weights.commits import Commits, Waiting
from engine.weights.journal import WeightJournal
from engine.weights.moment import Moment, Wait, wait_for_rules, wait_for_window
from engine.weights.plan import Basis, HotkeyScore, WeightPlan, plan_weights
from engine.weights.sender import Sender
from engine.weights.submission import Submissions

log = logging.getLogger(__name__)

SLOWEST_POLL_S = 6.0
LOOK_EVERY_BLOCKS = 25
"""The chain's rules may change, so nothing is waited for longer than this without another look."""

TOO_FAST = ("SettingWeightsTooFast", "CommittingWeightsTooFast")
NOT_INCLUDED = "NotIncluded"
WRONG_KIND = {
    True: "CommitRevealDisabled: this subnet takes plain weights, set them",
    False: "CommitRevealEnabled: this subnet takes commits, commit to the weights",
}
"""By whether it was to be a commit."""


class WeightSetter:
    """A service that watches the blocks. Nothing but this sets weights, and one submission at a time.

    `scores`, and the `basis` on which they are made, are asked for at each submission. `on_plan` hears of each plan and
    its outcome, which is None when nothing should be set; an unknown one is followed by the outcome that the chain
    showed later. `attention` takes level, subject and text.
    """

    name = "weights"

    def __init__(
        self,
        *,
        chain: Chain,
        netuid: int,
        signer: Signer,
        journal: WeightJournal,
        scores: Callable[[], Sequence[HotkeyScore]],
        basis: Callable[[], Basis] = Basis,
        on_plan: Callable[[WeightPlan, Outcome | None], object],
        attention: Callable[[Level, str, str], object],
        call_timeout: float = 60.0,
    ) -> None:
        self._chain = chain
        self._netuid = netuid
        self._hotkey = signer.ss58_address
        self._scores = scores
        self._basis = basis
        self._on_plan = on_plan
        self._attention = attention
        self._call_timeout = call_timeout
        sender = Sender(
            chain=chain,
            netuid=netuid,
            signer=signer,
            journal=journal,
            call_timeout=call_timeout,
            look=self._look,
            report=self._report,
        )
        self._submissions = Submissions(sender)
        self._commits = Commits(sender)
        self._one_at_a_time = asyncio.Lock()
        self._automatic = True
        self._wait = Wait(0, "the chain", "starting")
        self._look_from = 0
        self._held_until = 0
        self._last_update: int | None = None
        self._last_skip: tuple[int, str] | None = None

    @property
    def automatic(self) -> bool:
        """Whether weights are set without being asked for."""
        return self._automatic

    @property
    def wait(self) -> Wait:
        """What it waits for before it sends anything by itself, and until which block."""
        return self._wait

    @property
    def commits(self) -> tuple[WeightCommit, ...]:
        """What is committed to and not revealed, oldest first."""
        return tuple(one.commit for one in self._commits.waiting)

    def pause(self) -> None:
        """Set no weights by itself until `resume`; what was sent is still followed up."""
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
        """Do what the head block makes due. An outage is told to the operator and waited out."""
        async with self._one_at_a_time:
            try:
                async with deadline(self._chain, self._call_timeout):
                    block = await self._chain.block()
                if block >= self._look_from:
                    await self._act(await self._look())
            except (ChainUnavailable, StoreError) as error:
                self._attention("warning", self.name, f"weights have to wait: {error}")

    async def set_now(self) -> Outcome:
        """Set the weights now, whatever the window, if the chain's rules allow it."""
        return await self._send_now(commit=False)

    async def commit_now(self) -> Outcome:
        """Commit to the weights now, whatever the window, if the chain's rules allow it."""
        return await self._send_now(commit=True)

    async def reveal_now(self) -> Outcome:
        """Reveal the oldest commit that the chain would take now. Raises `ChainUnavailable`."""
        async with self._one_at_a_time:
            try:
                moment = await self._look()
                await self._commits.follow(moment)
                ready = self._commits.ready(moment)
                if ready:
                    return await self._commits.reveal(ready[0])
                first = min((commit.reveal_from for commit in self.commits), default=None)
                early = f"RevealTooEarly: from block {first}"
                return Outcome(status="rejected", reason=early if first else "NoWeightsCommitFound: nothing to reveal")
            except StoreError as error:
                return Outcome(status="rejected", reason=str(error))
            finally:
                self._look_from = 0

    async def _send_now(self, *, commit: bool) -> Outcome:
        async with self._one_at_a_time:
            try:
                moment = await self._look()
                if commit != moment.rules.commit_reveal:
                    return Outcome(status="rejected", reason=WRONG_KIND[commit])
                if not await self._submissions.settle(moment):
                    return Outcome(status="unknown", reason="what was sent before is not settled yet")
                wait = wait_for_rules(moment)
                if wait is not None:
                    return Outcome(status="rejected", reason=wait.reason)
                plan = self._plan(moment)
                if plan.skipped:
                    return Outcome(status="rejected", reason=plan.skipped)
                return await self._submissions.submit(plan)
            except (ChainUnavailable, StoreError) as error:
                return Outcome(status="rejected", reason=f"nothing was sent: {error}")
            finally:
                self._look_from = 0

    async def _act(self, moment: Moment) -> None:
        settled = await self._submissions.settle(moment)
        await self._commits.follow(moment)
        due = self._commits.due(moment)
        if not settled:
            self._wait = Wait(moment.block + 1, "the chain", "waiting for the chain to show what was sent")
        elif not self._automatic:
            self._wait = Wait(moment.block + 1, "you", "paused")
            self._remind(due)
        elif due is not None:
            outcome = await self._commits.reveal(due)
            if self._commits.is_refused(due):
                text = f"the commit of block {due.commit.block} cannot be revealed: {outcome.reason}"
                self._attention("warning", self.name, text)
            self._wait = Wait(moment.block + 1, "the next block", outcome.reason or "revealed")
        else:
            wait = wait_for_window(moment) or wait_for_rules(moment) or self._hold(moment)
            self._wait = wait or await self._set(moment)
        reveals = (commit.reveal_from for commit in self.commits if commit.reveal_from > moment.block)
        self._look_from = min(self._wait.until, moment.block + LOOK_EVERY_BLOCKS, *reveals)

    def _remind(self, due: Waiting | None) -> None:
        """Of a commit that nobody will reveal by itself."""
        if due is not None:
            commit = due.commit
            text = f"the commit of block {commit.block} is lost unless you reveal it by block {commit.reveal_until}"
            self._attention("warning", self.name, text)

    async def _set(self, moment: Moment) -> Wait:
        plan = self._plan(moment)
        if plan.skipped:
            if self._last_skip != (plan.window, plan.skipped):
                self._last_skip = (plan.window, plan.skipped)
                self._on_plan(plan, None)
            return Wait(moment.block + 1, "scores", f"nothing to set: {plan.skipped}")
        outcome = await self._submissions.submit(plan)
        return Wait(moment.block + 1, "the next block", outcome.reason or f"set at block {outcome.block}")

    def _plan(self, moment: Moment) -> WeightPlan:
        plan = plan_weights(
            moment.metagraph,
            moment.rules,
            self._scores(),
            hotkey=self._hotkey,
            window=moment.next_epoch,
            now=time.time(),
            basis=self._basis(),
        )
        return replace(plan, salt=new_salt()) if moment.rules.commit_reveal else plan

    def _hold(self, moment: Moment) -> Wait | None:
        """After a rejection, the next window."""
        if moment.block >= self._held_until:
            return None
        reason = f"rejected in this window, again after block {self._held_until}"
        return Wait(self._held_until, "the next window", reason)

    async def _look(self) -> Moment:
        async with deadline(self._chain, self._call_timeout):
            metagraph = await self._chain.metagraph(self._netuid)
            own = metagraph.by_hotkey(self._hotkey)
            rules = await self._chain.hyperparameters(self._netuid)
            moment = Moment(
                hotkey=self._hotkey,
                metagraph=metagraph,
                rules=rules,
                next_epoch=await self._chain.next_epoch(self._netuid),
                commits=await self._chain.commits(self._netuid, self._hotkey) if rules.commit_reveal else (),
                weights=await self._chain.weights(self._netuid, own.uid) if own else (),
            )
        self._watch_for_strangers(moment)
        return moment

    def _watch_for_strangers(self, moment: Moment) -> None:
        """A LastUpdate that moved while nothing of ours was open is somebody else's."""
        updated = moment.own.last_update if moment.own else 0
        moved = self._last_update is not None and updated > self._last_update
        if moved and (moment.weights or moment.commits) and not self._submissions.any_open:
            self._attention(
                "error",
                self.name,
                f"weights were set with this hotkey at block {updated}, and not by this process: stop the other one",
            )
        self._last_update = updated

    def _report(self, plan: WeightPlan, outcome: Outcome) -> None:
        log.info("weights at block %d: %s %s", plan.block, outcome.status, outcome.reason)
        self._on_plan(plan, outcome)
        error = outcome.reason.partition(":")[0]
        if outcome.status == "lost":
            self._attention("error", self.name, f"the commit of block {plan.block} is lost: {outcome.reason}")
        elif outcome.status == "unknown":
            text = f"it is not known whether the weights were set ({outcome.reason}): the chain is read first"
            self._attention("warning", self.name, text)
        elif outcome.status == "rejected" and error == NOT_INCLUDED:
            self._attention("warning", self.name, "weights that were sent did not land, they are sent again")
        elif outcome.status == "rejected" and error not in TOO_FAST:
            self._held_until = plan.window
            self._attention("error", self.name, f"weights were rejected: {outcome.reason}")
