"""What a round came to: its clusters as bars, and its facts in words."""

from collections.abc import Sequence
from typing import Any

from console.present import formats, states
from console.present.recorded import ReplyRow
from console.present.states import State
from console.present.text import BLANK, CLUSTERS, Line, Span, Tone, cut, facts, line, width_of, wrapped
from engine.doors import RecordedRound
from engine.text import safe
from engine.validator.views import round_view
from engine.values import Judgement, Round, percentile

LABEL = 10
ID_WIDTH = 24
PREVIEW = 200
BAR = 16
NO_CLUSTER = "-"


def tone_of(cluster: str) -> Tone:
    """The first clusters have colours of their own; the letter tells all of them apart."""
    place = ord(cluster) - ord("A") if len(cluster) == 1 else -1
    if not cluster:
        return "muted"
    return CLUSTERS[place] if 0 <= place < len(CLUSTERS) else ""


def state_of(judged: Round) -> State:
    return states.of_round(round_view(judged, recorded=True))


def title(recorded: RecordedRound, by_now: int) -> str:
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
    """What stands where there is no round to show."""
    return [line(Span(text, "muted")) for text in wrapped(why, width)]


def clusters(rows: Sequence[ReplyRow], width: int, height: int) -> list[Line]:
    """A line for each cluster, the largest first, and one for those without; the small ones together if need be."""
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


def representatives(rows: Sequence[ReplyRow]) -> list[ReplyRow]:
    """The best reply of each cluster, that of the largest cluster first."""
    return [_best(members) for _, members in _largest(rows)]


def _largest(rows: Sequence[ReplyRow]) -> list[tuple[str, list[ReplyRow]]]:
    """The clusters with their replies, the largest first."""
    groups: dict[str, list[ReplyRow]] = {}
    for row in rows:
        if row.verdict.cluster:
            groups.setdefault(row.verdict.cluster, []).append(row)
    return sorted(groups.items(), key=lambda item: (-len(item[1]), len(item[0]), item[0]))


def _best(members: Sequence[ReplyRow]) -> ReplyRow:
    return max(members, key=lambda row: (row.won, row.verdict.emission))


def cluster_filters(judgement: Judgement) -> list[str]:
    """The filters of the replies' table that show all, then one cluster after the other, then those without."""
    names = {verdict.cluster for verdict in judgement.verdicts}
    ordered = sorted(filter(None, names), key=lambda name: (len(name), name))
    return ["", *(f"cl:{name}" for name in ordered), *([f"cl:{NO_CLUSTER}"] if "" in names else [])]


def _cluster(name: str, members: Sequence[ReplyRow], answered: int) -> Line:
    best = _best(members)
    tone, share = tone_of(name), len(members) / max(1, answered)
    half = percentile([row.reply.ms for row in members], 0.5)
    crown = Span(" ✓ winner", "ok") if best.won else Span("")
    return line(
        Span(f"{name:<2}{len(members):>3}  {formats.bar(share, BAR)}", tone),
        f" {share:>4.0%}  p50 {formats.milliseconds(half):>6}  uid {best.reply.uid}",
        crown,
        Span(f"  {safe(answer_of(best), PREVIEW)}", "muted"),
    )


def _outside(rows: Sequence[ReplyRow]) -> str:
    """Why replies are in no cluster, the most frequent reason first."""
    counts: dict[str, int] = {}
    for row in rows:
        why = why_of(row)
        counts[why] = counts.get(why, 0) + 1
    return ", ".join(f"{count} {why}" for why, count in sorted(counts.items(), key=lambda item: -item[1]))


def why_of(row: ReplyRow) -> str:
    """In one line why a reply earned what it did: why it failed, else the reasons, that which decided last first."""
    if row.reply.status != "ok":
        reason = safe(row.reply.reason, PREVIEW)
        return f"{row.reply.status}: {reason}" if reason else row.reply.status
    return safe("; ".join(reversed(row.verdict.reasons)), PREVIEW) or "judged without a reason"


def answer_of(row: ReplyRow) -> str:
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
        ("state", line(state_of(judged).span, f"  agreement {formats.percent(judgement.agreement)}")),
        ("judged", line(f"{judgement.profile}, consensus {judgement.consensus:.2f}")),
        ("winner", line("nobody" if winner is None else f"uid {winner}")),
        ("asked", line(f"{formats.clock(judged.started_at)} at block {judged.block:,}")),
        ("took", line(formats.milliseconds(judged.duration_ms))),
        ("source", line(f"{judged.challenge.source}, answer {judged.challenge.answer_type.replace('_', ' ')}")),
    ]
    if truth is not None:
        rows.append(("truth", line(Span(safe(truth, width - LABEL), "ok"))))
    columns = _side_by_side(facts(rows, LABEL), width)
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
