"""The engine, the chain and the answers, one line each."""

from console.instants import duration
from console.present import formats, states
from console.present.picture import Picture
from console.present.text import Line, Span, facts, line
from console.screens.home.content import mode, neuron, services
from console.screens.weights.content import last_set_by_then
from engine.snapshot import ReplayView, RoundView, Snapshot

SPARK = 24
"""Cells of the sparkline of recent answers."""


def figures(picture: Picture) -> Line:
    """Whether the chain answers, and how fast."""
    snapshot = picture.snapshot
    if snapshot.replay is not None:
        return line(states.NOT_RECORDED)
    if not snapshot.chain.known:
        return line(states.CONNECTING.span)
    if not snapshot.chain.reachable:
        return line(Span("✗ not reachable", "err"))
    chain = snapshot.chain
    return line(Span("●", "ok"), Span(f" {chain.network} {chain.latency_ms:.0f} ms", "muted"))


def health(picture: Picture) -> list[Line]:
    """How all runs, in a line each."""
    snapshot, chain = picture.snapshot, picture.snapshot.chain
    rounds = sorted(snapshot.rounds, key=lambda one: one.at)
    if snapshot.replay is not None:
        return _recorded(snapshot, snapshot.replay, rounds)
    lag = f"  loop {snapshot.loop.p50_ms:.0f} ms, at most {snapshot.loop.p99_ms:.0f} ms"
    standing = f"  vtrust {chain.validator_trust:.3f}  {formats.tau(chain.stake)}"
    return facts(
        (
            ("services", (*services(snapshot), Span(lag, "muted"))),
            ("neuron", (*neuron(snapshot), Span(standing, "muted")) if chain.known else line(states.CONNECTING.span)),
            *_answers(rounds),
            ("rounds", _rounds(snapshot)),
            ("mode", mode(snapshot)),
            ("judging", line(judging(snapshot))),
            ("hotkey", line(formats.hotkey(snapshot.hotkey, 17))),
            ("balance", line(formats.tau(chain.balance) if chain.known else formats.UNKNOWN)),
        )
    )


def _recorded(snapshot: Snapshot, replay: ReplayView, rounds: list[RoundView]) -> list[Line]:
    """What is recorded, in place of what runs."""
    span = duration(replay.last_at - replay.first_at)
    return facts(
        (
            ("record", line(replay.folder)),
            ("rounds", line(f"{replay.place:,} of {replay.total:,} in {span}")),
            ("first", line(formats.utc(replay.first_at))),
            ("last", line(formats.utc(replay.last_at))),
            *_answers(rounds),
            ("weights", last_set_by_then(snapshot)),
            ("judging", line(snapshot.scoring)),
            ("services", line(states.NOT_RECORDED)),
        )
    )


def judging(snapshot: Snapshot) -> str:
    """By what the answers are judged."""
    if not snapshot.scoring:
        return formats.UNKNOWN
    return f"{snapshot.scoring}, {snapshot.encoder}, seed {snapshot.seed}"


def _answers(rounds: list[RoundView]) -> list[tuple[str, Line]]:
    """How many answer, and how soon, with the last rounds."""
    if not rounds:
        return [("answered", line(Span("none asked yet", "muted")))]
    shares = [one.answered / max(1, one.asked) for one in rounds]
    last = rounds[-1]
    return [
        ("answered", line(f"{formats.percent(shares[-1]):<7}", formats.spark(shares, SPARK, top=1.0))),
        ("median", _times([one.p50_ms for one in rounds], last.p50_ms)),
        ("95 %", _times([one.p95_ms for one in rounds], last.p95_ms)),
    ]


def _times(series: list[float], last: float) -> Line:
    return line(f"{formats.milliseconds(last):<7}", Span(formats.spark(series, SPARK), "muted"))


def _rounds(snapshot: Snapshot) -> Line:
    if not snapshot.rounds_done and not snapshot.rounds_recorded:
        return line(Span("none yet", "muted"))
    waiting = Span(f"  ▲ {snapshot.rounds_unstored:,} not stored", "warn") if snapshot.rounds_unstored else ""
    return line(f"{snapshot.rounds_done:,} in this run, {snapshot.rounds_recorded:,} recorded", waiting)
