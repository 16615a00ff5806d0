"""The rounds of one miner as rows of a table."""

from collections.abc import Sequence

from console.present import fields, formats
from console.present.states import UNPAID, WHY_UNCOUNTED, State
from console.present.table import Cell, Column, Table
from console.present.text import Line, Span, cut, fit, line, wrapped
from console.screens.challenge.consensus import NO_CLUSTER, tone_of
from console.screens.challenge.replies import STATUSES
from engine.store.stored import Appearance
from engine.text import safe

ID_WIDTH = 24
WINNER = State("✓", "winner", "ok")
STATUS = 14


def _state(one: Appearance) -> State:
    if one.won:
        return WINNER
    unpaid = one.status == "ok" and one.counted == "yes" and one.emission == 0
    return UNPAID if unpaid else STATUSES[one.status]


def why_of(one: Appearance) -> str:
    """Why the round went so for this miner, in one line; what decided last comes first."""
    failed = "" if one.status == "ok" else one.reason or one.status
    return safe("; ".join((*([failed] if failed else []), *reversed(one.reasons))))


APPEARANCES: Table[Appearance] = Table(
    name="appearances",
    empty="no recorded round has it",
    key=lambda one: one.round_id,
    sort="time",
    descending=True,
    columns=(
        fields.time(lambda one: one.at, "when it was asked"),
        fields.text("id", "ID", 14, lambda one: safe(one.round_id, ID_WIDTH), "the challenge", priority=8),
        fields.text("kind", "KIND", 10, lambda one: safe(one.kind, ID_WIDTH), "what kind of question", priority=5),
        fields.state("status", "STATUS", 13, _state, "whether it answered, and whether that was paid, or the best"),
        fields.took("latency", "LAT", lambda one: one.ms, "how long it took", priority=4),
        Column(
            id="cl",
            title="CL",
            width=2,
            priority=3,
            cell=lambda one, _now: Cell(one.cluster or NO_CLUSTER, tone_of(one.cluster)),
            value=lambda one: one.cluster,
            about="the answers that it agreed with, by letter",
        ),
        fields.agreement(lambda one: one.agreement, priority=7),
        fields.quality(lambda one: one.quality),
        fields.emission(lambda one: one.emission, priority=0),
        Column(
            id="why",
            title="WHY",
            width=18,
            priority=2,
            grows=True,
            cell=lambda one, _now: Cell(why_of(one), "" if one.status == "ok" else "warn"),
            value=why_of,
            about="why it earned what it did",
        ),
    ),
)


def brief(lately: Sequence[Appearance], width: int, height: int) -> list[Line]:
    """The last rounds, a line each, the newest first."""
    if not lately:
        return [line(Span("no round of it is stored", "muted"))]
    return [cut(_brief(one), width) for one in lately[:height]]


def _brief(one: Appearance) -> Line:
    status = _state(one)
    return line(
        Span(f"{formats.clock(one.at)} ", "muted"),
        Span(fit(status.text, STATUS), status.tone),
        Span(*fields.paid(one.emission)),
        "  ",
        Span(why_of(one), "" if one.status == "ok" else "warn"),
    )


def title(one: Appearance) -> str:
    """Which round it is, for the title of a panel."""
    return f"Round {safe(one.round_id, ID_WIDTH)}  {formats.clock(one.at)}"


def why(one: Appearance, width: int) -> list[Line]:
    """One round of a miner in full."""
    score = f"quality {one.quality:.3f}  score {one.score:.4f}  emission {one.emission:.4f}"
    failed = (one.reason or one.status,) if one.status != "ok" else ()
    reasons = [safe(reason) for reason in failed or reversed(one.reasons)]
    if one.counted != "yes":
        reasons.append(WHY_UNCOUNTED[one.counted])
    said = [line(text) for reason in reasons for text in wrapped(f"• {reason}", width)]
    return [line(_state(one).span, f"  {score}"), *(said or [line(Span("no reason was stored", "muted"))])]
