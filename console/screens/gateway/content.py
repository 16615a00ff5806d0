"""The gateway as tables: users' requests, and their keys with what is left of their budgets."""

from collections.abc import Callable

from console.present import fields, formats
from console.present.states import State
from console.present.table import Cell, Column, Row, Table
from console.present.text import Line, Span, line
from engine.snapshot import Snapshot, UserKeyView, UserRequestState, UserRequestView

STATES: dict[UserRequestState, State] = {
    "waiting": State("◌", "waits", "info"),
    "speaking": State("●", "speaks", "accent"),
    "answered": State("✓", "answered", "ok"),
    "refused": State("✗", "refused", "err"),
    "left": State("○", "left", "muted"),
}
NONE_HERE = "no gateway: a validator has one with --gateway HOST:PORT, the demo too"
NOT_RECORDED = "not recorded: users' requests are rounds in Challenges, source organic"


def requests(snapshot: Snapshot) -> tuple[UserRequestView, ...]:
    return snapshot.gateway.requests if snapshot.gateway else ()


def keys(snapshot: Snapshot) -> tuple[UserKeyView, ...]:
    return snapshot.gateway.keys if snapshot.gateway else ()


def status(snapshot: Snapshot) -> Line:
    """Where it listens, whether it answers, and how many wait."""
    gateway = snapshot.gateway
    if gateway is None:
        return line(Span(NOT_RECORDED if snapshot.replay is not None else NONE_HERE, "muted"))
    ready = Span("● ready ", "ok") if gateway.ready else Span(f"✗ {gateway.readiness} ", "err")
    return line(ready, f"http://{gateway.address}/v1  ", Span("usually ", "muted"), gateway.mode)


def load(snapshot: Snapshot) -> str:
    """Who waits, and what was answered, for the title."""
    gateway = snapshot.gateway
    if gateway is None:
        return ""
    states = [one.state for one in gateway.requests]
    parts = [
        f"{states.count('waiting')} waiting",
        f"{states.count('speaking')} being told",
        f"{gateway.requests_total:,} came",
        f"{gateway.tokens_total:,} tokens",
        *([f"{gateway.price_total:,.4f} in all"] if gateway.price_total else []),
    ]
    return "  ".join(parts)


def _measured(id: str, title: str, of: Callable[[Row], float | None], about: str, *, priority: int) -> Column[Row]:
    """Milliseconds that may be unknown yet, and then sort below all others."""

    def value(row: Row) -> float:
        found = of(row)
        return -1.0 if found is None else found

    return fields.number(
        id,
        title,
        6,
        value,
        lambda ms: formats.UNKNOWN if ms < 0 else formats.milliseconds(ms),
        about,
        priority=priority,
    )


def _took(row: UserRequestView, now: float) -> Cell:
    """To the end, or how long it has lasted."""
    if row.ms is None:
        return Cell(formats.age(row.at, now), "info")
    return Cell(formats.milliseconds(row.ms))


def _count(value: float) -> str:
    return f"{value:,.0f}" if value else formats.UNKNOWN


def _price(value: float) -> str:
    return f"{value:.{4 if value >= 0.01 else 6}f}" if value else formats.UNKNOWN


REQUESTS: Table[UserRequestView] = Table(
    name="users",
    empty="no requests yet: 'keys add NAME' creates a key for a user, and so does n",
    key=lambda row: str(row.number),
    sort="time",
    descending=True,
    feed=True,
    columns=(
        fields.time(lambda row: row.at, "when it came"),
        fields.text("key", "KEY", 10, lambda row: row.key, "the name of its API key", priority=0),
        fields.state("state", "STATE", 10, lambda row: STATES[row.state], "its state", priority=0),
        fields.text("mode", "MODE", 9, lambda row: row.mode, "its mode", priority=1),
        fields.uid(lambda row: row.uid, priority=1),
        _measured("first", "FIRST", lambda row: row.first_ms, "the time to its first text", priority=1),
        Column(
            id="took",
            title="TOOK",
            width=6,
            align="right",
            priority=2,
            cell=_took,
            value=lambda row: -1.0 if row.ms is None else row.ms,
            about="its duration so far",
        ),
        fields.number(
            "tokens", "TOKENS", 6, lambda row: row.tokens, _count, "tokens of question and answer", priority=2
        ),
        fields.number("price", "PRICE", 8, lambda row: row.price, _price, "its price by gateway_price", priority=4),
        fields.text(
            "streamed",
            "AS",
            6,
            lambda row: "stream" if row.streamed else "whole",
            "whether the answer is streamed",
            tone="muted",
            priority=6,
        ),
        fields.text("round", "ROUND", 14, lambda row: row.round, "the round behind it", tone="muted", priority=5),
        fields.text(
            "reason", "REASON", 12, lambda row: row.reason, "why it was refused", tone="warn", priority=3, grows=True
        ),
    ),
)


def _budget(
    id: str,
    title: str,
    used: Callable[[UserKeyView], int],
    limit: Callable[[UserKeyView], int | None],
    about: str,
    *,
    priority: int,
) -> Column[UserKeyView]:
    """What was used of a limit: it warns in the last tenth."""

    def cell(row: UserKeyView, _now: float) -> Cell:
        most = limit(row)
        if most is None:
            return Cell(formats.UNKNOWN, "muted")
        spent = used(row) / most
        return Cell(f"{_short(used(row))}/{_short(most)}", "err" if spent >= 1 else "warn" if spent >= 0.9 else "")

    return Column(id=id, title=title, width=11, align="right", priority=priority, cell=cell, value=used, about=about)


def _short(count: float) -> str:
    """Four characters at most."""
    for unit in ("", "k", "M", "G"):
        if count < 1000:
            return f"{count:.0f}{unit}" if count >= 10 or not unit else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.0f}T"


def _per_minute(row: UserKeyView) -> str:
    limits = ((row.requests_per_minute, "req"), (row.tokens_per_minute, "tok"))
    return "  ".join(f"{_short(most)} {what}" for most, what in limits if most is not None) or formats.UNKNOWN


def _manner(row: UserKeyView) -> str:
    said = (row.mode, "not recorded" if row.keeps_nothing else "", "admin" if row.admin else "")
    return ", ".join(filter(None, said))


def _ends(row: UserKeyView, now: float) -> Cell:
    if row.expires_at is None:
        return Cell("never", "muted")
    left = row.expires_at - now
    return Cell("expired", "err") if left <= 0 else Cell(formats.countdown(left), "warn" if left < 86_400 else "")


KEYS: Table[UserKeyView] = Table(
    name="user_keys",
    empty="no keys yet: n creates one",
    key=lambda row: row.name,
    sort="name",
    columns=(
        fields.text("name", "KEY", 12, lambda row: row.name, "its name", priority=0, grows=True),
        _budget(
            "requests",
            "REQ/MONTH",
            lambda row: row.requests_used,
            lambda row: row.requests_per_month,
            "requests this month, and their limit",
            priority=1,
        ),
        _budget(
            "tokens",
            "TOK/MONTH",
            lambda row: row.tokens_used,
            lambda row: row.tokens_per_month,
            "tokens this month, and their limit",
            priority=0,
        ),
        fields.text("minute", "A MINUTE", 16, _per_minute, "its limits per minute", priority=2),
        Column(
            id="expires",
            title="ENDS IN",
            width=8,
            align="right",
            priority=3,
            cell=_ends,
            value=lambda row: row.expires_at or float("inf"),
            about="time until it expires",
        ),
        fields.text("manner", "MANNER", 12, _manner, "its mode and other properties", tone="muted", priority=4),
    ),
)
