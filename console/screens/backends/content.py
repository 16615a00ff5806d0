"""The backends of a miner's server and the GPUs of its machine, as tables, and all that is known of one backend.

What nobody measured is `-`: unknown is not bad.
"""

from collections.abc import Callable

from msgspec import Struct

from console.present import fields, formats
from console.present.states import State
from console.present.table import Column, Row, Table
from console.present.text import Line, Span, facts, line, wrapped
from engine.snapshot import BackendView, GpuView, ServerView, Snapshot

LABEL = 14
"""The columns of a line's label."""

READY = State("●", "ready", "ok")
NOT_READY = State("✗", "not ready", "err")
GIB = 1 << 30


class BackendRow(Struct, frozen=True):
    """A backend, and its place among the others, from 1."""

    number: int
    backend: BackendView


def backends(snapshot: Snapshot) -> tuple[BackendRow, ...]:
    """The backends of a server as rows, numbered from 1."""
    return tuple(BackendRow(number, view) for number, view in enumerate(_server(snapshot).backends, 1))


def gpus(snapshot: Snapshot) -> tuple[GpuView, ...]:
    return _server(snapshot).gpus


def cost(snapshot: Snapshot) -> str:
    """The cost of a million tokens, for the title; "" if unknown."""
    amount = _server(snapshot).million_tokens_cost
    return "" if amount is None else f"a million tokens cost {amount:,.{2 if amount >= 0.1 else 4}f}"


def details(row: BackendRow | None, now: float, width: int) -> list[Line]:
    """Everything that is known of one backend, and its peaks."""
    if row is None:
        return [line(Span("no backend yet", "muted"))]
    view, most = row.backend, row.backend.peaks
    why = [] if view.ready else [line(Span(text, "warn")) for text in wrapped(view.why, width)]
    known = facts(
        (
            ("model", line(view.model or formats.UNKNOWN)),
            *([("at", line(view.place))] if view.place else []),
            ("first token", _two(view.first_p50_ms, view.first_p99_ms, _peak_ms(most.get("first_s")))),
            ("next token", _two(view.between_p50_ms, view.between_p99_ms, "")),
            ("tokens/s", _with_peak(_rate(view.tokens_per_s), _rate(most.get("tokens_per_s")))),
            ("tokens", line(f"{view.tokens:,}")),
            ("running", _with_peak(str(view.running), _whole(most.get("running")))),
            ("waiting", _with_peak(_whole(view.waiting), _whole(most.get("waiting")))),
            ("KV cache", _with_peak(_percent(view.kv_cache), _percent(most.get("kv_cache")))),
            ("prefix cache", line(_percent(view.prefix_cache), " found" if view.prefix_cache is not None else "")),
            ("GPU memory", line(_gib(view.memory))),
            ("peaks", line(f"of the last {formats.age(view.peaks_since, now)}")),
        ),
        LABEL,
    )
    return [line(_state(row).span, f" {view.name}"), *why, *known]


def _server(snapshot: Snapshot) -> ServerView:
    return snapshot.server or ServerView()


def _two(p50: float | None, p99: float | None, peak: str) -> Line:
    return _with_peak(f"p50 {_ms(p50)}  p99 {_ms(p99)}", peak)


def _with_peak(now: str, peak: str) -> Line:
    return line(now) if peak in ("", formats.UNKNOWN) else line(now, Span(f"  peak {peak}", "muted"))


def _peak_ms(seconds: float | None) -> str:
    return _ms(None if seconds is None else seconds * 1000)


def _known(shown: Callable[[float], str]) -> Callable[[float | None], str]:
    """`shown`, and `-` for what is unknown."""
    return lambda value: formats.UNKNOWN if value is None else shown(value)


def _milliseconds(ms: float) -> str:
    """A tenth where it tells something: the next token of a small model comes within a millisecond or two."""
    return f"{ms:.1f}ms" if ms < 9.95 else formats.milliseconds(ms)


_ms = _known(_milliseconds)
_rate = _known(lambda rate: f"{rate:,.0f}" if rate >= 9.95 else f"{rate:.1f}")
_whole = _known(lambda count: f"{count:,.0f}")
_percent = _known(formats.percent)
_gib = _known(lambda size: f"{size / GIB:.1f} GiB")
_degrees = _known(lambda celsius: f"{celsius:.0f} °C")


