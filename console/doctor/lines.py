"""The doctor's results in lines: a glyph, a word and a name each, and the explanation of one."""

from collections.abc import Sequence

from console.doctor.result import Result, State
from console.present.states import State as Look
from console.present.text import BLANK, Line, Span, fit, line, wrapped
from engine.text import safe

NAME = 22

LOOKS: dict[State, Look] = {
    "OK": Look("✓", "OK", "ok"),
    "WARNING": Look("▲", "WARNING", "warn"),
    "CRITICAL": Look("✗", "CRITICAL", "err"),
    "SKIPPED": Look("○", "SKIPPED", "muted"),
}


URGENCY = ("CRITICAL", "WARNING", "OK", "SKIPPED")


def by_urgency(results: Sequence[Result]) -> list[Result]:
    """What has to be seen first."""
    return sorted(results, key=lambda result: URGENCY.index(result.state))


def found(result: Result) -> Line:
    """One result in a line."""
    look = LOOKS[result.state]
    text = safe(result.text)
    return line(
        Span(fit(look.text, 11), look.tone),
        fit(result.name, NAME),
        Span(text, "muted" if result.state == "SKIPPED" else ""),
    )


def explained(result: Result) -> list[Line]:
    """Why a result matters and what to do, indented under it."""
    indent = " " * (11 + NAME)
    texts = (Span(safe(result.why), "muted"), Span(safe(result.do)))
    return [line(indent, text) for text in texts if text.text]


def explanation(result: Result, width: int) -> list[Line]:
    """One result in full, wrapped."""
    look = LOOKS[result.state]
    lines = [line(look.span, "  ", Span(result.name, "title")), BLANK, *_wrapped(result.text, width)]
    if result.why:
        lines += [BLANK, *_wrapped(result.why, width)]
    if result.do:
        lines += [BLANK, line(Span("What to do", "title")), *_wrapped(result.do, width)]
    return lines


def _wrapped(text: str, width: int) -> list[Line]:
    return [line(part) for part in wrapped(text, width)]


def summary(results: Sequence[Result]) -> Line:
    """How many there are of each state."""
    parts: list[Span] = []
    for state, look in LOOKS.items():
        count = sum(result.state == state for result in results)
        if count:
            parts.append(Span(f"{look.glyph} {count} {look.word}  ", look.tone))
    return tuple(parts)
