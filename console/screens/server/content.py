"""The Server screen: how a miner's server is doing, and the services of the other roles."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from console.present import fields, formats, states
from console.present.picture import Picture
from console.present.table import Cell, Column, Table
from console.present.text import Line, Span, Tone, facts, line
from engine.snapshot import ServerView, ServiceView, Snapshot
from engine.values import at_port

GAUGE = 10
STATUSES_SHOWN = 3
"""The columns of a gauge, and the statuses that a line has room for."""

SERVICE = "miner server"


class ServiceRow(Struct, frozen=True):
    """A service of this engine. One that is a miner's server has a `uid` and an `address`."""

    service: ServiceView
    uid: int | None = None
    address: str = ""


def parts(snapshot: Snapshot) -> tuple[ServiceRow, ...]:
    """The demo's miners and where each listens; in other roles every service."""
    if snapshot.role != "demo":
        return tuple(ServiceRow(service) for service in snapshot.services)
    neurons = {neuron.uid: neuron for neuron in snapshot.metagraph.neurons} if snapshot.metagraph else {}
    services = {service.name: service for service in snapshot.services}
    return tuple(
        ServiceRow(services[miner.name], miner.uid, at_port(neurons[miner.uid].ip, neurons[miner.uid].port))
        for miner in snapshot.miners
        if miner.name in services and miner.uid in neurons
    )


NO_SERVER: Mapping[str, tuple[str, ...]] = {
    "demo": (
        "The demo's miners: each server listens on its own socket.",
        "With --role miner this screen shows your own miner's server.",
    ),
    "validator": (
        "This screen is for a miner's server; a validator runs none.",
        "These are its services.",
    ),
}
IN_THE_PAST = (
    "Not recorded: servers, services and their requests.",
    "Challenges has what miners answered, Logs what the engine said.",
)


def explanation(snapshot: Snapshot) -> list[Line]:
    """What this screen is for, where no server of our own runs."""
    texts = IN_THE_PAST if snapshot.replay is not None else NO_SERVER.get(snapshot.role, ())
    return [line(Span(text, "muted")) for text in texts]


def status(picture: Picture) -> list[Line]:
    """Whether it listens and is ready, its load, and its speed."""
    snapshot, server = picture.snapshot, picture.snapshot.server or ServerView()
    return facts(
        (
            *in_brief(snapshot),
            ("axon", axon(snapshot)),
            ("speed", line(f"p50 {formats.milliseconds(server.p50_ms)}  p95 {formats.milliseconds(server.p95_ms)}")),
            ("tokens", line(f"{server.tokens_total:,} in {formats.counted(server.requests_total, 'request')}")),
        ),
    )


def in_brief(snapshot: Snapshot) -> Sequence[tuple[str, Line]]:
    """What Home says of it, too: rows of facts."""
    server = snapshot.server or ServerView()
    return (
        ("server", _listening(snapshot, server)),
        ("backend", _backend(snapshot.server)),
        ("load", _load(server)),
        ("answers", _statuses(server)),
    )


def _listening(snapshot: Snapshot, server: ServerView) -> Line:
    service = next((one for one in snapshot.services if one.name == SERVICE), None)
    if service is None:
        return line(states.SERVICES["starting"].span)
    if service.state != "running":
        return line(states.SERVICES[service.state].span, f" {service.reason}")
    return line(Span("● on", "ok"), f" {server.address}")


def axon(snapshot: Snapshot) -> Line:
    """The address announced on chain."""
    chain = snapshot.chain
    if not chain.known:
        return line(states.CONNECTING.span)
    if not chain.registered:
        return line(Span("✗ not registered", "err"), f" on netuid {chain.netuid}")
    return line(Span("✓ ", "ok"), chain.axon) if chain.axon else line(Span("▲ not announced", "warn"), " x, then s")


def _backend(server: ServerView | None) -> Line:
    if server is None:
        return line(states.SERVICES["starting"].span)
    what = server.backend if server.model in ("", server.backend) else f"{server.backend} {server.model}"
    if (several := len(server.backends)) > 1:  # each with its model is on Backends
        what = f"{sum(one.ready for one in server.backends)} of {several}: {server.backend}"
    if server.ready:
        return line(Span("● ready ", "ok"), what)
    return line(Span("✗ ", "err"), f"{server.readiness} ({what})")


def _load(server: ServerView) -> Line:
    fraction = server.in_flight / max(1, server.capacity)
    tone: Tone = "warn" if server.queued else "accent"
    return line(
        f"{server.in_flight}/{server.capacity} ",
        Span(formats.gauge(fraction, GAUGE), tone),
        f" queue {server.queued}/{server.queue_limit}",
    )


def _statuses(server: ServerView) -> Line:
    """The most frequent HTTP statuses and their shares."""
    if not server.requests_total:
        return line(Span("none yet", "muted"))
    most = sorted(server.statuses.items(), key=lambda item: (-item[1], item[0]))[:STATUSES_SHOWN]
    parts = (
        Span(f"{'  ' if place else ''}{code} {count / server.requests_total:.0%}", states.of_http(code).tone)
        for place, (code, count) in enumerate(most)
    )
    return line(*parts)


COLUMNS: tuple[Column[ServiceRow], ...] = (
    fields.text("name", "SERVICE", 14, lambda row: row.service.name, "its name", priority=0),
    fields.state("state", "STATE", 13, lambda row: states.SERVICES[row.service.state], "whether it runs", priority=0),
    fields.age("since", "FOR", lambda row: row.service.since, "time in this state", priority=3),
    Column(
        id="restarts",
        title="RESTARTS",
        width=8,
        align="right",
        priority=1,
        cell=lambda row, _now: Cell(str(row.service.restarts), "warn" if row.service.restarts else "muted"),
        value=lambda row: row.service.restarts,
        about="number of restarts",
    ),
)
REASON: Column[ServiceRow] = fields.text(
    "reason",
    "LAST REASON",
    12,
    lambda row: row.service.reason,
    "why it last stopped",
    tone="warn",
    priority=5,
    grows=True,
)
SERVICES: Table[ServiceRow] = Table(
    name="services",
    empty="no services yet",
    key=lambda row: row.service.name,
    sort="name",
    columns=(*COLUMNS, REASON),
)
SERVERS: Table[ServiceRow] = Table(
    name="servers",
    empty="no servers yet",
    key=lambda row: row.service.name,
    sort="uid",
    columns=(
        fields.uid(lambda row: row.uid, priority=2),
        *COLUMNS,
        fields.text("address", "LISTENS AT", 21, lambda row: row.address, "its address", tone="muted", priority=4),
        REASON,
    ),
)
