"""Weight plans as screens show them: the only place that makes a `PlanView` or a `NextPlanView`."""

from engine.chain.commitment import sealed_size
from engine.snapshot import NextPlanView, PlanView
from engine.text import safe
from engine.weights.journal import JournalEntry
from engine.weights.plan import WeightPlan

REASON_WIDTH = 300
"""Characters kept of the chain's reason against weights."""


def plan_view(plan: WeightPlan, *, at: float, outcome: str, reason: str) -> PlanView:
    """A plan and its outcome at the unix time `at`; `outcome` is "skipped" for a plan that was not sent."""
    return PlanView(
        at=at,
        block=plan.block,
        mode=plan.mode,
        uids=tuple(row.uid for row in plan.rows),
        weights_u16=tuple(row.u16 for row in plan.rows),
        outcome=outcome,
        reason=safe(reason, REASON_WIDTH),
        version_key=plan.version_key,
    )


def next_plan_view(plan: WeightPlan) -> NextPlanView:
    """A plan that has not been sent."""
    skipped = safe(plan.skipped, REASON_WIDTH)
    return NextPlanView(weights=len(plan.rows), sealed_bytes=sealed_size(len(plan.rows)), skipped=skipped)


def entry_view(entry: JournalEntry) -> PlanView:
    """Like `plan_view`, for an entry of the journal."""
    return plan_view(entry.plan, at=entry.at, outcome=entry.outcome, reason=entry.reason)
