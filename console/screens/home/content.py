"""Home: the engine, the chain, the scores, the pulse of the rounds, and what needs attention."""

import statistics
from collections.abc import Sequence

from console.instants import duration
from console.present import formats, states
from console.present.picture import Picture
from console.present.text import BLANK, Line, Span, facts, fit, line
from console.screens.server import content as server
from console.screens.weights import content as weights
from engine.snapshot import Attention, MinerView, ReplayView, RoundView, Snapshot

SPARK = 16
GAUGE = 10
SHORT_GAUGE = 8
PLACES_OF_WORDS = {
    "weight": "weights",
    "axon": "server",
    "server": "server",
    "backend": "server",
    "miner": "miners",
    "consensus": "challenges",
    "challenge": "challenges",
}
"""Where to look into an alert, by the first of these words in it."""


def engine(picture: Picture) -> list[Line]:
    """What runs and how well."""
    snapshot = picture.snapshot
    if snapshot.replay is not None:
        return _recorded_engine(snapshot, snapshot.replay, _answers(snapshot.rounds))
    judging = f"{snapshot.scoring}, {snapshot.encoder}, seed {snapshot.seed}" if snapshot.scoring else formats.UNKNOWN
    runs = (
        ("services", _services(snapshot)),
        ("loop lag", line(f"p50 {snapshot.loop.p50_ms:.1f}ms  p99 {snapshot.loop.p99_ms:.0f}ms")),
    )
    hotkey = ("hotkey", line(formats.hotkey(snapshot.hotkey, 17)))
    if snapshot.role == "miner":
        return facts((*runs, *server.in_brief(snapshot), hotkey))
    return facts(
        (
            *runs,
            ("round", _round(picture)),
            ("answers", _answers(snapshot.rounds)),
            ("mode", _mode(snapshot)),
            hotkey,
            ("judging", line(judging)),
        ),
    )


def _recorded_engine(snapshot: Snapshot, replay: ReplayView, answers: Line) -> list[Line]:
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
            ("services", line(states.NOT_RECORDED)),
        ),
    )


def _services(snapshot: Snapshot) -> Line:
    """The first that is unwell, else how many of them run."""
    services, running, starting = snapshot.services, states.SERVICES["running"], states.SERVICES["starting"]
    unwell = next((one for one in services if one.state not in ("running", "starting", "stopped")), None)
    if unwell is not None:
        return line(states.SERVICES[unwell.state].span, f" {unwell.name} {unwell.reason}")
    if services and all(one.state != "starting" for one in services):
        return line(Span(f"{running.glyph} {len(services)} {running.word}", running.tone))
    up = sum(one.state == "running" for one in services)
    gauge = Span(formats.gauge(up / len(services), SHORT_GAUGE), "accent") if services else ""
    return line(starting.span, f" {up}/{len(services)} " if services else "", gauge)


def _round(picture: Picture) -> Line:
    snapshot = picture.snapshot
    if snapshot.progress:
        progress = snapshot.progress
        done = progress.answered + progress.failed
        return line(
            f"#{snapshot.rounds_done + 1} ",
            Span(formats.gauge(done / max(1, progress.asked), GAUGE), "accent"),
            f" {done}/{progress.asked}",
        )
    so_far = f"{snapshot.rounds_done:,} this run" if snapshot.rounds_done else "none yet"
    if snapshot.paused:
        return line(f"{so_far}  ", Span("▲ paused", "warn"))
    following = f"  next {formats.countdown(snapshot.next_round_at - picture.now)}" if snapshot.next_round_at else ""
    return line(f"{so_far}{following}")


def counted(snapshot: Snapshot) -> str:
    """How many rounds there are, for the title of the last ones; "" where their timeline says it."""
    if snapshot.role == "miner" or snapshot.replay is not None:
        return ""
    return f"{snapshot.rounds_done:,} in this run, {snapshot.rounds_recorded:,} recorded"


def _answers(rounds: Sequence[RoundView]) -> Line:
    if not rounds:
        return line(formats.UNKNOWN)
    shares = [one.answered / max(1, one.asked) for one in rounds]
    return line(f"{formats.percent(shares[-1])} ", Span(formats.spark(shares, SPARK, top=1.0), "accent"))


