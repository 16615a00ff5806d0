"""Recorded rounds to judge again, from a file of JSON lines or a data folder; and judgements as JSON lines."""

import datetime
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from console.errors import ConsoleError
from console.instants import since_time
from console.record.rounds import recorded_rounds
from engine.answers.asked import asked_type
from engine.answers.registry import UnknownAnswerType, canonical
from engine.challenges.sources.file import canonical_truth
from engine.files import BYTE_ORDER_MARK, open_input
from engine.values import Challenge, Judgement, Reply, Request

MAX_LINE = 64 * 1024 * 1024
"""Longest line of a recorded round, in bytes: four times 256 replies of 64 KiB."""

Finite = Annotated[float, Meta(ge=0, le=1e12)]


RECORDED: Literal["recorded"] = "recorded"


class BadRound(Exception):
    """A line that cannot be judged, and why; `id` is the round's, if it could be read."""

    def __init__(self, reason: str, id: str | None = None) -> None:
        super().__init__(reason)
        self.id = id


class KnownAnswer(Struct, frozen=True):
    """A round with a known answer: text, a list of alternatives, or any JSON value."""

    id: str
    answer_type: str
    truth: Any
    lures: tuple[str, ...] = ()


class JudgeCase(Struct, frozen=True, kw_only=True):
    """A round to judge, its recorded judgement if there is one, and names by hotkey."""

    challenge: Challenge
    replies: tuple[Reply, ...]
    judgement: Judgement | None = None
    names: Mapping[str, str] = {}


def from_file(rounds: Path | Literal["-"], probes: Path | None) -> Iterator[JudgeCase | BadRound]:
    """The lines of a file or stdin, in order. Raises ConsoleError when a file or a probe cannot be read."""
    known = _probes(probes) if probes else {}
    return _cases(rounds, known)


def from_folder(folder: Path, since: str | None, *, truths: bool) -> Iterator[JudgeCase]:
    """The rounds of the subnet recorded last, oldest first; without known answers if `truths` is False.

    Raises ConsoleError.
    """
    oldest = 0.0 if since is None else since_time(since, time.time())
    names, rounds = recorded_rounds(folder, oldest)
    for one in rounds:
        asked = one.challenge if truths else replace(one.challenge, truth=None)
        yield JudgeCase(challenge=asked, replies=one.replies, judgement=one.judgement, names=names)


def _cases(rounds: Path | Literal["-"], known: Mapping[str, KnownAnswer]) -> Iterator[JudgeCase | BadRound]:
    for raw in _lines(rounds):
        try:
            challenge, replies = read_round(raw, known)
            yield JudgeCase(challenge=challenge, replies=replies)
        except BadRound as error:
            yield error


def _probes(path: Path) -> dict[str, KnownAnswer]:
    """The probes by round id. An unreadable probe is an error, since it would change judgements."""
    found = {}
    for number, raw in enumerate(_lines(path), 1):
        try:
            probe = read_probe(raw)
        except BadRound as error:
            raise ConsoleError(f"{path}, line {number}: {error}") from error
        found[probe.id] = probe
    return found


def _lines(path: Path | Literal["-"]) -> Iterator[bytes]:
    """Non-blank lines, each cut one byte past the limit."""
    if path == "-":
        yield from _bounded(sys.stdin.buffer)
        return
    try:
        with open_input(Path(path)) as file:
            yield from _bounded(file)
    except OSError as error:
        raise ConsoleError(f"{path} cannot be read: {error.strerror}") from error


def _bounded(stream: BinaryIO) -> Iterator[bytes]:
    is_first = True
    while line := stream.readline(MAX_LINE + 1):
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = stream.readline(MAX_LINE)
        if is_first:
            line = line.removeprefix(BYTE_ORDER_MARK)
            is_first = False
        if line.strip():
            yield line


class _RecordedReply(Struct, frozen=True, kw_only=True):
    hotkey: str
    uid: int = -1
    coldkey: str = ""
    ip: str = ""
    text: str | None = None
    ms: Finite = 0.0
    tool_calls: tuple[dict[str, Any], ...] | None = None
    error: str | None = None
    prompt: str = ""


