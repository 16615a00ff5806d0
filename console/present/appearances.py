"""The rounds of one miner as rows of a table."""

from collections.abc import Sequence

from console.present import formats
from console.present.consensus import NO_CLUSTER, tone_of
from console.present.replies import STATUSES
from console.present.states import WHY_UNCOUNTED, State
from console.present.table import Cell, Column, Table
from console.present.text import Line, Span, cut, fit, line
from console.present.wrap import wrapped
from engine.store.reader import Appearance
from engine.text import safe

ID_WIDTH = 24
STATUS = 14


def _state(one: Appearance) -> State:
    return STATUSES[one.status]  # type: ignore[index]


def _status(one: Appearance, _now: float) -> Cell:
    if one.won:
        return Cell("✓ winner", "ok")
    return Cell(_state(one).text, _state(one).tone)


def why_of(one: Appearance) -> str:
    """Why the round went so for this miner, in one line; what decided last comes first."""
    failed = "" if one.status == "ok" else one.reason or one.status
    return safe("; ".join((*([failed] if failed else []), *reversed(one.reasons))))


APPEARANCES: Table[Appearance] = Table(
    name="appearances",
    key=lambda one: one.round_id,
    sort="time",
    descending=True,
    columns=(
        Column(
            id="time",
            title="TIME",
            width=8,
            priority=0,
            cell=lambda one, _now: Cell(formats.clock(one.at), "muted"),
            value=lambda one: one.at,
            about="when it was asked",
        ),
        Column(
            id="id",
            title="ID",
            width=14,
            priority=8,
            cell=lambda one, _now: Cell(safe(one.round_id, ID_WIDTH)),
            value=lambda one: one.round_id,
            about="the challenge",
        ),
        Column(
            id="kind",
            title="KIND",
            width=10,
            priority=5,
            cell=lambda one, _now: Cell(safe(one.kind, ID_WIDTH)),
            value=lambda one: one.kind,
            about="what kind of question",
        ),
        Column(
            id="status",
            title="STATUS",
            width=13,
            priority=1,
            cell=_status,
            value=lambda one: _state(one).word,
            about="whether it answered, and whether its answer was the best",
        ),
        Column(
            id="latency",
            title="LAT",
            width=6,
            align="right",
            priority=4,
            cell=lambda one, _now: Cell(formats.milliseconds(one.ms)),
            value=lambda one: one.ms,
            about="how long it took",
        ),
        Column(
            id="cl",
            title="CL",
            width=2,
            priority=3,
            cell=lambda one, _now: Cell(one.cluster or NO_CLUSTER, tone_of(one.cluster)),
            value=lambda one: one.cluster,
            about="the answers that it agreed with, by letter",
        ),
        Column(
            id="agree",
            title="AGREE",
            width=5,
            align="right",
            priority=7,
            cell=lambda one, _now: Cell(formats.percent(one.agreement)),
            value=lambda one: one.agreement,
            about="the share of answers in the round's largest cluster",
        ),
        Column(
            id="quality",
            title="QUAL",
            width=5,
            align="right",
            priority=6,
            cell=lambda one, _now: Cell(f"{one.quality:.2f}"),
            value=lambda one: one.quality,
            about="how good the answer was by itself",
        ),
        Column(
            id="emission",
            title="EMIT",
            width=6,
            align="right",
            priority=0,
            cell=lambda one, _now: Cell(f"{one.emission:.4f}", "accent" if one.emission > 0 else "muted"),
            value=lambda one: one.emission,
            about="what the round was worth to it",
        ),
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
    status = _status(one, 0.0)
    return line(
        Span(f"{formats.clock(one.at)} ", "muted"),
        Span(fit(status.text, STATUS), status.tone),
        Span(f"{one.emission:.4f}  ", "accent" if one.emission > 0 else "muted"),
        Span(why_of(one), "" if one.status == "ok" else "warn"),
    )


def title(one: Appearance) -> str:
    """Which round it is, for the title of a panel."""
    return f"Round {safe(one.round_id, ID_WIDTH)}  {formats.clock(one.at)}"


def why(one: Appearance, width: int) -> list[Line]:
    """One round of a miner in full."""
    score = f"quality {one.quality:.3f}  score {one.score:.4f}  emission {one.emission:.4f}"
    reasons = [safe(reason) for reason in ((one.reason or one.status,) if one.status != "ok" else ())]
    reasons += [safe(reason) for reason in one.reasons]
    if one.counted != "yes":
        reasons.append(WHY_UNCOUNTED[one.counted])
    said = [line(text) for reason in reasons for text in wrapped(f"• {reason}", width)]
    return [line(_state(one).span, f"  {score}"), *(said or [line(Span("no reason was stored", "muted"))])]
