"""Home: what needs attention, how the engine and the chain do, and a miner's facts."""

from collections.abc import Sequence

from console.present import formats, states
from console.present.picture import Picture
from console.present.text import Line, Span, facts, fit, line
from console.screens.server import content as server
from engine.snapshot import AboutKind, Attention, Snapshot

SHORT_GAUGE = 8
PLACES: dict[AboutKind, str] = {
    "miner": "miner",
    "suspects": "suspects",
    "round": "challenge",
    "weights": "weights",
    "chain": "subnet",
    "server": "server",
    "service": "server",
    "setting": "setup",
    "commands": "commands",
    "setup": "setup",
}
"""The screen that shows more about each subject."""


def engine(picture: Picture) -> list[Line]:
    """How a miner's engine is doing."""
    snapshot = picture.snapshot
    return facts(
        (
            ("services", services(snapshot)),
            ("loop lag", line(f"p50 {snapshot.loop.p50_ms:.1f}ms  p99 {snapshot.loop.p99_ms:.0f}ms")),
            *server.in_brief(snapshot),
            ("hotkey", line(formats.hotkey(snapshot.hotkey, 17))),
        ),
    )


def chain(picture: Picture) -> list[Line]:
    """A miner's standing on chain."""
    snapshot, view = picture.snapshot, picture.snapshot.chain
    if not view.known:
        return facts([("endpoint", line(states.CONNECTING.span))])
    return facts(
        (
            ("endpoint", _endpoint(picture)),
            ("neuron", neuron(snapshot)),
            ("stake", line(formats.tau(view.stake))),
            ("incentive", line(formats.share(view.incentive))),
            ("axon", server.axon(snapshot)),
            ("epoch", _epoch(snapshot)),
            ("balance", line(formats.tau(view.balance))),
        ),
    )


def services(snapshot: Snapshot) -> Line:
    """The first service in trouble, or else how many run."""
    services, running, starting = snapshot.services, states.SERVICES["running"], states.SERVICES["starting"]
    unwell = next((one for one in services if one.state not in ("running", "starting", "stopped")), None)
    if unwell is not None:
        return line(states.SERVICES[unwell.state].span, f" {unwell.name} {unwell.reason}")
    if services and all(one.state != "starting" for one in services):
        return line(Span(f"{running.glyph} {len(services)} {running.word}", running.tone))
    up = sum(one.state == "running" for one in services)
    gauge = Span(formats.gauge(up / len(services), SHORT_GAUGE), "accent") if services else ""
    return line(starting.span, f" {up}/{len(services)} " if services else "", gauge)


def mode(snapshot: Snapshot) -> Line:
    """Whether anything is sent to the chain, and whether weights are set automatically."""
    if snapshot.read_only:
        return line(Span("READ-ONLY", "warn"), " nothing is sent to the chain")
    weights = "auto weights" if snapshot.auto_weights else "weights by hand"
    return line("READ-WRITE ", Span(weights, "muted"))


def _endpoint(picture: Picture) -> Line:
    view = picture.snapshot.chain
    if not view.reachable:
        return line(Span("✗ not reachable", "err"), f" {view.endpoint}")
    return line(Span("●", "ok"), f" {view.endpoint or view.network} {view.latency_ms:.0f}ms")


def neuron(snapshot: Snapshot) -> Line:
    """Its uid, and what it still needs."""
    view = snapshot.chain
    if not view.registered:
        return line(Span("✗ not registered", "err"), f" costs {formats.tau(view.registration_cost)}")
    if view.needs:
        return line(f"uid {view.uid}  ", Span(f"▲ needs {view.needs[0].need} to earn", "warn"))
    permit = Span("✓ permit", "ok") if view.validator_permit else Span("○ no permit", "muted")
    return line(f"uid {view.uid}  ", permit if snapshot.role != "miner" else "")


def _epoch(snapshot: Snapshot) -> Line:
    view = snapshot.chain
    left = max(0, view.next_epoch - view.block)
    return line(f"in {formats.blocks(left, view.block_time)} tempo {view.tempo}")


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


def place_of(one: Attention) -> tuple[str, ...]:
    """The screen on which this can be looked into, and what the cursor is to be on there; where nothing else has more,
    the log has."""
    if one.about is None:
        return "logs", f"{one.subject}: {one.text}"
    return (PLACES[one.about.kind], *([one.about.key] if one.about.key else []))


def waiting(snapshot: Snapshot) -> list[Attention]:
    """What was not acknowledged, the newest first."""
    return sorted((one for one in snapshot.attention if not one.acknowledged), key=lambda one: -one.at)
