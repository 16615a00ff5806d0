"""One recorded round: its question, its clusters as bars, its replies as a table, and one of them in full."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from console.present import fields, formats, states
from console.present.states import COUNTED, WHY_UNCOUNTED, State
from console.present.table import Cell, Column, Table
from console.present.text import (
    BLANK,
    CLUSTERS,
    LABEL,
    Line,
    Span,
    Tone,
    cut,
    facts,
    fit,
    line,
    unwrapped,
    width_of,
    wrapped,
)
from engine.doors import EmaStep, RecordedRound
from engine.snapshot.round_view import round_view
from engine.text import safe
from engine.values import Counted, Judgement, Reply, ReplyStatus, Round, Verdict, percentile


class JudgedReply(Struct, frozen=True, kw_only=True):
    """One reply with all that was made of it. `name` is that of its miner, "" when it has none.

    `counted` says whether it moved the average.
    """

    reply: Reply
    verdict: Verdict
    ema: EmaStep
    counted: Counted
    name: str
    won: bool


def reply_rows(recorded: RecordedRound, names: dict[str, str]) -> list[JudgedReply]:
    """The replies of a round in their order; `names` are by hotkey."""
    judgement = recorded.round.judgement
    return [
        JudgedReply(
            reply=reply,
            verdict=verdict,
            ema=ema,
            counted=recorded.round.counted(reply),
            name=names.get(reply.hotkey, ""),
            won=reply.hotkey == judgement.winner,
        )
        for reply, verdict, ema in zip(recorded.round.replies, judgement.verdicts, recorded.emas, strict=True)
    ]


ID_WIDTH = 24
PREVIEW = 200
BAR = 16
"""The columns of an id, of a text's beginning, and of a bar."""

NO_CLUSTER = "-"


def tone_of(cluster: str) -> Tone:
    """The first clusters have colours of their own; the letter tells all of them apart."""
    place = ord(cluster) - ord("A") if len(cluster) == 1 else -1
    if not cluster:
        return "muted"
    return CLUSTERS[place] if 0 <= place < len(CLUSTERS) else ""


def state_of(judged: Round) -> State:
    """The state of a whole round, as in the list of rounds."""
    return states.of_round(round_view(judged, recorded=True))


def round_title(recorded: RecordedRound, by_now: int) -> str:
    """Which round it is, of those recorded when it was read or `by_now`, for the title of a panel."""
    judged = recorded.round
    answered = sum(reply.status == "ok" for reply in judged.replies)
    return "  ".join(
        (
            safe(judged.challenge.id, ID_WIDTH),
            safe(judged.challenge.kind, ID_WIDTH),
            formats.clock(judged.started_at),
            f"{answered}/{len(judged.replies)}",
            state_of(judged).text,
            f"round {recorded.place} of {max(recorded.total, by_now)}",
        )
    )


def nothing(why: str, width: int, _height: int) -> list[Line]:
    """The text shown if there is no round."""
    return [line(Span(text, "muted")) for text in wrapped(why, width)]


def clusters(rows: Sequence[JudgedReply], width: int, height: int) -> list[Line]:
    """A line for each cluster, the largest first, and one for the replies in none; small ones share a line if
    necessary.
    """
    largest = _largest(rows)
    answered = sum(row.reply.status == "ok" for row in rows)
    outside = [row for row in rows if not row.verdict.cluster]
    room = height - bool(outside)
    shown = largest if len(largest) <= room else largest[: max(1, room - 1)]
    lines = [cut(_cluster(name, members, answered), width) for name, members in shown]
    if len(shown) < len(largest):
        rest = largest[len(shown) :]
        count = sum(len(members) for _, members in rest)
        small = f"+{formats.counted(len(rest), 'more cluster')}, {formats.counted(count, 'reply', 'replies')}"
        lines.append(cut(line(Span(small, "muted")), width))
    if outside:
        lines.append(cut(line(Span(f"{NO_CLUSTER}{len(outside):>4}  ", "muted"), _outside(outside)), width))
    return lines[:height]


def representatives(rows: Sequence[JudgedReply]) -> list[JudgedReply]:
    """The best reply of each cluster, that of the largest cluster first."""
    return [_best(members) for _, members in _largest(rows)]


def _largest(rows: Sequence[JudgedReply]) -> list[tuple[str, list[JudgedReply]]]:
    """The clusters with their replies, the largest first."""
    groups: dict[str, list[JudgedReply]] = {}
    for row in rows:
        if row.verdict.cluster:
            groups.setdefault(row.verdict.cluster, []).append(row)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), len(item[0]), item[0]))


def _best(members: Sequence[JudgedReply]) -> JudgedReply:
    return max(members, key=lambda row: (row.won, row.verdict.emission))


