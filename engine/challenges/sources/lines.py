"""Reading a file of challenges: JSON lines as design/contract.md gives them, read as a stream and not trusted."""

import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from engine.challenges.errors import ChallengeError
from engine.challenges.kinds import kind
from engine.inputs import BYTE_ORDER_MARK, open_input
from engine.text import safe
from engine.values import AnswerType, Challenge, Request

MAX_LINE = 1 << 20
MAX_ID = 128
REMEMBERED_IDS = 200_000
"""How many ids are remembered to find a repeated one."""

SHORT_WORDS = 5


class BadLine(msgspec.Struct, frozen=True):
    """A line that is no challenge; `number` counts from 1."""

    number: int
    reason: str


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: str = "chat"
    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None
    truth: Any = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    tool_choice: str | dict[str, Any] | None = None


def read_challenges(
    path: Path, *, after: int = 0, clock: Callable[[], float] = time.time
) -> Iterator[tuple[int, Challenge | BadLine]]:
    """Every line of the file behind line `after` that is not blank, with its number.

    Lines up to `after` count only for repeated ids. Raises ChallengeError when the file cannot be read.
    """
    seen: dict[str, None] = {}
    for number, raw in _numbered(path):
        if not raw.strip():
            continue
        try:
            challenge = _challenge(raw, clock())
            _refuse_repeated(challenge.id, seen)
        except ChallengeError as problem:
            found: Challenge | BadLine = BadLine(number, str(problem))
        else:
            found = challenge
        if number > after:
            yield number, found


def answer_type_of(truth: str | None) -> AnswerType:
    """Which of scoring's comparisons fits a right answer: by its form; without one, free text."""
    if truth is None:
        return "text"
    if truth.strip().lower() in ("yes", "no"):
        return "yes_no"
    if _is_number(truth):
        return "number"
    if truth.lstrip()[:1] in ("{", "[") and _is_json(truth):
        return "json"
    return "short" if len(truth.split()) <= SHORT_WORDS else "text"


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file from 1; of an overlong one only its beginning, one byte longer than allowed."""
    try:
        with open_input(path) as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                if len(line) > MAX_LINE:
                    _skip_rest(file, line)
                yield number, line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
    except OSError as problem:
        raise ChallengeError(f"cannot read the challenges in {path}: {problem.strerror or problem}") from problem


def _skip_rest(file: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = file.readline(MAX_LINE)


def _challenge(raw: bytes, now: float) -> Challenge:
    line = _decode(raw)
    if not 1 <= len(line.id) <= MAX_ID or not line.id.isprintable():
        raise ChallengeError(f"the id is not 1 to {MAX_ID} printable characters")
    if safe(line.id) != line.id:
        raise ChallengeError(f"the id {safe(line.id)!r} holds characters that a screen cannot show as they are")
    request = _request(line)
    kind(line.kind).check(request)
    truth = _canonical(line.truth)
    forced = isinstance(line.tool_choice, dict) or line.tool_choice == "required"
    return Challenge(
        id=line.id,
        kind=line.kind,
        source="file",
        created_at=now,
        request=request,
        answer_type="tool_call" if forced else answer_type_of(truth),
        truth=truth,
    )


def _decode(raw: bytes) -> _Line:
    if len(raw) > MAX_LINE:
        raise ChallengeError(f"the line is longer than {MAX_LINE} bytes")
    try:
        return msgspec.json.decode(raw, type=_Line)
    except RecursionError:
        raise ChallengeError("the line is nested too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise ChallengeError(str(problem)) from problem


def _request(line: _Line) -> Request:
    given = {name: getattr(line, name) for name in Request.__struct_fields__ if hasattr(line, name)}
    return Request(**{name: value for name, value in given.items() if value is not None})


def _canonical(truth: object) -> str | None:
    if truth is None or isinstance(truth, str):
        return (truth or "").strip() or None
    if isinstance(truth, bool):
        return "yes" if truth else "no"
    return json.dumps(truth, ensure_ascii=False)


def _refuse_repeated(id_: str, seen: dict[str, None]) -> None:
    if id_ in seen:
        raise ChallengeError(f"the id {id_!r} stands on an earlier line")
    seen[id_] = None
    if len(seen) > REMEMBERED_IDS:
        del seen[next(iter(seen))]


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text.replace(",", "")))
    except ValueError:
        return False


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
