"""An earlier instant in lines: the header, the time line, and what stands where only an engine would know."""

from collections.abc import Callable, Sequence

from console.instants import duration
from console.present import formats, states
from console.present.picture import Picture
from console.present.text import Line, Span, facts, line, spread, text_of
from engine.snapshot import PlanView, ReplayView, Snapshot

NARROW = 100
LABEL = 10
SHORTEST = 8
HINTS = (
    (("time.back", "time.forward"), "one"),
    (("time.back_ten", "time.forward_ten"), "ten"),
    (("time.first", "time.last"), "ends"),
    (("time.play",), "play"),
    (("time.pace",), "pace"),
)
NOT_RECORDED = Span("not recorded", "muted")


def header(picture: Picture, replay: ReplayView, width: int) -> Line:
    """That this is not the present, which instant it is, and where that lies."""
    snapshot, past = picture.snapshot, picture.mode == "past"
    left = line(
        Span(" subnet-console" if width >= NARROW else "", "title"),
        Span(" PAST" if past else " REPLAY", "warn"),
        Span(f" sn{snapshot.chain.netuid}", "accent"),
        f"  {formats.utc(snapshot.at)}  round {replay.place:,} of {replay.total:,}",
    )
    if picture.mode == "paused":
        return spread(left, line(Span(f"PICTURE PAUSED +{duration(picture.paused_for)} ", "warn")), width)
    moving = Span(f"▶ {replay.pace} ", "ok") if replay.playing else Span(f"‖ {replay.pace} ", "muted")
    back = ":live leads back  " if width >= NARROW else ":live "
    return spread(left, line(Span(back if past else "", "muted"), moving), width)


def timeline(replay: ReplayView, keys: Callable[[str], str], width: int) -> Line:
    """Where the round lies between the first and the last, and the keys that lead to others."""
    hints = line(
        *(
            part
            for actions, label in HINTS
            for part in (Span("  " + " ".join(filter(None, map(keys, actions))), "key"), f" {label}")
        ),
        "  ",
        Span(":at", "key"),
        " ",
    )
    room = max(SHORTEST, width - len(text_of(hints)) - 1)
    done = round((replay.place - 1) / max(1, replay.total - 1) * (room - 1))
    return line(" ", Span("━" * done, "accent"), Span("●", "key"), Span("─" * (room - done - 1), "muted"), *hints)


def engine(snapshot: Snapshot, replay: ReplayView, answers: Line) -> list[Line]:
    """What is recorded, in place of what runs."""
    span = duration(replay.last_at - replay.first_at)
    return facts(
        (
            ("record", line(replay.folder)),
            ("first", line(formats.utc(replay.first_at))),
            ("last", line(formats.utc(replay.last_at))),
            ("rounds", line(f"{replay.place:,} of {replay.total:,} in {span}")),
            ("answers", answers),
            ("judging", line(snapshot.scoring)),
            ("services", line(NOT_RECORDED)),
        ),
        LABEL,
    )


def chain(snapshot: Snapshot) -> list[Line]:
    """What the rounds and the journal say of the chain."""
    view = snapshot.chain
    return facts(
        (
            ("subnet", line(f"netuid {view.netuid}")),
            ("block", line(f"{view.block:,} at this round")),
            ("weights", _weights(snapshot)),
            ("hotkey", line(formats.hotkey(snapshot.hotkey, 17))),
            ("stake", line(NOT_RECORDED)),
            ("the rest", line(NOT_RECORDED)),
        ),
        LABEL,
    )


def _weights(snapshot: Snapshot) -> Line:
    view = snapshot.chain
    if not view.last_weights_block:
        return line(Span("○ none set by then", "muted"))
    return line(f"{max(0, view.block - view.last_weights_block)} blk ago")


def status(snapshot: Snapshot, mode: Line) -> list[Line]:
    """How it stood with the weights, by the journal alone."""
    return facts(
        (
            ("last set", _weights(snapshot)),
            (
                "last sent",
                _sent(snapshot.plans),
            ),
            ("mode", mode),
            ("proposed", line("scores of then, no penalty")),
            ("on-chain", line("by the journal")),
            ("the rest", line(NOT_RECORDED)),
        ),
        LABEL,
    )


def _sent(plans: Sequence[PlanView]) -> Line:
    sent = next((plan for plan in reversed(plans) if plan.outcome != "skipped"), None)
    return line(states.of_outcome(sent.outcome).span, f" {sent.reason}") if sent else line("-")
