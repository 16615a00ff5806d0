"""Who is paid: the planned weights beside those on chain, and when the next are set."""

from collections.abc import Sequence

from console.actions.changes import WeightChange, changes, signed
from console.instants import duration
from console.present import formats, states
from console.present.picture import Picture
from console.present.spots import Drawing, Spot
from console.present.text import Line, Span, facts, fit, line, phrases, width_of
from console.screens.home.flight import bar
from engine.snapshot import Snapshot

NAME, NUMBER, CHANGE = 12, 6, 7
"""Cells of the columns beside the bars, which take the rest."""

ROOMY, LEAST = 50, 36
"""Cells from which the weight on chain has a column of its own, and from which the change has one."""

FACTS_FROM = 8
"""Rows from which there is room for more than bars."""

OUTCOMES = 20
"""The last submissions whose outcomes are shown as marks."""


def figures(picture: Picture) -> Line:
    """When the next weights are set, and by whom."""
    snapshot = picture.snapshot
    if snapshot.replay is not None:
        return phrases("as of this round")
    if not snapshot.chain.known:
        return phrases(line(states.CONNECTING.span))
    if snapshot.read_only:
        return phrases(line(Span("▲", "warn"), " not set: --read-only"))
    if not snapshot.auto_weights:
        return phrases(line(Span("○", "warn"), " manual only: x, then w"))
    if snapshot.setter is None:
        return ()
    left = seconds_left(picture)
    soon = f"next set in {duration(left)}" if left > 0 else "next set with the next block"
    return phrases("by itself", soon)


def seconds_left(picture: Picture) -> float:
    """Until the block at which the next are set by themselves, by the usual time of a block."""
    chain, setter = picture.snapshot.chain, picture.snapshot.setter
    if setter is None:
        return 0.0
    since = max(0.0, picture.now - chain.block_at) if chain.block_at else 0.0
    return max(0.0, (setter.next_block - chain.block) * chain.block_time - since)


def paired(picture: Picture, width: int, height: int, at: str) -> Drawing:
    """Bars, the upper half the plan and the lower half the chain; below them what changes, and when."""
    snapshot = picture.snapshot
    rows = sorted(changes(snapshot), key=lambda row: (-max(row.planned, row.on_chain), row.uid))
    weighty = [row for row in rows if row.planned > 0 or row.on_chain > 0]
    if not weighty:
        return Drawing([_nothing(snapshot), *when(picture, rows, width)][:height])
    below = when(picture, rows, width) if height >= FACTS_FROM else []
    room = max(1, height - len(below) - 2)
    shown = weighty[:room]
    top = max(max(row.planned, row.on_chain) for row in weighty)
    lines = [_head(width), *(_pair(row, top, width, at) for row in shown)]
    if height >= len(lines) + 1:
        lines.append(_rest(len(rows) - len(shown), len(weighty) > len(shown), width))
    spots = [Spot(row.hotkey, 0, 1 + place, width) for place, row in enumerate(shown)]
    return Drawing([*lines, *below][:height], spots)


def _nothing(snapshot: Snapshot) -> Line:
    if snapshot.rounds:
        return line(Span("no miner has earned any weight yet, and none is on chain", "muted"))
    return line(Span("no plan yet: the first judged round makes one", "muted"))


def _bar_width(width: int) -> int:
    beside = NAME + NUMBER + 3 + (NUMBER + 1 if width >= ROOMY else 0) + (CHANGE if width >= LEAST else 0)
    return max(1, width - beside)


def _head(width: int) -> Line:
    chain = f"{'CHAIN':>{NUMBER}} " if width >= ROOMY else ""
    change = f"{'CHANGE':>{CHANGE}}" if width >= LEAST else ""
    return line(Span(f"{'NAME':<{NAME}} {'PLAN':>{NUMBER}} {'':{_bar_width(width)}} {chain}{change}", "muted"))


def _pair(row: WeightChange, top: float, width: int, at: str) -> Line:
    name = formats.middle(row.name or formats.hotkey(row.hotkey, NAME), NAME)
    return line(
        Span(fit(name, NAME), "key" if row.hotkey == at else ""),
        f" {formats.share(row.planned):>{NUMBER}} ",
        *pair(row.planned / top, row.on_chain / top, _bar_width(width)),
        f" {formats.share(row.on_chain):>{NUMBER}} " if width >= ROOMY else " ",
        Span(f"{signed(row.change) if row.differs else '=':>{CHANGE}}" if width >= LEAST else "", "muted"),
    )


def pair(plan: float, chain: float, width: int) -> Line:
    """Two bars in one row, the plan above and the chain below."""
    first, second = (max(round(share * width), share > 0) for share in (plan, chain))
    both, more = min(first, second), abs(first - second)
    tail = Span("▀" * more, "accent") if first > second else Span("▄" * more, "muted")
    return line(Span("█" * both), tail, " " * (width - both - more))


def _rest(more: int, weighty: bool, width: int) -> Line:
    said = f"{more:,} more" + ("" if weighty else " has none" if more == 1 else " have none") if more else ""
    legend = line("█", Span(" both  ", "muted"), Span("▀", "accent"), Span(" plan more  ▄ chain more", "muted"))
    room = width - width_of(legend)
    if room > len(said):
        return line(Span(fit(said, room), "muted"), *legend)
    return line("█", Span("both ", "muted"), Span("▀", "accent"), Span(f"plan ▄chain  {said}", "muted"))


def when(picture: Picture, rows: Sequence[WeightChange], width: int) -> list[Line]:
    """How much changes hands, when weights are set, when they were, and what became of the last ones."""
    snapshot, chain = picture.snapshot, picture.snapshot.chain
    if snapshot.replay is not None or not chain.known:
        return []
    moved = sum(abs(row.change) for row in rows) / 2
    sent = [plan for plan in snapshot.plans if plan.outcome != "skipped"]
    listed = facts(
        (
            (
                "change",
                line(f"{moved:.1%} changes hands" if moved >= 0.0005 else "no change"),
            ),
            ("next set", _next(picture, width)),
            ("last set", _last(picture)),
        )
    )
    if not sent:
        return listed
    marks = [states.of_outcome(plan.outcome) for plan in sent[-OUTCOMES:]]
    bad = sum(mark.tone == "err" for mark in marks)
    note = Span(f"  {bad} of {len(marks)} failed" if bad else "", "muted")
    spans = [Span(mark.glyph, mark.tone) for mark in marks]
    return [*listed, *facts([("before", line(*spans, note))])]


def _next(picture: Picture, width: int) -> Line:
    snapshot, chain = picture.snapshot, picture.snapshot.chain
    setter = snapshot.setter
    if setter is None:
        return line(Span("✗ never", "warn"))
    if not snapshot.auto_weights or snapshot.read_only:
        return line(Span("○ manual only", "warn"))
    blocks = setter.next_block - chain.block
    if blocks <= 0:
        return line("with the next block")
    gone = 1 - blocks / max(1, chain.weights_rate_limit or blocks)
    text = f"block {setter.next_block:,}, in {formats.counted(blocks, 'block')} "
    return line(text, *bar(gone, max(1, min(12, width - len(text) - 12))))


def _last(picture: Picture) -> Line:
    snapshot, chain = picture.snapshot, picture.snapshot.chain
    sent = next((plan for plan in reversed(snapshot.plans) if plan.outcome != "skipped"), None)
    if sent is None:
        return line(Span("○ never, according to this record", "muted"))
    ago = duration(max(0.0, picture.now - sent.at))
    return line(f"block {sent.block or chain.last_weights_block:,}, {ago} ago  ", states.of_outcome(sent.outcome).span)