def cluster_filters(judgement: Judgement) -> list[str]:
    """The filters of the replies' table that show all, then one cluster after the other, then those without."""
    names = {verdict.cluster for verdict in judgement.verdicts}
    ordered = sorted(filter(None, names), key=lambda name: (len(name), name))
    return ["", *(f"cl:{name}" for name in ordered), *([f"cl:{NO_CLUSTER}"] if "" in names else [])]


def _cluster(name: str, members: Sequence[JudgedReply], answered: int) -> Line:
    best = _best(members)
    tone, share = tone_of(name), len(members) / max(1, answered)
    half = percentile([row.reply.ms for row in members], 0.5)
    crown = Span(" ✓ winner", "ok") if best.won else Span("")
    return line(
        Span(f"{name:<2}{len(members):>3}  {formats.bar(share, BAR)}", tone),
        f" {share:>4.0%}  median {formats.milliseconds(half):>6}  uid {best.reply.uid}",
        crown,
        Span(f"  {safe(answer_of(best), PREVIEW)}", "muted"),
    )


def _outside(rows: Sequence[JudgedReply]) -> str:
    """Why replies are in no cluster, the most frequent reason first."""
    counts: dict[str, int] = {}
    for row in rows:
        why = why_of(row)
        counts[why] = counts.get(why, 0) + 1
    return ", ".join(f"{count} {why}" for why, count in sorted(counts.items(), key=lambda item: -item[1]))


def why_of(row: JudgedReply) -> str:
    """In one line, why a reply earned what it did: why it failed, otherwise the reasons, the deciding one first."""
    if row.reply.status != "ok":
        reason = safe(row.reply.reason, PREVIEW)
        return f"{row.reply.status}: {reason}" if reason else row.reply.status
    return safe("; ".join(reversed(row.verdict.reasons)), PREVIEW) or "no reason given"


def answer_of(row: JudgedReply) -> str:
    """The raw answer: its text, else the tools it wants called."""
    if row.reply.text or not row.reply.tool_calls:
        return row.reply.text
    return "calls " + ", ".join(map(_call, row.reply.tool_calls))


def _call(call: dict[str, Any]) -> str:
    function = call.get("function")
    if isinstance(function, dict):
        return f"{function.get('name', '')}({function.get('arguments', '')})"
    return str(call)


def about(recorded: RecordedRound, width: int) -> list[Line]:
    """The question, and the facts of its round."""
    judged, judgement = recorded.round, recorded.round.judgement
    winner = next((reply.uid for reply in judged.replies if reply.hotkey == judgement.winner), None)
    truth = judged.challenge.truth
    rows: list[tuple[str, Line]] = [
        ("state", line(state_of(judged).span, f"  votes {formats.percent(judgement.agreement)}")),
        ("judged", line(f"{judgement.profile}, consensus {judgement.consensus:.2f}")),
        ("winner", line("nobody" if winner is None else f"uid {winner}")),
        ("asked", line(f"{formats.clock(judged.started_at)} at block {judged.block:,}")),
        ("took", line(formats.milliseconds(judged.duration_ms))),
        ("source", line(f"{judged.challenge.source}, answer {judged.challenge.answer_type.replace('_', ' ')}")),
    ]
    if truth is not None:
        rows.append(("truth", line(Span(safe(truth, width - LABEL), "ok"))))
    columns = _side_by_side(facts(rows), width)
    question = [line(text) for text in wrapped(judged.challenge.request.question, width)]
    return [*question, BLANK, *columns]


def _side_by_side(lines: Sequence[Line], width: int) -> list[Line]:
    """Two columns when they fit."""
    half = (len(lines) + 1) // 2
    left_width = max(width_of(one) for one in lines[:half]) + 2
    if left_width + max(width_of(one) for one in lines[half:]) > width:
        return [cut(one, width) for one in lines]
    gap = [Span(" " * (left_width - width_of(one))) for one in lines[:half]]
    right = [*lines[half:], BLANK]
    return [(*lines[at], gap[at], *right[at]) for at in range(half)]


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


def _ema(row: JudgedReply, _now: float) -> Cell:
    if row.counted != "yes":
        return Cell(COUNTED[row.counted].text, COUNTED[row.counted].tone)
    return _ema_step(row)


def _ema_step(row: JudgedReply) -> Cell:
    before, after = row.ema.before, row.ema.after
    if after is None:
        return Cell(formats.UNKNOWN, "muted")
    if before is None:
        return Cell(f"new→{after:.3f}", "info")
    arrow: Tone = "muted" if abs(after - before) < 0.0005 else "ok" if after > before else "warn"
    return Cell(f"{before:.3f}→{after:.3f}", arrow)


