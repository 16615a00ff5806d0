"""The doctor's results: as values, as lines, and as a whole for people and for programs."""

import json
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
from msgspec import Struct

from console.errors import ExitCode
from console.present.states import State as Look
from console.present.text import BLANK, Line, Span, fit, line, text_of, wrapped
from engine.text import safe

State = Literal["OK", "WARNING", "CRITICAL", "SKIPPED"]


class Fix(Struct, frozen=True):
    """What the doctor itself can safely do about a finding: give one of our files or folders this `mode`, or remove a
    lock that nobody holds (None).
    """

    path: Path
    mode: int | None = None

    def __str__(self) -> str:
        """As one would type it in a shell."""
        path = shlex.quote(str(self.path))
        return f"rm {path}" if self.mode is None else f"chmod {self.mode:03o} {path}"


class Result(Struct, frozen=True, kw_only=True):
    """`text` says in one line what was found, `why` explains why it matters, and `do` what to do about it. SKIPPED
    means that the check does not apply or could not be made, which is not bad by itself. `fixes` would resolve it.
    """

    name: str
    state: State
    text: str
    why: str = ""
    do: str = ""
    fixes: tuple[Fix, ...] = ()


class Fixed(Struct, frozen=True, kw_only=True):
    """A fix that was tried: `error` says why it failed, "" if it did not."""

    fix: Fix
    error: str = ""


def ok(name: str, text: str) -> Result:
    """All is well."""
    return Result(name=name, state="OK", text=text)


def skipped(name: str, text: str) -> Result:
    """It does not apply, or could not be found out."""
    return Result(name=name, state="SKIPPED", text=text)


def warning(name: str, text: str, *, why: str, do: str, fixes: Sequence[Fix] = ()) -> Result:
    """It works, but deserves a look."""
    return Result(name=name, state="WARNING", text=text, why=why, do=do, fixes=tuple(fixes))


def critical(name: str, text: str, *, why: str, do: str, fixes: Sequence[Fix] = ()) -> Result:
    """It does not work."""
    return Result(name=name, state="CRITICAL", text=text, why=why, do=do, fixes=tuple(fixes))


def advice_of(error: Exception) -> str:
    """The advice at the end of an error's message."""
    advice = str(error).rpartition(": ")[2]
    return f"{advice[:1].upper()}{advice[1:]}."


NAME = 22
"""The columns of a check's name."""

LOOKS: dict[State, Look] = {
    "OK": Look("✓", "OK", "ok"),
    "WARNING": Look("▲", "WARNING", "warn"),
    "CRITICAL": Look("✗", "CRITICAL", "err"),
    "SKIPPED": Look("○", "SKIPPED", "muted"),
}


URGENCY = ("CRITICAL", "WARNING", "OK", "SKIPPED")


def by_urgency(results: Sequence[Result]) -> list[Result]:
    """Sort key: the most urgent results first."""
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


def text(results: Sequence[Result], tried: Sequence[Fixed] = ()) -> str:
    """All results, with explanations for those that are not OK, then what was fixed or could be."""
    lines = [content for result in results for content in (found(result), *unwell(result))]
    lines.append(summary(results))
    if possible := _untried(results, tried):
        lines += [BLANK, line("doctor --fix would do only this:"), *map(_step, possible)]
    if tried:
        lines += [BLANK, line("Done by --fix:"), *(_step(one.fix, one.error) for one in tried)]
    return "\n".join(text_of(content).rstrip() for content in lines)


def fixes_of(results: Sequence[Result]) -> list[Fix]:
    """The fixes that the doctor itself could apply."""
    return list(dict.fromkeys(fix for result in results for fix in result.fixes))


def _untried(results: Sequence[Result], tried: Sequence[Fixed]) -> list[Fix]:
    return [fix for fix in fixes_of(results) if fix not in [one.fix for one in tried]]


def _step(fix: Fix, error: str = "") -> Line:
    return line(f"  {safe(str(fix))}{': not done: ' if error else ''}{safe(error)}")


def unwell(result: Result) -> list[Line]:
    """The explanation of a result that is not OK."""
    return explained(result) if result.state in ("WARNING", "CRITICAL") else []


def as_json(results: Sequence[Result], tried: Sequence[Fixed] = ()) -> str:
    """`results` in their order, how many there are of each state, and the fixes: what was tried, and what could be."""
    document = {
        "counts": Counter(result.state for result in results),
        "results": [{**msgspec.to_builtins(result), "fixes": [str(fix) for fix in result.fixes]} for result in results],
        "fixes": [
            *({"fix": str(one.fix), "done": not one.error, "error": one.error} for one in tried),
            *({"fix": str(fix), "done": False, "error": ""} for fix in _untried(results, tried)),
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def exit_code(results: Sequence[Result]) -> ExitCode:
    """Whether something is critical."""
    return ExitCode.USAGE if any(result.state == "CRITICAL" for result in results) else ExitCode.DONE
