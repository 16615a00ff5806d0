"""The lines around every screen: header, tabs, footer."""

from collections.abc import Callable, Mapping, Sequence

from console.instants import duration
from console.present import formats
from console.present.picture import Picture
from console.present.text import BLANK, Line, Span, Tone, cut, line, spread, text_of, width_of
from console.screens.registry import PLACES, WATCHED
from engine.snapshot import ChainView, ReplayView

PROGRAM = "subnet-console"
LESSER = ("tempo", "age", "program", "role", "uptime", "block", "network")
"""The parts of the header in the order in which they are dropped if there is no room."""

SILENT_S = 3.0
"""An engine publishes four times a second."""

LATE_S = 1.0
"""A picture older than this shows its age."""

NARROW = 100
SHORTEST = 8
"""Minimum width of the time line."""

TIME_HINTS = (
    (("time.back", "time.forward"), "one"),
    (("time.back_ten", "time.forward_ten"), "ten"),
    (("time.first", "time.last"), "ends"),
    (("time.play",), "play"),
    (("time.pace",), "pace"),
)


def header(picture: Picture, width: int) -> Line:
    """The header: what runs where, the state of the chain, and whether the picture is live."""
    if picture.snapshot.replay is not None:
        return _past_header(picture, picture.snapshot.replay, width)
    right = line(_mode(picture), " ")
    parts = _parts(picture)
    left = _joined(parts)
    for name in LESSER:
        if width_of(left) + width_of(right) < width:
            break
        parts.pop(name, None)
        left = _joined(parts)
    return spread(left, right, width)


def _parts(picture: Picture) -> dict[str, Line]:
    """The parts of the header, from left to right."""
    snapshot, chain = picture.snapshot, picture.snapshot.chain
    tone: Tone = "" if chain.reachable else "warn"
    return {
        "program": line(Span(f" {PROGRAM}", "title")),
        "role": line(Span(f" {snapshot.role}", "accent")),
        "network": line(Span(f" sn{chain.netuid}@{chain.network}", "accent")) if chain.known else BLANK,
        "state": line("  ", _running(picture)),
        "uptime": line(f" {duration(picture.now - snapshot.started_at)}"),
        "block": line(Span(f"  blk {chain.block:,}", tone)) if chain.known else BLANK,
        "age": line(Span(f" +{duration(picture.now - chain.block_at)}", tone)) if chain.block_at else BLANK,
        "tempo": line(Span(f"  tempo {_passed(chain)}/{chain.tempo}", tone)) if chain.next_epoch else BLANK,
        "read-only": line(Span("  READ-ONLY", "warn")) if snapshot.read_only else BLANK,
    }


def _passed(chain: ChainView) -> int:
    """Blocks of this epoch, by the chain's own schedule, that are over."""
    return min(max(0, chain.tempo - (chain.next_epoch - chain.block)), chain.tempo)


def _joined(parts: Mapping[str, Line]) -> Line:
    return tuple(span for part in parts.values() for span in part)


def _silence(picture: Picture) -> float:
    """For how many seconds a live engine has published nothing, 0 if only for a moment; it is not silent before its
    first service runs.
    """
    age = picture.now - picture.snapshot.at
    return age if picture.mode == "live" and picture.snapshot.services and age > SILENT_S else 0.0


def _lateness(picture: Picture) -> float:
    """How old a live picture is when it is seen."""
    return picture.lag + (picture.now - picture.snapshot.at if picture.snapshot.services else 0.0)


def _running(picture: Picture) -> Span:
    snapshot = picture.snapshot
    if picture.mode == "ended":
        return Span("○ ENDED", "muted")
    if _silence(picture):
        return Span("✗ SILENT", "err")
    if snapshot.role == "watch":
        return Span("● LOOKS", "ok") if snapshot.chain.reachable else Span("▲ NO ANSWER", "warn")
    if any(service.state == "failed" for service in snapshot.services):
        return Span("✗ FAILED", "err")
    if any(service.state == "backing_off" for service in snapshot.services):
        return Span("▲ RECOVERING", "warn")
    if not snapshot.services or any(service.state == "starting" for service in snapshot.services):
        return Span("◌ STARTING", "info")
    return Span("▲ PAUSED", "warn") if snapshot.paused else Span("● RUN", "ok")


