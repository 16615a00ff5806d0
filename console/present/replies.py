"""The replies of one round: as rows of a table, and one of them in full."""

from console.present import formats
from console.present.consensus import NO_CLUSTER, answer_of, tone_of, why_of
from console.present.recorded import ReplyRow
from console.present.states import State
from console.present.table import Cell, Column, Table
from console.present.text import BLANK, Line, Span, Tone, line
from console.present.wrap import unwrapped, wrapped
from engine.text import safe
from engine.values import ReplyStatus

PARTS_GAP = 2

STATUSES: dict[ReplyStatus, State] = {
    "ok": State("✓", "ok", "ok"),
    "timeout": State("▲", "timeout", "warn"),
    "unreachable": State("✗", "unreachable", "err"),
    "refused": State("✗", "refused", "err"),
    "malformed": State("✗", "malformed", "err"),
    "too_large": State("✗", "too large", "err"),
    "cancelled": State("○", "cancelled", "muted"),
}


def _status(row: ReplyRow, _now: float) -> Cell:
    state = STATUSES[row.reply.status]
    return Cell(state.text, state.tone)


def _ema(row: ReplyRow, _now: float) -> Cell:
    before, after = row.ema.before, row.ema.after
    if after is None:
        return Cell(formats.UNKNOWN, "muted")
    if before is None:
        return Cell(f"new→{after:.3f}", "info")
    arrow: Tone = "muted" if abs(after - before) < 0.0005 else "ok" if after > before else "warn"
    return Cell(f"{before:.3f}→{after:.3f}", arrow)


def _emission(row: ReplyRow, _now: float) -> Cell:
    paid = row.verdict.emission
    return Cell(f"{paid:.4f}", "accent" if paid > 0 else "muted")


REPLIES: Table[ReplyRow] = Table(
    name="replies",
    key=lambda row: row.reply.hotkey,
    sort="emission",
    descending=True,
    columns=(
        Column(
            id="uid",
            title="UID",
            width=4,
            align="right",
            priority=0,
            cell=lambda row, _now: Cell(str(row.reply.uid)),
            value=lambda row: row.reply.uid,
            about="the place in the metagraph",
        ),
        Column(
            id="name",
            title="NAME",
            width=12,
            priority=3,
            cell=lambda row, _now: Cell(row.name or formats.hotkey(row.reply.hotkey, 12)),
            value=lambda row: row.name or row.reply.hotkey,
            about="the miner's name, or its address",
        ),
        Column(
            id="cl",
            title="CL",
            width=2,
            priority=0,
            cell=lambda row, _now: Cell(row.verdict.cluster or NO_CLUSTER, tone_of(row.verdict.cluster)),
            value=lambda row: (len(row.verdict.cluster) or 9) * 100 + ord(row.verdict.cluster[:1] or "Z"),
            about="the answers that it agrees with, by letter",
        ),
        Column(
            id="latency",
            title="LAT",
            width=6,
            align="right",
            priority=4,
            cell=lambda row, _now: Cell(formats.milliseconds(row.reply.ms)),
            value=lambda row: row.reply.ms,
            about="how long it took",
        ),
        Column(
            id="quality",
            title="QUAL",
            width=5,
            align="right",
            priority=6,
            cell=lambda row, _now: Cell(f"{row.verdict.quality:.2f}"),
            value=lambda row: row.verdict.quality,
            about="how good the answer is by itself",
        ),
        Column(
            id="score",
            title="SCORE",
            width=6,
            align="right",
            priority=7,
            cell=lambda row, _now: Cell(f"{row.verdict.score:.4f}"),
            value=lambda row: row.verdict.score,
            about="what the judgement gives it",
        ),
        Column(
            id="emission",
            title="EMIT",
            width=6,
            align="right",
            priority=1,
            cell=_emission,
            value=lambda row: row.verdict.emission,
            about="what the round is worth to it",
        ),
        Column(
            id="ema",
            title="EMA",
            width=11,
            priority=2,
            cell=_ema,
            value=lambda row: row.ema.after or 0.0,
            about="its average before and after this round",
        ),
        Column(
            id="status",
            title="STATUS",
            width=13,
            priority=8,
            cell=_status,
            value=lambda row: STATUSES[row.reply.status].word,
            about="whether it answered",
        ),
        Column(
            id="why",
            title="WHY",
            width=20,
            priority=5,
            grows=True,
            cell=lambda row, _now: Cell(why_of(row), "" if row.reply.status == "ok" else "warn"),
            value=why_of,
            about="why it earned what it did",
        ),
    ),
)


def title(row: ReplyRow) -> str:
    """Whose reply it is, for the title of a panel."""
    who = f" {row.name}" if row.name else ""
    winner = "  ✓ winner" if row.won else ""
    return f"uid {row.reply.uid}{who}  {formats.hotkey(row.reply.hotkey, 17)}{winner}"


def full(row: ReplyRow, width: int, *, wrap: bool) -> list[Line]:
    """One reply: what it earned and why, then what it said."""
    state, reply, verdict = STATUSES[row.reply.status], row.reply, row.verdict
    cluster = f"cluster {verdict.cluster}" if verdict.cluster else "no cluster"
    head = line(
        state.span,
        f"  {formats.milliseconds(reply.ms)}  ",
        Span(cluster, tone_of(verdict.cluster)),
        f"  quality {verdict.quality:.3f}  score {verdict.score:.4f}  emission {verdict.emission:.4f}  EMA ",
        Span(*_ema(row, 0.0)),
    )
    why = [text for reason in _reasons(row) for text in _item(reason, width)]
    texts = (wrapped if wrap else unwrapped)(answer_of(row), width)
    said = [line(text) for text in texts] if any(texts) else [line(Span("no text", "muted"))]
    return [*_flow(head, width), *_parts(verdict.parts, width), *why, BLANK, *said, *_usage(row)]


def _reasons(row: ReplyRow) -> tuple[str, ...]:
    return row.verdict.reasons if row.reply.status == "ok" else (why_of(row), *row.verdict.reasons)


def _item(reason: str, width: int) -> list[Line]:
    first, *more = wrapped(safe(reason), width - 2)
    return [line(Span("• ", "muted"), first), *(line("  ", text) for text in more)]


def _flow(head: Line, width: int) -> list[Line]:
    """A line as it is, or broken into several."""
    texts = wrapped("".join(span.text for span in head), width)
    return [head] if len(texts) == 1 else [line(text) for text in texts]


def _parts(parts: dict[str, float], width: int) -> list[Line]:
    """The numbers that a score is made of, as many on a line as fit."""
    lines: list[Line] = []
    current: Line = ()
    used = 0
    for name, number in parts.items():
        shown = f"{number:.2f}"
        size = len(name) + len(shown) + 1 + PARTS_GAP
        if current and used + size - PARTS_GAP > width:
            lines.append(current)
            current, used = (), 0
        current = (*current, Span(f"{safe(name, 20)} ", "muted"), Span(shown + " " * PARTS_GAP, "accent"))
        used += size
    return [*lines, current] if current else lines


def _usage(row: ReplyRow) -> list[Line]:
    reply = row.reply
    counts = [f"{count} {name.replace('_', ' ')}" for name, count in reply.usage.items()]
    ended = [f"ended by {reply.finish_reason}"] if reply.finish_reason else []
    return [BLANK, line(Span(safe(", ".join((*counts, *ended)), 200), "muted"))] if counts or ended else []
