"""One submission of weights, or one command, in full."""

from console.present import formats, states
from console.present.text import BLANK, Line, Span, facts, line
from console.present.wrap import wrapped
from engine.snapshot import CommandView, PlanView

LABEL = 10
BAR = 24
ROWS_SHOWN = 10
U16_MAX = 65535


def submission(plan: PlanView, width: int) -> list[Line]:
    """When it was planned, what became of it, and who was given how much, the most first."""
    rows = sorted(zip(plan.weights_u16, plan.uids, strict=True), reverse=True)
    total = sum(plan.weights_u16)
    more = len(rows) - ROWS_SHOWN
    return [
        *facts(
            (
                ("time", line(formats.clock(plan.at))),
                ("block", line(f"{plan.block:,}  {plan.mode}")),
                ("outcome", line(states.of_outcome(plan.outcome).span)),
            ),
            LABEL,
        ),
        *map(line, wrapped(plan.reason, width) if plan.reason else ()),
        BLANK,
        *(_row(u16, uid, total) for u16, uid in rows[:ROWS_SHOWN]),
        *([line(Span(f"and {more} more", "muted"))] if more > 0 else ()),
    ]


def _row(u16: int, uid: int, total: int) -> Line:
    share = formats.share(u16 / total) if total else formats.UNKNOWN
    return line(f"uid {uid:<5} {u16:>5}  {share:>6}  ", Span(formats.bar(u16 / U16_MAX, BAR), "accent"))


def command(view: CommandView, width: int) -> list[Line]:
    """What was asked for and with what, and what became of it."""
    known = facts(
        (
            ("time", line(formats.clock(view.at))),
            ("command", line(view.name)),
            ("with", line(view.detail or formats.UNKNOWN)),
            ("outcome", line(states.of_outcome(view.outcome).span)),
        ),
        LABEL,
    )
    return [*known, *map(line, wrapped(view.reason, width) if view.reason else ())]
