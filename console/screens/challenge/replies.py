"""The replies of one round: as rows of a table, and one of them in full."""

from collections.abc import Sequence

from console.present import fields, formats
from console.present.recorded import ReplyRow
from console.present.states import COUNTED, WHY_UNCOUNTED, State
from console.present.table import Cell, Column, Table
from console.present.text import BLANK, Line, Span, Tone, cut, fit, line, unwrapped, wrapped
from console.screens.challenge.consensus import NO_CLUSTER, PREVIEW, answer_of, tone_of, why_of
from engine.text import safe
from engine.values import ReplyStatus

NAME = 12
PARTS_GAP = 2
ROOMY = 12
"""Lines of a pane in which a long text may not hide what the score is made of."""

STATUSES: dict[ReplyStatus, State] = {
    "ok": State("✓", "ok", "ok"),
    "timeout": State("▲", "timeout", "warn"),
    "unreachable": State("✗", "unreachable", "err"),
    "refused": State("✗", "refused", "err"),
    "malformed": State("✗", "malformed", "err"),
    "too_large": State("✗", "too large", "err"),
    "cancelled": State("○", "cancelled", "muted"),
}


def _ema(row: ReplyRow, _now: float) -> Cell:
    if row.counted != "yes":
        return Cell(COUNTED[row.counted].text, COUNTED[row.counted].tone)
    return _ema_step(row)


def _ema_step(row: ReplyRow) -> Cell:
    before, after = row.ema.before, row.ema.after
    if after is None:
        return Cell(formats.UNKNOWN, "muted")
    if before is None:
        return Cell(f"new→{after:.3f}", "info")
    arrow: Tone = "muted" if abs(after - before) < 0.0005 else "ok" if after > before else "warn"
    return Cell(f"{before:.3f}→{after:.3f}", arrow)


REPLIES: Table[ReplyRow] = Table(
    name="replies",
    empty="no replies",
    key=lambda row: row.reply.hotkey,
    sort="emission",
    descending=True,
    columns=(
        fields.uid(lambda row: row.reply.uid),
        fields.named(lambda row: row.name, lambda row: row.reply.hotkey, NAME, priority=3),
        Column(
            id="cl",
            title="CL",
            width=2,
            priority=0,
            cell=lambda row, _now: Cell(row.verdict.cluster or NO_CLUSTER, tone_of(row.verdict.cluster)),
            value=lambda row: (len(row.verdict.cluster) or 9) * 100 + ord(row.verdict.cluster[:1] or "Z"),
            about="the answers that it agrees with, by letter",
        ),
        fields.took("latency", "LAT", lambda row: row.reply.ms, "how long it took", priority=4),
        fields.quality(lambda row: row.verdict.quality),
        fields.number(
            "score",
            "SCORE",
            6,
            lambda row: row.verdict.score,
            "{:.4f}".format,
            "what the judgement gives it",
            priority=7,
        ),
        fields.emission(lambda row: row.verdict.emission, priority=1),
        Column(
            id="ema",
            title="EMA",
            width=11,
            priority=2,
            cell=_ema,
            value=lambda row: row.ema.after or 0.0,
            about="its average before and after this round, or why it does not count in it",
        ),
        fields.state("status", "STATUS", 13, lambda row: STATUSES[row.reply.status], "whether it answered", priority=8),
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


def full(row: ReplyRow, width: int, height: int, *, wrap: bool) -> list[Line]:
    """One reply: what it earned and why, what it said, and what its score is made of, above the text if it fits."""
    state, reply, verdict = STATUSES[row.reply.status], row.reply, row.verdict
    head = line(
        state.span,
        f"  {formats.milliseconds(reply.ms)}  ",
        Span(f"cluster {verdict.cluster}" if verdict.cluster else "no cluster", tone_of(verdict.cluster)),
        f"  quality {verdict.quality:.3f}  score {verdict.score:.4f}  emission {verdict.emission:.4f}",
    )
    why = [text for reason in _reasons(row) for text in _item(reason, width)]
    texts = (wrapped if wrap else unwrapped)(answer_of(row), width)
    said = [BLANK, *(line(text) for text in texts)] if any(texts) else [BLANK, line(Span("no text", "muted"))]
    made_of = [cut(_average(row), width), *_parts(verdict.parts, width), *_usage(row)]
    above, below = (made_of, []) if height >= ROOMY else ([], [BLANK, *made_of])
    return [cut(head, width), *why, *above, *said, *below]


def brief(rows: Sequence[ReplyRow], width: int) -> list[Line]:
    """All replies, a line each, the best paid first."""
    ordered = sorted(rows, key=lambda row: (-row.verdict.emission, row.reply.uid))
    head = Span(f" UID {'NAME':<12} CL {'LAT':>6} {'EMIT':>6} ANSWER", "muted")
    return [cut(line(head), width), *(cut(_brief(row), width) for row in ordered)]


def _brief(row: ReplyRow) -> Line:
    failed = row.reply.status != "ok"
    return line(
        f"{row.reply.uid:>4} ",
        fit(row.name or formats.hotkey(row.reply.hotkey, NAME), NAME),
        Span(f" {row.verdict.cluster or NO_CLUSTER:<2}", tone_of(row.verdict.cluster)),
        f" {formats.milliseconds(row.reply.ms):>6} ",
        Span(*fields.paid(row.verdict.emission)),
        " ",
        Span(STATUSES[row.reply.status].glyph + " " + why_of(row), "warn") if failed else safe(answer_of(row), PREVIEW),
    )


def _average(row: ReplyRow) -> Line:
    why = WHY_UNCOUNTED.get(row.counted)
    return line(Span("EMA ", "muted"), Span(*_ema_step(row)), Span(f"  ○ {why}" if why else "", "muted"))


def _reasons(row: ReplyRow) -> tuple[str, ...]:
    """That which decided last first; a failure says its own."""
    return tuple(reversed(row.verdict.reasons)) if row.reply.status == "ok" else (why_of(row),)


def _item(reason: str, width: int) -> list[Line]:
    first, *more = wrapped(safe(reason), width - 2)
    return [line(Span("• ", "muted"), first), *(line("  ", text) for text in more)]


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
    return [line(Span(safe(", ".join((*counts, *ended)), PREVIEW), "muted"))] if counts or ended else []
