"""`subnet-console kinds`: the kinds of challenges that are there, and what is missing to run each."""

from collections.abc import Sequence

from msgspec import Struct

from engine import plugins
from engine.challenges.kinds.base import Kind
from engine.challenges.kinds.registry import KINDS, missing
from engine.packages import install
from engine.plugins import PluginError
from engine.text import cells, safe


class Listed(Struct, frozen=True, kw_only=True):
    """A kind as it is listed. `source` is the package that it came with; `missing` are packages, `install` is the
    command that brings them, and `problem` is what else keeps it from running here, "" for nothing. Limits are in
    bytes."""

    name: str
    source: str
    ready: bool
    about: str = ""
    device: str = ""
    request_limit: int = 0
    reply_limit: int = 0
    missing: tuple[str, ...] = ()
    install: str = ""
    problem: str = ""


def listed() -> list[Listed]:
    """All kinds, ours first. One that cannot be loaded is listed with the reason."""
    return [_listed(name) for name in KINDS]


def table(kinds: Sequence[Listed]) -> list[str]:
    """The list for people: a line each, and under it what is missing."""
    rows = [("KIND", "STATE", "RUNS ON", "FROM", "WHAT IT ASKS"), *map(_row, kinds)]
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True)) for row in rows
    ]
    notes = [note for one in kinds for note in _notes(one)]
    return [*(line.rstrip() for line in lines), *([""] if notes else []), *notes]


def _listed(name: str) -> Listed:
    source = _source(name)
    try:
        kind = KINDS[name]
        lacking = tuple(safe(str(need.package)) for need in missing(kind))
        problem = "" if lacking else safe(str(kind.obstacle()))
        about, device = safe(str(kind.about or _first_line(kind))), safe(str(kind.device))
        limits = int(kind.request_limit), int(kind.reply_limit)
    except PluginError as error:
        return Listed(name=safe(name), source=source, ready=False, problem=safe(str(error)))
    except Exception as error:  # another package's code
        why = safe(f"it cannot be examined: {type(error).__name__}: {error}")
        return Listed(name=safe(name), source=source, ready=False, problem=why)
    return Listed(
        name=safe(name),
        source=source,
        ready=not lacking and not problem,
        about=about,
        device=device,
        request_limit=limits[0],
        reply_limit=limits[1],
        missing=lacking,
        install=install(" ".join(lacking)) if lacking else "",
        problem=problem,
    )


def _source(name: str) -> str:
    """The distribution that brings a kind."""
    point = plugins.added(plugins.KINDS).get(name)
    if KINDS.is_own(name) or point is None:
        return "subnet-console"
    return safe(f"{point.dist.name} {point.dist.version}") if point.dist else "unknown"


def _first_line(kind: type[Kind]) -> str:
    return (kind.__doc__ or "").strip().partition("\n")[0]


def _row(one: Listed) -> tuple[str, ...]:
    state = "ready" if one.ready else "missing" if one.missing else "broken" if not one.device else "cannot run"
    return one.name, state, one.device or "-", one.source, one.about or "-"


def _notes(one: Listed) -> list[str]:
    if one.missing:
        return [f"{one.name} needs {', '.join(one.missing)}: {one.install}"]
    return [f"{one.name}: {one.problem}"] if one.problem else []
