"""What callers ask of a miner's server: its last requests, who calls, and the keys they hold, as tables."""

import http
from collections.abc import Callable, Mapping

from msgspec import Struct

from console.present import fields, formats, states
from console.present.table import Cell, Column, Row, Table
from console.present.text import BLANK, Line, Span, facts, line, wrapped
from engine.snapshot import CallerView, RequestView, ServerView, SessionView, Snapshot

LABEL = 10
CALLER = "the caller's uid, else the hotkey it claims"


class RequestRow(Struct, frozen=True):
    """One request, and who made it: a uid where the hotkey has one."""

    request: RequestView
    who: str


class CallerRow(Struct, frozen=True):
    """Someone who asks, and when the last of its keys ends, in unix seconds, 0 without one."""

    caller: CallerView
    who: str
    key_until: float
    blocked: bool


class KeyRow(Struct, frozen=True):
    """A key that somebody exchanged with us."""

    session: SessionView
    who: str


def asked(snapshot: Snapshot) -> tuple[RequestRow, ...]:
    """The last requests, newest first."""
    uids = _uids(snapshot)
    return tuple(RequestRow(request, _who(request.hotkey, uids)) for request in _server(snapshot).requests)


def callers(snapshot: Snapshot) -> tuple[CallerRow, ...]:
    """Who has asked, and whoever is blocked."""
    uids, server = _uids(snapshot), _server(snapshot)
    until: dict[str, float] = {}
    for session in server.sessions:
        until[session.hotkey] = max(session.expires_at, until.get(session.hotkey, 0.0))
    have_asked = {caller.hotkey for caller in server.callers}
    silent = (_silent(hotkey) for hotkey in server.blocked if hotkey not in have_asked)
    return tuple(
        CallerRow(caller, _who(caller.hotkey, uids), until.get(caller.hotkey, 0.0), caller.hotkey in server.blocked)
        for caller in (*server.callers, *silent)
    )


def _silent(hotkey: str) -> CallerView:
    """Someone who is blocked and has not asked since the server was started."""
    return CallerView(hotkey=hotkey, allowed=False, requests=0, ok=0, p50_ms=0.0, last_at=0.0)


def keys(snapshot: Snapshot) -> tuple[KeyRow, ...]:
    """The keys that are valid now."""
    uids = _uids(snapshot)
    return tuple(KeyRow(session, _who(session.hotkey, uids)) for session in _server(snapshot).sessions)


def _server(snapshot: Snapshot) -> ServerView:
    return snapshot.server or ServerView()


def _uids(snapshot: Snapshot) -> dict[str, int]:
    return {neuron.hotkey: neuron.uid for neuron in snapshot.metagraph.neurons} if snapshot.metagraph else {}


def _who(hotkey: str, uids: Mapping[str, int]) -> str:
    return f"uid {uids[hotkey]}" if hotkey in uids else formats.hotkey(hotkey)


def request(asked: RequestRow | None, width: int) -> list[Line]:
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


def _counted(tokens: float) -> str:
    return str(tokens or formats.UNKNOWN)


def _status(row: RequestRow, _now: float) -> Cell:
    state = states.of_http(row.request.status)
    return Cell(state.text, state.tone)


def _said(row: RequestRow, _now: float) -> Cell:
    refused = row.request.reason
    return Cell(refused, "warn") if refused else Cell(row.request.answer)


REQUESTS: Table[RequestRow] = Table(
    name="requests",
    empty="no requests yet: validators find this miner by its axon",
    key=lambda row: f"{row.request.at} {row.request.hotkey} {row.request.ms}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        fields.time(lambda row: row.request.at, "when it was finished"),
        fields.text("from", "FROM", 9, lambda row: row.who, CALLER, priority=0),
        fields.text("route", "ROUTE", 19, lambda row: row.request.route, "the route", tone="muted", priority=4),
        fields.number(
            "bytes", "BYTES", 7, lambda row: row.request.bytes_in, "{:,}".format, "the size of its body", priority=5
        ),
        Column(
            id="status",
            title="STATUS",
            width=6,
            priority=0,
            cell=_status,
            value=lambda row: row.request.status,
            about="the HTTP status of the reply",
        ),
        fields.took("latency", "TOOK", lambda row: row.request.ms, "how long it took", priority=2),
        fields.number(
            "tokens", "TOKENS", 6, lambda row: row.request.tokens, _counted, "what the backend generated", priority=6
        ),
        Column(
            id="answer",
            title="ANSWER OR REASON",
            width=16,
            priority=1,
            grows=True,
            cell=_said,
            value=lambda row: row.request.reason or row.request.answer,
            about="the beginning of the answer, or why there is none",
        ),
    ),
)


def _may_ask(row: CallerRow) -> states.State:
    return states.of_caller(row.caller, blocked=row.blocked)


def _ok(caller: CallerView) -> float:
    return caller.ok / caller.requests if caller.requests else 0.0


def _countdown(
    id: str, title: str, width: int, until: Callable[[Row], float], about: str, *, priority: int
) -> Column[Row]:
    """How long a moment, in unix seconds, is still away; it warns in the last minute."""

    def cell(row: Row, now: float) -> Cell:
        left = until(row) - now
        if left <= 0:
            return Cell(formats.UNKNOWN, "muted")
        return Cell(formats.countdown(left), "warn" if left < 60 else "")

    return Column(
        id=id, title=title, width=width, cell=cell, value=until, align="right", priority=priority, about=about
    )


CALLERS: Table[CallerRow] = Table(
    name="callers",
    empty="no callers yet",
    key=lambda row: row.caller.hotkey,
    sort="last",
    columns=(
        fields.text("who", "CALLER", 9, lambda row: row.who, CALLER, priority=0),
        fields.state("state", "MAY ASK", 9, _may_ask, "whether it is answered", priority=0),
        fields.number("requests", "REQ", 5, lambda row: row.caller.requests, str, "its requests"),
        fields.number(
            "ok", "OK%", 4, lambda row: _ok(row.caller), formats.percent, "share of them answered", priority=3
        ),
        fields.took("p50", "MEDIAN", lambda row: row.caller.p50_ms, "half of its answers took less", priority=5),
        fields.age("last", "LAST", lambda row: row.caller.last_at, "when it last asked", width=5, priority=4),
        _countdown("key", "KEY", 6, lambda row: row.key_until, "time until its key expires", priority=2),
        fields.text(
            "refusal",
            "LAST REFUSAL",
            16,
            lambda row: row.caller.last_refusal,
            "the last refusal, and why",
            tone="warn",
            priority=6,
            grows=True,
        ),
    ),
)
KEYS: Table[KeyRow] = Table(
    name="sessions",
    empty="no keys yet",
    key=lambda row: row.session.key_uuid,
    sort="expires",
    columns=(
        fields.text("who", "CALLER", 9, lambda row: row.who, "who exchanged it", priority=0),
        fields.text(
            "key",
            "KEY",
            9,
            lambda row: row.session.key_uuid,
            "the name of the key, not the key",
            tone="muted",
            grows=True,
        ),
        fields.age("age", "AGE", lambda row: row.session.created_at, "when it was exchanged", priority=2),
        _countdown("expires", "EXPIRES", 7, lambda row: row.session.expires_at, "time until it expires", priority=0),
    ),
)
