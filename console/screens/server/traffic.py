"""What callers ask of a miner's server: the last requests, who calls, what was refused and why, and keys, as tables."""

import http
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from console.present import fields, formats, states
from console.present.table import Cell, Column, Row, Table
from console.present.text import BLANK, Line, Span, facts, line, wrapped
from engine.snapshot import CallerView, RefusalView, RequestView, ServerView, SessionView, Snapshot

CALLER = "the caller's uid, else the hotkey it claims"


class RequestRow(Struct, frozen=True):
    """One request, and who made it: a uid where the hotkey has one, the address where it named no hotkey."""

    request: RequestView
    who: str


class CallerRow(Struct, frozen=True):
    """Someone who asks, and when the last of its keys ends, in unix seconds, 0 without one."""

    caller: CallerView
    who: str
    key_until: float


class RefusalRow(Struct, frozen=True):
    """What was refused at one gate for one reason, and who was the last to be."""

    refusal: RefusalView
    who: str


class KeyRow(Struct, frozen=True):
    """A key that somebody exchanged with us."""

    session: SessionView
    who: str


def asked(snapshot: Snapshot) -> tuple[RequestRow, ...]:
    """The last requests, newest first."""
    uids = _uids(snapshot)
    return tuple(
        RequestRow(request, _who(request.hotkey, uids) if request.hotkey else request.host)
        for request in _server(snapshot).requests
    )


def refusals(snapshot: Snapshot) -> tuple[RefusalRow, ...]:
    """What was refused since the server was started, and why."""
    uids = _uids(snapshot)
    return tuple(
        RefusalRow(refusal, _who(refusal.hotkey, uids) if refusal.hotkey else refusal.host)
        for refusal in _server(snapshot).refusals
    )


def callers(snapshot: Snapshot) -> tuple[CallerRow, ...]:
    """Who has asked, and whoever is blocked or let in."""
    uids, server = _uids(snapshot), _server(snapshot)
    until: dict[str, float] = {}
    for session in server.sessions:
        until[session.hotkey] = max(session.expires_at, until.get(session.hotkey, 0.0))
    have_asked = {caller.hotkey for caller in server.callers}
    decided = [(hotkey, "blocked") for hotkey in server.blocked] + [(hotkey, "let in") for hotkey in server.let_in]
    silent = (_silent(hotkey, standing) for hotkey, standing in decided if hotkey not in have_asked)
    return tuple(
        CallerRow(caller, _who(caller.hotkey, uids), until.get(caller.hotkey, 0.0))
        for caller in (*server.callers, *silent)
    )


def _silent(hotkey: str, standing: str) -> CallerView:
    """Someone whom the operator blocked or let in, and who has not asked since the server was started."""
    return CallerView(
        hotkey=hotkey,
        allowed=standing == "let in",
        standing=standing,
        requests=0,
        ok=0,
        p50_ms=0.0,
        last_at=0.0,
    )


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
            ("address", line(view.host or formats.UNKNOWN)),
            ("dialect", line(view.dialect or formats.UNKNOWN)),
            ("route", line(view.route)),
            ("body", line(f"{view.bytes_in:,} bytes")),
            ("status", line(states.of_http(view.status).span, f" {phrase(view.status)}")),
            ("took", line(formats.milliseconds(view.ms))),
            ("tokens", line(str(view.tokens) if view.tokens else formats.UNKNOWN)),
            *([("gate", line(Span(view.gate, "warn")))] if view.gate else []),
        ),
    )
    return [*known, *_texts((("reason", view.reason), ("answer", view.answer)), width)]


def refusal(row: RefusalRow, width: int) -> list[Line]:
    """Everything that is known of what was refused for one reason."""
    view = row.refusal
    known = facts(
        (
            ("times", line(f"{view.count:,}")),
            ("status", line(states.of_http(view.status).span, f" {phrase(view.status)}")),
            ("gate", line(Span(view.gate, "warn"))),
            ("dialect", line(view.dialect or formats.UNKNOWN)),
            ("last at", line(formats.clock(view.last_at))),
            ("last by", line(row.who)),
            ("hotkey", line(view.hotkey or formats.UNKNOWN)),
            ("address", line(view.host or formats.UNKNOWN)),
        ),
    )
    return [*known, *_texts((("reason", view.reason),), width)]


def caller(row: CallerRow, width: int) -> list[Line]:
    """Everything that is known of who asks."""
    view, quota = row.caller, "" if row.caller.quota is None else f" of {row.caller.quota}"
    known = facts(
        (
            ("caller", line(row.who)),
            ("hotkey", line(view.hotkey)),
            ("may ask", line(states.of_caller(view).span)),
            ("address", line(view.host or formats.UNKNOWN)),
            ("dialect", line(view.dialect or formats.UNKNOWN)),
            ("stake", line(f"{view.stake:,.0f}")),
            ("quota", line(f"{view.consumed}{quota} in this period")),
            ("requests", line(f"{view.requests}, {view.ok} answered")),
            ("median", line(formats.milliseconds(view.p50_ms))),
        ),
    )
    return [*known, *_texts((("last refusal", view.last_refusal),), width)]