def _state(row: BackendRow) -> State:
    return READY if row.backend.ready else NOT_READY


def _measured(
    id: str,
    title: str,
    width: int,
    of: Callable[[Row], float | None],
    shown: Callable[[float | None], str],
    about: str,
    *,
    priority: int,
) -> Column[Row]:
    """A number that may be unknown, and then sorts below all others."""

    def value(row: Row) -> float:
        found = of(row)
        return -1.0 if found is None else found

    return fields.number(
        id, title, width, value, lambda value: shown(None if value < 0 else value), about, priority=priority
    )


BACKENDS: Table[BackendRow] = Table(
    name="backends",
    empty="no backend yet: the server is starting",
    key=lambda row: str(row.number),
    sort="number",
    columns=(
        fields.number("number", "#", 2, lambda row: row.number, "{:.0f}".format, "its number", priority=7),
        fields.text("name", "BACKEND", 9, lambda row: row.backend.name, "its type", priority=0),
        fields.state("state", "STATE", 11, _state, "whether it is ready", priority=0),
        fields.text("model", "MODEL", 12, lambda row: row.backend.model, "its model", priority=2, grows=True),
        fields.text("place", "AT", 24, lambda row: row.backend.place, "its address", tone="muted", priority=9),
        _measured("running", "RUN", 4, lambda row: row.backend.running, _whole, "requests in progress", priority=1),
        _measured("waiting", "WAIT", 4, lambda row: row.backend.waiting, _whole, "requests queued in it", priority=4),
        _measured(
            "first",
            "FIRST",
            6,
            lambda row: row.backend.first_p50_ms,
            _ms,
            "median time to the first token",
            priority=0,
        ),
        _measured(
            "first99",
            "99%",
            6,
            lambda row: row.backend.first_p99_ms,
            _ms,
            "99th percentile of the time to the first token",
            priority=5,
        ),
        _measured(
            "next",
            "NEXT",
            6,
            lambda row: row.backend.between_p50_ms,
            _ms,
            "median time between tokens",
            priority=3,
        ),
        _measured(
            "next99",
            "99%",
            6,
            lambda row: row.backend.between_p99_ms,
            _ms,
            "99th percentile of the time between tokens",
            priority=6,
        ),
        _measured("rate", "TOK/S", 6, lambda row: row.backend.tokens_per_s, _rate, "tokens a second", priority=1),
        _measured("kv", "KV", 4, lambda row: row.backend.kv_cache, _percent, "how full its KV cache is", priority=3),
        _measured(
            "prefix",
            "PREFIX",
            6,
            lambda row: row.backend.prefix_cache,
            _percent,
            "hit rate of its prefix cache",
            priority=5,
        ),
        _measured(
            "memory", "GPU MEM", 9, lambda row: row.backend.memory, _gib, "its model's memory on GPUs", priority=8
        ),
    ),
)

GPUS: Table[GpuView] = Table(
    name="gpus",
    empty="no GPU known (extra gpu)",
    key=lambda gpu: str(gpu.number),
    sort="number",
    columns=(
        fields.number("number", "#", 2, lambda gpu: gpu.number, "{:.0f}".format, "its number", priority=0),
        fields.text("name", "GPU", 8, lambda gpu: gpu.name or formats.UNKNOWN, "its name", priority=3, grows=True),
        _measured("use", "USE", 4, lambda gpu: gpu.use, _percent, "how busy it is", priority=0),
        _measured("use_peak", "PEAK", 4, lambda gpu: gpu.peaks.get("use"), _percent, "its peak", priority=4),
        _measured("used", "MEMORY", 9, lambda gpu: gpu.memory_used, _gib, "its memory in use", priority=0),
        _measured("memory", "OF", 9, lambda gpu: gpu.memory, _gib, "its memory", priority=2),
        _measured(
            "used_peak",
            "PEAK",
            9,
            lambda gpu: gpu.peaks.get("memory_used"),
            _gib,
            "peak of the memory in use",
            priority=5,
        ),
        _measured("celsius", "HEAT", 6, lambda gpu: gpu.celsius, _degrees, "its temperature", priority=1),
        _measured(
            "celsius_peak",
            "PEAK",
            6,
            lambda gpu: gpu.peaks.get("celsius"),
            _degrees,
            "its peak temperature",
            priority=4,
        ),
    ),
)