class _Round(Struct, frozen=True, kw_only=True):
    id: str
    replies: tuple[_RecordedReply, ...]
    kind: str = "chat"
    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    created_at: datetime.datetime | float | None = None
    answer_type: str | None = None
    lures: tuple[str, ...] = ()
    temperature: Finite | None = None


class _OnlyId(Struct, frozen=True):
    id: str | None = None


def read_round(raw: bytes, probes: Mapping[str, KnownAnswer]) -> tuple[Challenge, tuple[Reply, ...]]:
    """Parse one line of a rounds file (docs/operating.md, "Rounds for `judge`"). Raises `BadRound`."""
    if len(raw) > MAX_LINE:
        raise BadRound(f"the line is longer than {MAX_LINE} bytes")
    try:
        recorded = msgspec.json.decode(raw, type=_Round)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRound(str(error) or "the line is nested too deeply", _id_of(raw)) from None
    if not recorded.prompt and not recorded.messages:
        raise BadRound("the round has neither prompt nor messages", recorded.id)
    _check_type(recorded.answer_type, recorded.id)
    hotkeys = [reply.hotkey for reply in recorded.replies]
    if len(set(hotkeys)) < len(hotkeys):
        raise BadRound("a hotkey occurs in two replies of the round", recorded.id)
    return _challenge(recorded, probes.get(recorded.id)), tuple(
        _reply(reply, place) for place, reply in enumerate(recorded.replies)
    )


def read_probe(raw: bytes) -> KnownAnswer:
    """Parse one line of a probes file. Raises `BadRound`."""
    try:
        probe = msgspec.json.decode(raw, type=KnownAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadRound(str(error)) from None
    _check_type(probe.answer_type, probe.id)
    return probe


def judgement_line(id: str, judgement: Judgement) -> bytes:
    """The output line for a judgement, without its newline."""
    verdicts = judgement.verdicts
    return msgspec.json.encode(
        {
            "id": id,
            "scoring": judgement.profile,
            "winner": judgement.winner,
            "consensus": judgement.consensus,
            "emissions": {verdict.hotkey: verdict.emission for verdict in verdicts},
            "scores": {verdict.hotkey: verdict.score for verdict in verdicts},
            "quality": {verdict.hotkey: verdict.quality for verdict in verdicts},
            "clusters": judgement.clusters,
            "reasons": {verdict.hotkey: verdict.reasons for verdict in verdicts},
            "parts": {verdict.hotkey: verdict.parts for verdict in verdicts},
        }
    )


def error_line(error: BadRound) -> bytes:
    """The output line for a line that cannot be judged, without its newline."""
    said = {"error": str(error)}
    return msgspec.json.encode(said if error.id is None else {"id": error.id, **said})


def _challenge(recorded: _Round, probe: KnownAnswer | None) -> Challenge:
    created = recorded.created_at
    declared = probe.answer_type if probe else recorded.answer_type
    request = Request(prompt=recorded.prompt, messages=recorded.messages or (), tools=recorded.tools or ())
    if recorded.temperature is not None:
        request = replace(request, temperature=recorded.temperature)
    return Challenge(
        id=recorded.id,
        kind=recorded.kind,
        source="file",
        created_at=created.timestamp() if isinstance(created, datetime.datetime) else created or 0.0,
        request=request,
        answer_type=canonical(declared) if declared else asked_type(request.question, tools=bool(request.tools)),
        truth=canonical_truth(probe.truth) if probe else None,
        lures=probe.lures if probe else recorded.lures,
    )


def _reply(recorded: _RecordedReply, place: int) -> Reply:
    failed = recorded.error is not None or recorded.text is None
    return Reply(
        uid=recorded.uid if recorded.uid >= 0 else place,
        hotkey=recorded.hotkey,
        coldkey=recorded.coldkey,
        ip=recorded.ip,
        status="unreachable" if failed else "ok",
        reason=recorded.error or ("the record has no text" if failed else ""),
        ms=recorded.ms,
        text=recorded.text or "",
        tool_calls=recorded.tool_calls or (),
        prompt=recorded.prompt,
    )


def _check_type(name: str | None, id: str) -> None:
    try:
        if name is not None:
            canonical(name)
    except UnknownAnswerType as error:
        raise BadRound(str(error), id) from None


def _id_of(raw: bytes) -> str | None:
    try:
        return msgspec.json.decode(raw, type=_OnlyId).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