def _texts(titled: Sequence[tuple[str, str]], width: int) -> list[Line]:
    """Those texts that there are, wrapped below their titles."""
    return [
        content
        for title, text in titled
        if text
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
    return _status_cell(row.request.status)


def _status_cell(status: int) -> Cell:
    state = states.of_http(status)
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
        fields.text("dialect", "DIALECT", 8, lambda row: row.request.dialect, "the dialect it was made in", priority=1),
        fields.text("route", "ROUTE", 19, lambda row: row.request.route, "the route", tone="muted", priority=5),
        fields.number(
            "bytes", "BYTES", 7, lambda row: row.request.bytes_in, "{:,}".format, "the size of its body", priority=6
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
        fields.text("gate", "GATE", 10, lambda row: row.request.gate, "where it was refused", tone="warn", priority=4),
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
    return states.of_caller(row.caller)


def _quota(row: CallerRow, _now: float) -> Cell:
    consumed, quota = row.caller.consumed, row.caller.quota
    if quota is None:
        return Cell(str(consumed))
    return Cell(f"{consumed}/{quota}", "warn" if consumed > quota else "")


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
        fields.state("state", "MAY ASK", 11, _may_ask, "whether it is answered, and on what grounds", priority=0),
        fields.text(
            "dialect", "DIALECT", 8, lambda row: row.caller.dialect, "the dialect of its last request", priority=1
        ),
        fields.number(
            "stake", "STAKE", 8, lambda row: row.caller.stake, lambda stake: f"{stake:,.0f}", "its stake", priority=7
        ),
        Column(
            id="quota",
            title="QUOTA",
            width=8,
            align="right",
            priority=4,
            cell=_quota,
            value=lambda row: row.caller.consumed,
            about="its challenges in this period, and its quota by stake",
        ),
        fields.number("requests", "REQ", 5, lambda row: row.caller.requests, str, "its requests"),
        fields.number(
            "ok", "OK%", 4, lambda row: _ok(row.caller), formats.percent, "share of them answered", priority=6
        ),
        fields.took("p50", "MEDIAN", lambda row: row.caller.p50_ms, "median time of its answers", priority=8),
        fields.age("last", "LAST", lambda row: row.caller.last_at, "when it last asked", width=5, priority=4),
        _countdown("key", "KEY", 6, lambda row: row.key_until, "time until its key expires", priority=2),
        fields.text(
            "refusal",
            "LAST REFUSAL",
            16,
            lambda row: row.caller.last_refusal,
            "the last refusal, and why",
            tone="warn",
            priority=5,
            grows=True,
        ),
    ),
)

REFUSALS: Table[RefusalRow] = Table(
    name="refusals",
    empty="nothing was refused",
    key=lambda row: f"{row.refusal.gate} {row.refusal.status} {row.refusal.dialect} {row.refusal.reason}",
    sort="times",
    descending=True,
    columns=(
        fields.number("times", "TIMES", 6, lambda row: row.refusal.count, "{:,}".format, "how often", priority=0),
        Column(
            id="status",
            title="STATUS",
            width=6,
            priority=3,
            cell=lambda row, _now: _status_cell(row.refusal.status),
            value=lambda row: row.refusal.status,
            about="the HTTP status of the reply",
        ),
        fields.text("gate", "GATE", 10, lambda row: row.refusal.gate, "where it was refused", priority=0),
        fields.text(
            "why",
            "WHY",
            16,
            lambda row: row.refusal.reason,
            "the last reason",
            tone="warn",
            grows=True,
            priority=0,
        ),
        fields.text("dialect", "DIALECT", 8, lambda row: row.refusal.dialect, "the dialect", priority=5),
        fields.text("who", "LAST BY", 9, lambda row: row.who, CALLER, priority=2),
        fields.age("last", "LAST", lambda row: row.refusal.last_at, "when it last happened", width=5, priority=4),
    ),
)

KEYS: Table[KeyRow] = Table(
    name="sessions",
    empty="no keys yet",
    key=lambda row: row.session.key_uuid,
    sort="expires",
    columns=(
        fields.text("who", "CALLER", 9, lambda row: row.who, "the hotkey that exchanged it", priority=0),
        fields.text(
            "key",
            "KEY",
            9,
            lambda row: row.session.key_uuid,
            "the id of the key, not the key itself",
            tone="muted",
            grows=True,
        ),
        fields.age("age", "AGE", lambda row: row.session.created_at, "when it was exchanged", priority=2),
        _countdown("expires", "EXPIRES", 7, lambda row: row.session.expires_at, "time until it expires", priority=0),
    ),
)
