"""Plans weights: scores, less sybil penalties, become a plan. Also shows what became of each plan."""

import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

from engine.chain.interface import Look
from engine.feed import Feed
from engine.snapshot import About, PlanView
from engine.validator.scores import Scores
from engine.validator.views import PLANS_SHOWN
from engine.values import Outcome
from engine.weights.journal import PlanLog
from engine.weights.plan import Basis, HotkeyScore, WeightPlan, can_weigh, plan_weights
from engine.weights.views import plan_view

SCORES = "scores"
"""Subject of attention lines."""

UNFIT_NAMED = 3
"""Miners named in one attention line; the others are counted."""

UNSETTLED = ("unknown", "committed")
"""Outcomes that are not final."""

ON_CHAIN = ("ok", "applied")
"""Outcomes that put a plan's weights on chain."""


class Penalties(Protocol):
    """Lowers the scores of those penalised."""

    def penalised(self, scores: Sequence[HotkeyScore]) -> tuple[HotkeyScore, ...]: ...


class WeightPlanner:
    """Plans weights from the scores of one scoring profile, with `sybil` less penalties.

    It needs neither a judge nor a running loop.
    """

    def __init__(self, profile: str, *, scores: Scores, feed: Feed, sybil: Penalties | None = None) -> None:
        self._profile = profile
        self._scores = scores
        self._sybil = sybil
        self._feed = feed
        self._on_chain_by = ""
        self._plans: deque[PlanView] = deque(maxlen=PLANS_SHOWN)

    async def load(self, journal: PlanLog, netuid: int) -> None:
        """Load the plans of earlier runs. Raises StoreError."""
        self._on_chain_by = await journal.profile_on_chain(netuid)
        for earlier in reversed(await journal.recent(netuid, PLANS_SHOWN)):
            self._plans.append(plan_view(earlier.plan, at=earlier.at, outcome=earlier.outcome, reason=earlier.reason))

    @property
    def earned(self) -> tuple[HotkeyScore, ...]:
        """All current scores, before penalties."""
        return self._scores.scores(self._scores.hotkeys, time.time())

    @property
    def shown(self) -> tuple[PlanView, ...]:
        """The last plans and their outcomes, oldest first."""
        return tuple(self._plans)

    def plan(self, look: Look) -> WeightPlan:
        """The weights to set, given this view of the chain."""
        basis = Basis(profile=self._profile, scored=self._scores.scored, on_chain_by=self._on_chain_by)
        earned = self.earned
        self._tell_of_unfit([one for one in earned if not can_weigh(one.score)])
        fit = [one for one in earned if can_weigh(one.score)]
        paid = self._sybil.penalised(fit) if self._sybil else fit
        return plan_weights(look, paid, now=time.time(), basis=basis)

    def _tell_of_unfit(self, unfit: Sequence[HotkeyScore]) -> None:
        """Report the hotkeys whose score cannot be a weight."""
        if not unfit:
            self._feed.settle(SCORES, "every score can be a weight again")
            return
        listed = ", ".join(f"{one.hotkey} ({one.score:g})" for one in unfit[:UNFIT_NAMED])
        more = f" and {len(unfit) - UNFIT_NAMED} more" if len(unfit) > UNFIT_NAMED else ""
        text = f"no weight for {listed}{more}: such a score is a fault in the scoring: look at their rounds on Miners"
        self._feed.hold_attention("error", SCORES, text, About("miner", unfit[0].hotkey))

    def note(self, plan: WeightPlan, outcome: Outcome | None) -> None:
        """Show and publish the outcome of a plan, None when it was skipped. A later outcome replaces an unsettled
        one."""
        if outcome is not None and outcome.status in ON_CHAIN:
            self._on_chain_by = plan.profile
        row = plan_view(
            plan,
            at=time.time(),
            outcome=outcome.status if outcome else "skipped",
            reason=outcome.reason if outcome else plan.skipped,
        )
        earlier = next((one for one in self._plans if one.block == row.block and one.outcome in UNSETTLED), None)
        if earlier is not None:
            self._plans.remove(earlier)
        self._plans.append(row)
        self._feed.emit(
            "weights",
            block=row.block,
            mode=row.mode,
            uids=row.uids,
            weights_u16=row.weights_u16,
            outcome=row.outcome,
            reason=row.reason,
        )
