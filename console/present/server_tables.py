"""A miner server's requests, callers and keys as rows of tables."""

from console.present import formats, states
from console.present.server_rows import Asked, Caller, Key
from console.present.table import Cell, Column, Table
from engine.snapshot import CallerView


def _status(row: Asked, _now: float) -> Cell:
    state = states.of_http(row.request.status)
    return Cell(state.text, state.tone)


def _said(row: Asked, _now: float) -> Cell:
    refused = row.request.reason
    return Cell(refused, "warn") if refused else Cell(row.request.answer)


REQUESTS: Table[Asked] = Table(
    name="requests",
    key=lambda row: f"{row.request.at} {row.request.hotkey} {row.request.ms}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        Column(
            id="time",
            title="TIME",
            width=8,
            priority=0,
            cell=lambda row, _now: Cell(formats.clock(row.request.at), "muted"),
            value=lambda row: row.request.at,
            about="when it was finished",
        ),
        Column(
            id="from",
            title="FROM",
            width=9,
            priority=0,
            cell=lambda row, _now: Cell(row.who),
            value=lambda row: row.who,
            about="the caller's uid, else its address as it was claimed",
        ),
        Column(
            id="route",
            title="ROUTE",
            width=19,
            priority=4,
            cell=lambda row, _now: Cell(row.request.route, "muted"),
            value=lambda row: row.request.route,
            about="what was asked for",
        ),
        Column(
            id="bytes",
            title="BYTES",
            width=7,
            align="right",
            priority=5,
            cell=lambda row, _now: Cell(f"{row.request.bytes_in:,}"),
            value=lambda row: row.request.bytes_in,
            about="the size of its body",
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
        Column(
            id="latency",
            title="LAT",
            width=6,
            align="right",
            priority=2,
            cell=lambda row, _now: Cell(formats.milliseconds(row.request.ms)),
            value=lambda row: row.request.ms,
            about="how long it took",
        ),
        Column(
            id="tokens",
            title="TOKENS",
            width=6,
            align="right",
            priority=6,
            cell=lambda row, _now: Cell(str(row.request.tokens or formats.UNKNOWN)),
            value=lambda row: row.request.tokens,
            about="what the backend generated",
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


def _caller_state(row: Caller, _now: float) -> Cell:
    state = _may_ask(row)
    return Cell(state.text, state.tone)


def _may_ask(row: Caller) -> states.State:
    return states.of_caller(row.caller, blocked=row.blocked)


def _ok(caller: CallerView) -> float:
    return caller.ok / caller.requests if caller.requests else 0.0


def _left(until: float, now: float) -> Cell:
    """A countdown that warns in its last minute."""
    if until <= now:
        return Cell(formats.UNKNOWN, "muted")
    return Cell(formats.countdown(until - now), "warn" if until - now < 60 else "")


CALLERS: Table[Caller] = Table(
    name="callers",
    key=lambda row: row.caller.hotkey,
    sort="last",
    descending=True,
    columns=(
        Column(
            id="who",
            title="CALLER",
            width=9,
            priority=0,
            cell=lambda row, _now: Cell(row.who),
            value=lambda row: row.who,
            about="the caller's uid, else its address as it was claimed",
        ),
        Column(
            id="state",
            title="MAY ASK",
            width=9,
            priority=0,
            cell=_caller_state,
            value=lambda row: _may_ask(row).word,
            about="whether it is answered",
        ),
        Column(
            id="requests",
            title="REQ",
            width=5,
            align="right",
            priority=1,
            cell=lambda row, _now: Cell(str(row.caller.requests)),
            value=lambda row: row.caller.requests,
            about="how many requests named it",
        ),
        Column(
            id="ok",
            title="OK%",
            width=4,
            align="right",
            priority=3,
            cell=lambda row, _now: Cell(formats.percent(_ok(row.caller))),
            value=lambda row: _ok(row.caller),
            about="the share of them that went well",
        ),
        Column(
            id="p50",
            title="P50",
            width=6,
            align="right",
            priority=5,
            cell=lambda row, _now: Cell(formats.milliseconds(row.caller.p50_ms)),
            value=lambda row: row.caller.p50_ms,
            about="half of its answers took less",
        ),
        Column(
            id="last",
            title="LAST",
            width=5,
            align="right",
            priority=4,
            cell=lambda row, now: Cell(formats.age(row.caller.last_at, now)),
            value=lambda row: row.caller.last_at,
            about="when it last asked",
        ),
        Column(
            id="key",
            title="KEY",
            width=6,
            align="right",
            priority=2,
            cell=lambda row, now: _left(row.key_until, now),
            value=lambda row: row.key_until,
            about="how long its key is still good",
        ),
        Column(
            id="refusal",
            title="LAST REFUSAL",
            width=16,
            priority=6,
            grows=True,
            cell=lambda row, _now: Cell(row.caller.last_refusal, "warn"),
            value=lambda row: row.caller.last_refusal,
            about="the last status that was no success, and why",
        ),
    ),
)

KEYS: Table[Key] = Table(
    name="sessions",
    key=lambda row: row.session.key_uuid,
    sort="expires",
    columns=(
        Column(
            id="who",
            title="CALLER",
            width=9,
            priority=0,
            cell=lambda row, _now: Cell(row.who),
            value=lambda row: row.who,
            about="who exchanged it",
        ),
        Column(
            id="key",
            title="KEY",
            width=9,
            priority=1,
            grows=True,
            cell=lambda row, _now: Cell(row.session.key_uuid, "muted"),
            value=lambda row: row.session.key_uuid,
            about="the name of the key, not the key",
        ),
        Column(
            id="age",
            title="AGE",
            width=6,
            align="right",
            priority=2,
            cell=lambda row, now: Cell(formats.age(row.session.created_at, now)),
            value=lambda row: -row.session.created_at,
            about="when it was exchanged",
        ),
        Column(
            id="expires",
            title="EXPIRES",
            width=7,
            align="right",
            priority=0,
            cell=lambda row, now: _left(row.session.expires_at, now),
            value=lambda row: row.session.expires_at,
            about="how long it is still good",
        ),
    ),
)
