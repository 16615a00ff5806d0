"""Challenges from an untrusted file of JSON lines (`--challenges FILE.jsonl`), read as a stream."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Any, BinaryIO, Self

import msgspec

from engine.answers.asked import asked_type, type_of
from engine.answers.base import MAX_TRUTH, aliases
from engine.answers.latex import plainly
from engine.answers.numerals import numerals
from engine.answers.registry import UnknownAnswerType, answer_type, canonical
from engine.challenges import ChallengeError
from engine.challenges.kinds.registry import kind
from engine.challenges.sources.source import Cursor
from engine.files import BYTE_ORDER_MARK, open_input
from engine.text import safe
from engine.values import AnswerType, Challenge, Request

MAX_LINE = 1 << 20
"""Bytes; the longest context of today's models, some 250,000 tokens, fits."""

MAX_ID = 128
REMEMBERED_IDS = 200_000
"""Ids remembered to detect duplicates: tens of megabytes at most."""

SHORT_WORDS = 5
"""A truth of more words is a text, not a name or a phrase."""


class BadLine(msgspec.Struct, frozen=True):
    """A line that is not a valid challenge; `number` counts from 1."""

    number: int
    reason: str


OnBadLine = Callable[[int, str], None]


class FileSource:
    """The challenges of a file, in order. Bad lines are reported to `on_bad_line` (number, reason) and skipped.

    The file may be of any size. It is read once at the start for the digest that names the cursor. Raises
    ChallengeError when it cannot be read or holds no challenge. `clock` gives unix seconds. After a read error, the
    next attempt reopens the file.
    """

    name = "file"

    def __init__(
        self,
        path: Path,
        position: int = 0,
        *,
        on_bad_line: OnBadLine,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._position = position
        self._on_bad_line = on_bad_line
        self._clock = clock
        self._lines: Iterator[tuple[int, Challenge | BadLine]] | None = None
        self._name = f"file:{_digest(path)}"
        _refuse_empty(path)

    @property
    def cursor(self) -> Cursor:
        return Cursor(self._name, self._position)

    def resume(self, position: int) -> None:
        """Continue after line `position`, or from the beginning if no challenge follows it."""
        rest = read_challenges(self._path, after=position)
        self._position = position if any(isinstance(found, Challenge) for _, found in rest) else 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Challenge:
        if self._lines is None:
            self._lines = read_challenges(self._path, after=self._position, clock=self._clock)
        while line := await self._next_line(self._lines):
            self._position, found = line
            if isinstance(found, Challenge):
                return found
            self._on_bad_line(found.number, found.reason)
        raise StopAsyncIteration

    async def _next_line(
        self, lines: Iterator[tuple[int, Challenge | BadLine]]
    ) -> tuple[int, Challenge | BadLine] | None:
        try:
            return await asyncio.to_thread(next, lines, None)
        except ChallengeError:
            self._lines = None
            raise


def _digest(path: Path) -> str:
    try:
        with open_input(path) as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise ChallengeError(f"cannot read the challenges in {path}: {problem.strerror or problem}") from problem


def _refuse_empty(path: Path) -> None:
    first_bad: BadLine | None = None
    for _, found in read_challenges(path):
        if isinstance(found, Challenge):
            return
        first_bad = first_bad or found
    why = f"; line {first_bad.number}: {first_bad.reason}" if first_bad else ": it is empty"
    raise ChallengeError(f"no challenges in {path}{why}")


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    kind: str = "chat"
    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None
    truth: Any = None
    lures: tuple[str, ...] = ()
    answer_type: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    tool_choice: str | dict[str, Any] | None = None


def read_challenges(
    path: Path, *, after: int = 0, clock: Callable[[], float] = time.time
) -> Iterator[tuple[int, Challenge | BadLine]]:
    """Every non-blank line after line `after`, with its number.

    Lines up to `after` are read only to detect duplicate ids. Raises ChallengeError when the file cannot be read.
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


def answer_type_of(truth: str, question: str = "") -> AnswerType:
    """The answer type of a right answer, judging by its form and the question."""
    one = aliases(truth)[0]
    if one.strip().lower().rstrip(".! ") in ("yes", "no", "true", "false"):
        return "yes_no"
    if _is_number(one):
        return type_of("number", question, truth)
    if one.lstrip()[:1] in ("{", "[") and _is_json(one):
        return "json"
    return type_of("short", question, truth) if len(one.split()) <= SHORT_WORDS else "text"


def _numbered(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines of a file, numbered from 1; an overlong one is cut one byte past the limit."""
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
        raise ChallengeError(f"the id {safe(line.id)!r} has characters that a terminal cannot display safely")
    request = _request(line)
    kind(line.kind).check(request)
    truth = canonical_truth(line.truth)
    return Challenge(
        id=line.id,
        kind=line.kind,
        source="file",
        created_at=now,
        request=request,
        answer_type=_type_of(line, request.question, truth),
        truth=truth,
        lures=line.lures,
    )


def _type_of(line: _Line, question: str, truth: str | None) -> AnswerType:
    """The type that the line names, else the one that its truth and question suggest. Raises ChallengeError when the
    truth is not a valid answer of that type, since no miner could be right."""
    forced = isinstance(line.tool_choice, dict) or line.tool_choice == "required"
    try:
        if line.answer_type is not None:
            name = canonical(line.answer_type)
        elif forced:
            name = "tool_call"
        else:
            name = asked_type(question, tools=bool(line.tools)) if truth is None else answer_type_of(truth, question)
    except UnknownAnswerType as problem:
        raise ChallengeError(str(problem)) from None
    if truth is None:
        return name
    if len(truth) > MAX_TRUTH:
        raise ChallengeError(f"the truth has {len(truth)} characters, the limit is {MAX_TRUTH}")
    judged_as = answer_type(type_of(name, question, truth))
    if judged_as.key(truth, question) is None and not (judged_as.reads_calls and forced):
        raise ChallengeError(f"the truth {truth[:80]!r} is not a valid answer of type {judged_as.name}")
    return name


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


def canonical_truth(truth: object) -> str | None:
    """A truth given as JSON, as text; None when it is empty."""
    if truth is None or isinstance(truth, str):
        return (truth or "").strip() or None
    if isinstance(truth, bool):
        return "yes" if truth else "no"
    return json.dumps(truth, ensure_ascii=False)


def _refuse_repeated(id_: str, seen: dict[str, None]) -> None:
    if id_ in seen:
        raise ChallengeError(f"duplicate id {id_!r}")
    seen[id_] = None
    if len(seen) > REMEMBERED_IDS:
        del seen[next(iter(seen))]


def _is_number(text: str) -> bool:
    """Whether a text is one number in digits and nothing else, apart from a unit."""
    plain = plainly(text[:256]).strip().rstrip(".")
    found = numerals(plain)
    return len(found) == 1 and not found[0].worded and found[0].start == 0 and found[0].end == len(plain)


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
