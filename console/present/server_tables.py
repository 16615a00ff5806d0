"""A miner server's requests, callers and keys as rows of tables."""

from collections.abc import Callable

from console.present import fields, formats, states
from console.present.server_rows import Asked, Caller, Key
from console.present.table import Cell, Column, Row, Table
from engine.server_view import CallerView

CALLER = "the caller's uid, else its address as it was claimed"


def _counted(tokens: float) -> str:
    return str(tokens or formats.UNKNOWN)


def _status(row: Asked, _now: float) -> Cell:
    state = states.of_http(row.request.status)
    return Cell(state.text, state.tone)


def _said(row: Asked, _now: float) -> Cell:
    refused = row.request.reason
    return Cell(refused, "warn") if refused else Cell(row.request.answer)


REQUESTS: Table[Asked] = Table(
    name="requests",
    empty="no requests yet: validators who know the axon ask",
    key=lambda row: f"{row.request.at} {row.request.hotkey} {row.request.ms}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        fields.time(lambda row: row.request.at, "when it was finished"),
        fields.text("from", "FROM", 9, lambda row: row.who, CALLER, priority=0),
        fields.text(
            "route", "ROUTE", 19, lambda row: row.request.route, "what was asked for", tone="muted", priority=4
        ),
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
        fields.took("latency", "LAT", lambda row: row.request.ms, "how long it took", priority=2),
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


def _may_ask(row: Caller) -> states.State:
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


CALLERS: Table[Caller] = Table(
    name="callers",
    empty="nobody has asked yet",
    key=lambda row: row.caller.hotkey,
    sort="last",
    columns=(
        fields.text("who", "CALLER", 9, lambda row: row.who, CALLER, priority=0),
        fields.state("state", "MAY ASK", 9, _may_ask, "whether it is answered", priority=0),
        fields.number("requests", "REQ", 5, lambda row: row.caller.requests, str, "how many requests named it"),
        fields.number(
            "ok", "OK%", 4, lambda row: _ok(row.caller), formats.percent, "the share of them that went well", priority=3
        ),
        fields.took("p50", "P50", lambda row: row.caller.p50_ms, "half of its answers took less", priority=5),
        fields.age("last", "LAST", lambda row: row.caller.last_at, "when it last asked", width=5, priority=4),
        _countdown("key", "KEY", 6, lambda row: row.key_until, "how long its key is still good", priority=2),
        fields.text(
            "refusal",
            "LAST REFUSAL",
            16,
            lambda row: row.caller.last_refusal,
            "the last status that was no success, and why",
            tone="warn",
            priority=6,
            grows=True,
        ),
    ),
)

KEYS: Table[Key] = Table(
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
        _countdown(
            "expires", "EXPIRES", 7, lambda row: row.session.expires_at, "how long it is still good", priority=0
        ),
    ),
)
