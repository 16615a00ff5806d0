"""The lines around every screen: header, tabs, footer."""

from collections.abc import Sequence

from console.actions.places import PLACES
from console.present import past
from console.present.formats import duration
from console.present.picture import Picture
from console.present.text import BLANK, Line, Span, cut, line, spread, width_of

NARROW = 100
PROGRAM = "subnet-console"


def header(picture: Picture, width: int) -> Line:
    """Who runs where, how the chain stands, and whether the picture is live."""
    snapshot, chain = picture.snapshot, picture.snapshot.chain
    if snapshot.replay is not None:
        return past.header(picture, snapshot.replay, width)
    uptime = duration(picture.now - snapshot.started_at)
    block = f"  blk {chain.block:,}"
    if width >= NARROW:
        block += f" +{duration(picture.now - chain.block_at)}" if chain.block_at else ""
        block += f"  tempo {chain.block % chain.tempo}/{chain.tempo}" if chain.tempo else ""
    left = line(
        Span(f" {PROGRAM} ", "title"),
        Span(f"{snapshot.role} sn{chain.netuid}@{chain.network or '?'}", "accent"),
        "  ",
        _running(picture),
        f" {uptime}",
        Span(block, "" if chain.reachable else "warn"),
        Span("  READ-ONLY", "warn") if snapshot.read_only else "",
    )
    return spread(left, line(_mode(picture), " "), width)


def _running(picture: Picture) -> Span:
    snapshot = picture.snapshot
    if picture.mode == "ended":
        return Span("○ ENDED", "muted")
    if any(service.state == "failed" for service in snapshot.services):
        return Span("✗ FAILED", "err")
    if any(service.state == "backing_off" for service in snapshot.services):
        return Span("▲ RECOVERING", "warn")
    if not snapshot.services:
        return Span("◌ STARTING", "info")
    return Span("▲ PAUSED", "warn") if snapshot.paused else Span("● RUN", "ok")


def _mode(picture: Picture) -> Span:
    match picture.mode:
        case "paused":
            return Span(f"PICTURE PAUSED +{duration(picture.paused_for)}", "warn")
        case "past" | "replay":
            return Span("PAST", "info")
        case "ended":
            return Span("", "muted")
        case "live":
            return Span("LIVE", "ok")


def tabs(here: str, waiting: int, width: int) -> Line:
    """The screens and their digits; Home says how many lines wait for attention."""
    parts: list[Span] = []
    for digit, place in enumerate(PLACES, 1):
        title = f"{digit} {place.title}" + (f" ▲{waiting}" if waiting and place.name == "home" else "")
        parts.append(Span(f"[{title}]", "title") if place.name == here else Span(f" {title} ", "muted"))
    gap = " " if width_of(tuple(parts)) + len(parts) <= width else ""
    return cut(tuple(span for part in parts for span in (part, Span(gap)) if span.text), width)


def footer(hints: Sequence[tuple[str, str]], width: int) -> Line:
    """Keys and what they do, as many as there is room for, and always the last one, which is the way out."""
    shown: Line = (Span(" "),)
    parts: list[Line] = [(Span(key, "key"), Span(f" {label}  ")) for key, label in hints]
    last = parts.pop() if parts else BLANK
    room = width - width_of(last)
    for hint in parts:
        if width_of(shown) + width_of(hint) > room:
            break
        shown += hint
    return cut(shown + last, width)