def _mode(picture: Picture) -> Span:
    match picture.mode:
        case "paused":
            return Span(f"FROZEN +{duration(picture.paused_for)}", "warn")
        case "past" | "replay":
            return Span("PAST", "info")
        case "ended":
            return Span("", "muted")
        case "live" if silence := _silence(picture):
            return Span(f"{duration(silence)} OLD", "err")
        case "live" if (late := _lateness(picture)) > LATE_S:
            return Span(f"LIVE -{duration(late)}", "warn")
        case "live":
            return Span("LIVE", "ok")


def _past_header(picture: Picture, replay: ReplayView, width: int) -> Line:
    """The header of the past: the instant shown, and its place among the rounds."""
    snapshot, past = picture.snapshot, picture.mode == "past"
    left = line(
        Span(" subnet-console" if width >= NARROW else "", "title"),
        Span(" PAST" if past else " REPLAY", "warn"),
        Span(f" sn{snapshot.chain.netuid}", "accent"),
        f"  {formats.utc(snapshot.at)}  round {replay.place:,} of {replay.total:,}",
    )
    if picture.mode == "paused":
        return spread(left, line(Span(f"FROZEN +{duration(picture.paused_for)} ", "warn")), width)
    moving = Span(f"▶ {replay.pace} ", "ok") if replay.playing else Span(f"‖ {replay.pace} ", "muted")
    back = ":live returns  " if width >= NARROW else ":live "
    return spread(left, line(Span(back if past else "", "muted"), moving), width)


def timeline(replay: ReplayView, keys: Callable[[str], str], width: int) -> Line:
    """Where the round lies between the first and the last, and the keys that lead to others."""
    hints = line(
        *(
            part
            for actions, label in TIME_HINTS
            for part in (Span("  " + " ".join(filter(None, map(keys, actions))), "key"), f" {label}")
        ),
        "  ",
        Span(":at", "key"),
        " ",
    )
    room = max(SHORTEST, width - len(text_of(hints)) - 1)
    done = round((replay.place - 1) / max(1, replay.total - 1) * (room - 1))
    return line(" ", Span("━" * done, "accent"), Span("●", "key"), Span("─" * (room - done - 1), "muted"), *hints)


def tabs(here: str, waiting: int, width: int, *, watching: bool = False) -> Line:
    """The screens and their digits; Home says how many lines wait for attention.

    Where there is no room, only the screen that we are on has its name.
    """
    attention = f" ▲{waiting}" if waiting else ""
    parts, digits = list[Span](), list[Span]()
    for digit, place in enumerate(PLACES, 1):
        if watching and place.name not in WATCHED:
            continue
        note = attention if place.name == "home" else ""
        title = f"{digit} {place.title}{note}"
        is_here = place.name == here
        parts.append(Span(f"[{title}]", "title") if is_here else Span(f" {title} ", "muted"))
        digits.append(parts[-1] if is_here else Span(f" {digit}{note} ", "muted"))
    if width_of(tuple(parts)) > width:
        parts = digits
    gap = " " if width_of(tuple(parts)) + len(parts) <= width else ""
    return cut(tuple(span for part in parts for span in (part, Span(gap)) if span.text), width)


def footer(hints: Sequence[tuple[str, str]], width: int) -> Line:
    """Keys with their labels, as many as fit, and always the last one, which is the way out."""
    shown: Line = (Span(" "),)
    parts: list[Line] = [(Span(key, "key"), Span(f" {label}  ")) for key, label in hints]
    last = parts.pop() if parts else BLANK
    room = width - width_of(last)
    for hint in parts:
        if width_of(shown) + width_of(hint) <= room:
            shown += hint
    return cut(shown + last, width)