def _mode(snapshot: Snapshot) -> Line:
    if snapshot.read_only:
        return line(Span("READ-ONLY", "warn"), " nothing is sent to the chain")
    weights = "auto weights" if snapshot.auto_weights else "weights by hand"
    return line("READ-WRITE ", Span(weights, "muted"))


def chain(picture: Picture) -> list[Line]:
    """Where this neuron stands on chain."""
    view = picture.snapshot.chain
    if picture.snapshot.replay is not None:
        return _recorded_chain(picture.snapshot)
    if not view.known:
        return facts([("endpoint", line(states.CONNECTING.span))])
    return facts(
        (
            ("endpoint", _endpoint(picture)),
            ("neuron", _neuron(picture.snapshot)),
            *_pay(picture.snapshot),
            ("epoch", _epoch(picture.snapshot)),
            ("balance", line(formats.tau(view.balance))),
        ),
    )


def _recorded_chain(snapshot: Snapshot) -> list[Line]:
    """What the rounds and the journal say of the chain."""
    view = snapshot.chain
    return facts(
        (
            ("subnet", line(f"netuid {view.netuid}")),
            ("block", line(f"{view.block:,} at this round")),
            ("weights", weights.last_set_by_then(snapshot)),
            ("hotkey", line(formats.hotkey(snapshot.hotkey, 17))),
            ("stake", line(states.NOT_RECORDED)),
            ("the rest", line(states.NOT_RECORDED)),
        ),
    )


def _pay(snapshot: Snapshot) -> Sequence[tuple[str, Line]]:
    """What a validator sets, or what a miner gets."""
    view = snapshot.chain
    stake = formats.tau(view.stake)
    if snapshot.role == "miner":
        return (
            ("stake", line(stake)),
            ("incentive", line(formats.share(view.incentive))),
            ("axon", server.axon(snapshot)),
        )
    return (
        ("stake", line(f"{stake}  vtrust {view.validator_trust:.3f}")),
        ("weights", _weights(snapshot)),
        ("next set", _next_set(snapshot)),
    )


def _endpoint(picture: Picture) -> Line:
    view = picture.snapshot.chain
    if not view.reachable:
        return line(Span("✗ not reachable", "err"), f" {view.endpoint}")
    return line(Span("●", "ok"), f" {view.endpoint or view.network} {view.latency_ms:.0f}ms")


def _neuron(snapshot: Snapshot) -> Line:
    view = snapshot.chain
    if not view.registered:
        return line(Span("✗ not registered", "err"), f" costs {formats.tau(view.registration_cost)}")
    if view.needs:
        return line(f"uid {view.uid}  ", Span(f"▲ needs {view.needs[0].need} to earn", "warn"))
    permit = Span("✓ permit", "ok") if view.validator_permit else Span("○ no permit", "muted")
    return line(f"uid {view.uid}  ", permit if snapshot.role != "miner" else "")


def _weights(snapshot: Snapshot) -> Line:
    view = snapshot.chain
    if not view.last_weights_block:
        return line(Span("○ never set", "muted"))
    ago = formats.blocks(max(0, view.block - view.last_weights_block), view.block_time)
    last = states.of_outcome(snapshot.plans[-1].outcome).span if snapshot.plans else Span("")
    return line(f"{ago} ago ", last)


def _next_set(snapshot: Snapshot) -> Line:
    view = snapshot.chain
    left = view.next_weights_block - view.block
    if left <= 0:
        return line(Span("✓ allowed now", "ok"))
    waited = 1 - left / max(1, view.weights_rate_limit)
    return line(f"in {formats.blocks(left, view.block_time)} ", Span(formats.gauge(waited, SHORT_GAUGE), "accent"))


def _epoch(snapshot: Snapshot) -> Line:
    view = snapshot.chain
    left = max(0, view.next_epoch - view.block)
    return line(f"in {formats.blocks(left, view.block_time)} tempo {view.tempo}")


def scoring(picture: Picture) -> list[Line]:
    """How the miners do."""
    miners = picture.snapshot.miners
    rounds = picture.snapshot.rounds
    emas = sorted(miner.ema for miner in miners)
    split = sum(states.of_round(one).word == "split" for one in rounds)
    return facts(
        (
            ("miners", _miners(miners)),
            ("best", _best(miners)),
            ("spread", line(_spread(emas))),
            ("agreement", line(Span(formats.spark([one.agreement for one in rounds], SPARK, top=1.0), "accent"))),
            ("split", line(f"{split} of the last {formats.counted(len(rounds), 'round')}")),
        ),
    )


