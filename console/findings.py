"""What the doctor found: each result as a value, in lines, and all of them for people and for programs."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from console.errors import ExitCode
from console.present.states import State as Look
from console.present.text import BLANK, Line, Span, fit, line, text_of, wrapped
from engine.text import safe

State = Literal["OK", "WARNING", "CRITICAL", "SKIPPED"]


class Result(Struct, frozen=True, kw_only=True):
    """`text` is what was found, in a line; `why` explains why it matters, `do` what to do about it.

    SKIPPED is what does not apply or could not be found out, which is not the same as bad.
    """

    name: str
    state: State
    text: str
    why: str = ""
    do: str = ""


def ok(name: str, text: str) -> Result:
    """All is well."""
    return Result(name=name, state="OK", text=text)


def skipped(name: str, text: str) -> Result:
    """It does not apply, or could not be found out."""
    return Result(name=name, state="SKIPPED", text=text)


def warning(name: str, text: str, *, why: str, do: str) -> Result:
    """It works, but deserves a look."""
    return Result(name=name, state="WARNING", text=text, why=why, do=do)


def critical(name: str, text: str, *, why: str, do: str) -> Result:
    """It does not work."""
    return Result(name=name, state="CRITICAL", text=text, why=why, do=do)


def advice_of(error: Exception) -> str:
    """What to do, as the last part of an error's own sentence says it."""
    advice = str(error).rpartition(": ")[2]
    return f"{advice[:1].upper()}{advice[1:]}."


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


def text(results: Sequence[Result]) -> str:
    """Everything that was found; what is not well with an explanation."""
    lines = [content for result in results for content in (found(result), *unwell(result))]
    return "\n".join(text_of(content).rstrip() for content in (*lines, summary(results)))


def unwell(result: Result) -> list[Line]:
    """Why, and what to do, for what is not well."""
    return explained(result) if result.state in ("WARNING", "CRITICAL") else []


def as_json(results: Sequence[Result]) -> str:
    """`results` in their order, and how many there are of each state."""
    counts = Counter(result.state for result in results)
    document = {"counts": counts, "results": [msgspec.to_builtins(result) for result in results]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def exit_code(results: Sequence[Result]) -> ExitCode:
    """Whether something is critical."""
    return ExitCode.USAGE if any(result.state == "CRITICAL" for result in results) else ExitCode.DONE
