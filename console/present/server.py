"""The Server screen in words: how a miner's server does, and one of its requests."""

import http
from collections.abc import Mapping, Sequence

from console.present import formats, states
from console.present.picture import Picture
from console.present.server_rows import Asked
from console.present.text import BLANK, Line, Span, Tone, facts, line
from console.present.wrap import wrapped
from engine.server_view import ServerView
from engine.snapshot import Snapshot

LABEL = 10
GAUGE = 10
STATUSES_SHOWN = 4
SERVICE = "miner server"

NO_SERVER: Mapping[str, tuple[str, ...]] = {
    "demo": (
        "The servers of the demo's miners: each listens on a socket of its own.",
        "With --role miner, this is the screen of your own miner's server.",
    ),
    "validator": (
        "This is the screen of a miner's server. A validator asks and serves nothing.",
        "These are the services that it runs.",
    ),
}


IN_THE_PAST = (
    "Not recorded: which servers and services ran, and what they were asked.",
    "What miners answered stands in Challenges, what the engine said in Logs.",
)


def explanation(snapshot: Snapshot) -> list[Line]:
    """What this screen is for, where no server of our own runs."""
    texts = IN_THE_PAST if snapshot.replay is not None else NO_SERVER.get(snapshot.role, ())
    return [line(Span(text, "muted")) for text in texts]


def status(picture: Picture) -> list[Line]:
    """Whether it listens and can answer, how much it does, and how fast."""
    snapshot, server = picture.snapshot, picture.snapshot.server or ServerView()
    return facts(
        (
            *in_brief(snapshot),
            ("axon", axon(snapshot)),
            ("speed", line(f"p50 {formats.milliseconds(server.p50_ms)}  p95 {formats.milliseconds(server.p95_ms)}")),
            ("tokens", line(f"{server.tokens_total:,} in {formats.counted(server.requests_total, 'request')}")),
            ("up", line(formats.age(snapshot.started_at, picture.now))),
        ),
        LABEL,
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
    return line(Span("● listening", "ok"), f" {server.address}")


def axon(snapshot: Snapshot) -> Line:
    """Where the chain says that it is to be found."""
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
    parts = (Span(f"{code} {count / server.requests_total:.0%}  ", states.of_http(code).tone) for code, count in most)
    return line(*parts)


def request(asked: Asked | None, width: int) -> list[Line]:
    """Everything that is known of one request."""
    if asked is None:
        return [line(Span("no request yet", "muted"))]
    view = asked.request
    known = facts(
        (
            ("time", line(formats.clock(view.at))),
            ("from", line(asked.who)),
            ("hotkey", line(view.hotkey or formats.UNKNOWN)),
            ("route", line(view.route)),
            ("body", line(f"{view.bytes_in:,} bytes")),
            ("status", line(states.of_http(view.status).span, f" {phrase(view.status)}")),
            ("took", line(formats.milliseconds(view.ms))),
            ("tokens", line(str(view.tokens) if view.tokens else formats.UNKNOWN)),
        ),
        LABEL,
    )
    texts = [(title, text) for title, text in (("reason", view.reason), ("answer", view.answer)) if text]
    return known + [
        content
        for title, text in texts
        for content in (BLANK, line(Span(title, "muted")), *map(line, wrapped(text, width)))
    ]


def phrase(status: int) -> str:
    """What an HTTP status is called; "" for one that has no name."""
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