def _miners(miners: Sequence[MinerView]) -> Line:
    parts: list[str | Span] = [f"{len(miners)}  "]
    for state in (*states.MINERS.values(), states.UNPAID, *states.VERDICTS.values()):
        count = sum(states.of_miner(miner) is state for miner in miners)
        if count:
            parts.append(Span(f"{state.glyph} {count} {state.word}  ", state.tone))
    return line(*parts)


def _best(miners: Sequence[MinerView]) -> Line:
    best = sorted(miners, key=lambda miner: -miner.ema)[:2]
    return line("  ".join(f"uid {miner.uid} {miner.ema:.4f}" for miner in best) or formats.UNKNOWN)


def _spread(emas: Sequence[float]) -> str:
    if len(emas) < 2:
        return formats.UNKNOWN
    tenths = statistics.quantiles(emas, n=10, method="inclusive")
    return f"p10 {tenths[0]:.2f}  p50 {tenths[4]:.2f}  p90 {tenths[8]:.2f}"


def attention(waiting: Sequence[Attention], width: int) -> list[Line]:
    """One line each, the newest first."""
    return [_attention(one, width) for one in waiting]


def _attention(one: Attention, width: int) -> Line:
    state = states.LEVELS[one.level]
    repeated = f" ×{one.count}" if one.count > 1 else ""
    room = max(10, width - 18 - len(repeated))
    return line(
        Span(fit(state.text, 7), state.tone),
        Span(f"{formats.clock(one.at)} ", "muted"),
        fit(f"{one.subject}: {one.text}", room),
        Span(repeated, "muted"),
    )


def place_of(one: Attention) -> str:
    """The screen on which this can be looked into."""
    words = f"{one.subject} {one.text}".casefold()
    return next((place for word, place in PLACES_OF_WORDS.items() if word in words), "logs")


def waiting(snapshot: Snapshot) -> list[Attention]:
    """What was not acknowledged, the newest first."""
    return sorted((one for one in snapshot.attention if not one.acknowledged), key=lambda one: -one.at)


AXIS = 8
EIGHTHS = " ▁▂▃▄▅▆▇█"


def latency(rounds: Sequence[RoundView], width: int, height: int) -> list[Line]:
    """One column per round, the newest on the right: the bright part is the median, the whole the 95th percentile."""
    columns = rounds[-max(1, width - AXIS) :]
    top = max((one.p95_ms for one in columns), default=0.0)
    if top <= 0:
        return [line(Span("no answers yet", "muted"))]
    lines = [
        line(
            Span(fit(_label(row, height, top), AXIS - 1, "right") + " ", "muted"),
            *(_cell(one, row, height, top) for one in columns),
        )
        for row in reversed(range(height - 1))
    ]
    return [*lines, line(" " * AXIS, Span("█ median", "accent"), Span("  █ 95%", "muted"))]


def _label(row: int, height: int, top: float) -> str:
    """The top line says how long the slowest took, the lowest that it stands on nothing."""
    return formats.milliseconds(top) if row == height - 2 else "0" if row == 0 else ""


def _cell(judged: RoundView, row: int, height: int, top: float) -> Span:
    def eighths(ms: float) -> int:
        return max(0, min(8, round(ms / top * (height - 1) * 8) - row * 8))

    half, most = eighths(judged.p50_ms), eighths(judged.p95_ms)
    return Span(EIGHTHS[half], "accent") if half else Span(EIGHTHS[most], "muted")


def agreement(rounds: Sequence[RoundView], width: int, height: int) -> list[Line]:
    """A cell a round, the newest at the end: the largest cluster's letter, or what went wrong."""
    width = max(1, width)
    shown = rounds[-width * max(1, height - 2) :]
    if not shown:
        return [line(Span("no rounds yet", "muted"))]
    cells = [_mark(one) for one in shown]
    lines = [tuple(cells[start : start + width]) for start in range(0, len(cells), width)]
    legend = line(
        Span("A", "ok"), " agreed  ", Span("▲", "warn"), " split or not stored  ", Span("✗", "err"), " no answer"
    )
    return [*lines, BLANK, legend]


def _mark(judged: RoundView) -> Span:
    state = states.of_round(judged)
    return Span("A" if state.tone == "ok" else state.glyph, state.tone)