REPLIES: Table[JudgedReply] = Table(
    name="replies",
    empty="no replies",
    opens="miner",
    key=lambda row: row.reply.hotkey,
    sort="emission",
    descending=True,
    columns=(
        fields.uid(lambda row: row.reply.uid),
        fields.named(lambda row: row.name, lambda row: row.reply.hotkey, NAME, priority=3),
        Column(
            id="cl",
            title="CLUSTER",
            width=7,
            priority=0,
            cell=lambda row, _now: Cell(row.verdict.cluster or NO_CLUSTER, tone_of(row.verdict.cluster)),
            value=lambda row: (len(row.verdict.cluster) or 9) * 100 + ord(row.verdict.cluster[:1] or "Z"),
            about="the cluster of answers that it agrees with, by letter",
        ),
        fields.took("latency", "TIME", lambda row: row.reply.ms, "how long it took", priority=4),
        fields.quality(lambda row: row.verdict.quality),
        fields.number(
            "score",
            "SCORE",
            6,
            lambda row: row.verdict.score,
            "{:.4f}".format,
            "its score in this round",
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
            about="its average before and after this round, or why the reply does not count",
        ),
        fields.state("status", "STATUS", 13, lambda row: STATUSES[row.reply.status], "whether it answered", priority=8),
        fields.text(
            "dialect",
            "DIALECT",
            8,
            lambda row: row.reply.dialect or formats.UNKNOWN,
            "the dialect in which it was asked",
            tone="muted",
            priority=9,
        ),
        Column(
            id="why",
            title="WHY",
            width=20,
            priority=5,
            grows=True,
            cell=lambda row, _now: Cell(why_of(row), "" if row.reply.status == "ok" else "warn"),
            value=why_of,
            about="why it was paid this much",
        ),
    ),
)


def reply_title(row: JudgedReply) -> str:
    """Whose reply it is, for the title of a panel."""
    who = f" {row.name}" if row.name else ""
    winner = "  ✓ winner" if row.won else ""
    return f"uid {row.reply.uid}{who}  {formats.hotkey(row.reply.hotkey, 17)}{winner}"


def full(row: JudgedReply, width: int, height: int, *, wrap: bool) -> list[Line]:
    """One reply: what it earned and why, what it said, and what its score is made of, above the text if it fits."""
    state, reply, verdict = STATUSES[row.reply.status], row.reply, row.verdict
    head = line(
        state.span,
        f"  {formats.milliseconds(reply.ms)}  ",
        Span(f"cluster {verdict.cluster}" if verdict.cluster else "no cluster", tone_of(verdict.cluster)),
        f"  quality {verdict.quality:.3f}  score {verdict.score:.4f}  reward {verdict.emission:.4f}",
    )
    why = [text for reason in _reasons(row) for text in _item(reason, width)]
    texts = (wrapped if wrap else unwrapped)(answer_of(row), width)
    said = [BLANK, *(line(text) for text in texts)] if any(texts) else [BLANK, line(Span("no text", "muted"))]
    made_of = [cut(_average(row), width), *_parts(verdict.parts, width), *_usage(row)]
    above, below = (made_of, []) if height >= ROOMY else ([], [BLANK, *made_of])
    return [cut(head, width), *why, *above, *said, *below]


def brief(rows: Sequence[JudgedReply], width: int) -> list[Line]:
    """All replies, a line each, the best paid first."""
    ordered = sorted(rows, key=lambda row: (-row.verdict.emission, row.reply.uid))
    head = Span(f" UID {'NAME':<12} CLUSTER {'TIME':>6} {'REWARD':>6} ANSWER", "muted")
    return [cut(line(head), width), *(cut(_brief(row), width) for row in ordered)]


def _brief(row: JudgedReply) -> Line:
    failed = row.reply.status != "ok"
    return line(
        f"{row.reply.uid:>4} ",
        fit(row.name or formats.hotkey(row.reply.hotkey, NAME), NAME),
        Span(f" {row.verdict.cluster or NO_CLUSTER:<7}", tone_of(row.verdict.cluster)),
        f" {formats.milliseconds(row.reply.ms):>6} ",
        Span(*fields.paid(row.verdict.emission)),
        " ",
        Span(STATUSES[row.reply.status].glyph + " " + why_of(row), "warn") if failed else safe(answer_of(row), PREVIEW),
    )


def _average(row: JudgedReply) -> Line:
    why = WHY_UNCOUNTED.get(row.counted)
    return line(Span("EMA ", "muted"), Span(*_ema_step(row)), Span(f"  ○ {why}" if why else "", "muted"))


def _reasons(row: JudgedReply) -> tuple[str, ...]:
    """The reasons, the deciding one first; a failure has its own."""
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


def _usage(row: JudgedReply) -> list[Line]:
    reply = row.reply
    counts = [f"{count} {name.replace('_', ' ')}" for name, count in reply.usage.items()]
    ended = [f"ended by {reply.finish_reason}"] if reply.finish_reason else []
    return [line(Span(safe(", ".join((*counts, *ended)), PREVIEW), "muted"))] if counts or ended else []
