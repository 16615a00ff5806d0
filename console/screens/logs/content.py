"""The log in lines: which records are shown, how each is laid out, where a word is found."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from console.present.log_look import LogLook
from console.present.states import State
from console.present.text import BLANK, Line, Span, facts, fit, line, wrapped
from engine.snapshot import LogLine, LogTail

LOOKS: dict[str, State] = {
    "DEBUG": State("·", "DEBUG", "muted"),
    "INFO": State("●", "INFO", "info"),
    "WARNING": State("▲", "WARN", "warn"),
    "ERROR": State("✗", "ERROR", "err"),
    "CRITICAL": State("✗", "FATAL", "err"),
}
"""The levels, the least important first."""

SOURCE = 22
SOURCE_NARROW = 14
NARROW = 100
LABEL = 8
"""The columns of a record's source, on wide terminals and on those narrower than this, and of a field's label."""


class KeptLine(NamedTuple):
    """A record and the number that it keeps for as long as the program runs."""

    number: int
    line: LogLine


def records(tail: LogTail, look: LogLook, *, after: int = -1) -> list[KeptLine]:
    """The records with a number above `after` that `look` lets through, oldest first."""
    skipped = max(0, after + 1 - tail.first)
    numbered = (KeptLine(tail.first + skipped + at, one) for at, one in enumerate(tail.lines[skipped:]))
    return [record for record in numbered if shows(record.line, look)]


def shows(record: LogLine, look: LogLook) -> bool:
    """Whether level and source let a record through."""
    order = list(LOOKS)
    if record.level in LOOKS and order.index(record.level) < order.index(look.level):
        return False
    return not look.source or record.logger == look.source or record.logger.startswith(f"{look.source}.")


def holds(record: LogLine, find: str) -> bool:
    """Whether the record contains the search term."""
    return find.casefold() in f"{record.logger} {record.text}".casefold()


def rows(record: KeptLine, look: LogLook, width: int, *, is_open: bool) -> list[Line]:
    """A record in lines: time, level and source first; what follows the first line is folded unless it is open."""
    at, level, logger, text = msgspec.structs.astuple(record.line)
    state = LOOKS.get(level, State("·", level, ""))
    source = SOURCE if width >= NARROW else SOURCE_NARROW
    head = line(
        Span(f"{stamp(at, width)} ", "muted"),
        Span(fit(state.text, 8), state.tone),
        Span(fit(_ending(logger, source), source) + " ", "muted"),
    )
    indent = " " * sum(len(span.text) for span in head)
    first, *rest = text.split("\n")
    tone = state.tone if state.tone in ("warn", "err", "muted") else ""
    pieces = _pieces(first, look, width - len(indent))
    shown = [(*head, Span(pieces[0], tone)), *(line(indent, Span(piece, tone)) for piece in pieces[1:])]
    if not rest:
        return shown
    if not is_open:
        return [*shown, line(indent, Span(f"▸ {len(rest)} more lines, enter to show", "muted"))]
    return [*shown, *(line(indent, piece) for part in rest for piece in _pieces(part, look, width - len(indent)))]


def _ending(logger: str, width: int) -> str:
    """A logger's name, its end rather than its beginning."""
    return logger if len(logger) <= width else f"…{logger[1 - width :]}"


def _pieces(text: str, look: LogLook, width: int) -> list[str]:
    return wrapped(text, width) if look.wrap else [text]


def stamp(at: float, width: int) -> str:
    """The local time of day, with milliseconds where there is room."""
    clock = time.strftime("%H:%M:%S", time.localtime(at))
    return f"{clock}.{int(at % 1 * 1000):03d}" if width >= NARROW else clock


def marked(content: Line, find: str) -> Line:
    """A line with what is searched for in another tone."""
    if not find:
        return content
    return tuple(piece for span in content for piece in _split(span, find.casefold()))


def _split(span: Span, find: str) -> Iterator[Span]:
    text, start = span.text.casefold(), 0
    if len(text) != len(span.text):
        yield span
        return
    while (at := text.find(find, start)) >= 0:
        if at > start:
            yield Span(span.text[start:at], span.tone)
        yield Span(span.text[at : at + len(find)], "key")
        start = at + len(find)
    if start < len(span.text):
        yield Span(span.text[start:], span.tone)


def title(look: LogLook, *, follow: bool, shown: Sequence[KeptLine]) -> str:
    """How the log is looked at, for the title of its panel."""
    found = sum(holds(record.line, look.find) for record in shown) if look.find else 0
    parts = (
        "Logs",
        f"level ≥ {LOOKS[look.level].word}",
        f"source {look.source or 'all'}",
        "FOLLOW" if follow else "PAUSED",
        f"find {look.find} ({found})" if look.find else "",
        "wrap" if look.wrap else "",
    )
    return "  ".join(part for part in parts if part)


def kept(tail: LogTail, shown: int) -> str:
    """How many records there are, and how many were lost."""
    lost = f"  ▲ {tail.lost:,} lost" if tail.lost else "  0 lost"
    return f"{shown:,} of {len(tail.lines):,} kept{lost}"


def sources(lines: Iterable[LogLine]) -> list[tuple[str, int]]:
    """The loggers and their packages, with how many records each has, the busiest first."""
    counts = Counter(name for one in lines for name in {one.logger, one.logger.partition(".")[0]})
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def detail(record: KeptLine, width: int) -> list[Line]:
    """One record in full."""
    one = record.line
    state = LOOKS.get(one.level, State("·", one.level, ""))
    moment = time.strftime("%F %T", time.localtime(one.at))
    head = facts(
        (
            ("time", line(f"{moment}.{int(one.at % 1 * 1000):03d}")),
            ("level", line(state.span)),
            ("source", line(one.logger)),
        ),
        LABEL,
    )
    return [*head, BLANK, *(line(piece) for piece in wrapped(one.text, width))]


def plain(record: LogLine) -> str:
    """One record as text for a clipboard or a file."""
    return f"{stamp(record.at, NARROW)} {record.level} {record.logger} {record.text}"


def as_json(record: LogLine) -> str:
    """One record as the log file has it."""
    return msgspec.json.encode(record).decode()
