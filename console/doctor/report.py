"""The doctor's results for people and for programs."""

import json
from collections import Counter
from collections.abc import Sequence

import msgspec

from console.doctor.lines import explained, found, summary
from console.doctor.result import Result
from console.errors import ExitCode
from console.present.text import Line, text_of


def text(results: Sequence[Result]) -> str:
    """Everything that was found; what is not well with an explanation."""
    lines = [line for result in results for line in (found(result), *unwell(result))]
    return "\n".join(text_of(line).rstrip() for line in (*lines, summary(results)))


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
