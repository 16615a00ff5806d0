"""Recorded rounds as JSON lines: reading one, and the judgement of one as it is written."""

import datetime
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from engine.answers.asked import asked_type
from engine.answers.registry import UnknownAnswerType, canonical
from engine.challenges.sources.lines import canonical_truth
from engine.values import Challenge, Judgement, Reply, Request

MAX_LINE = 64 * 1024 * 1024

Finite = Annotated[float, Meta(ge=0, le=1e12)]


class BadLine(Exception):
    """A line that cannot be judged, and why; `id` is the round's if that much could be read."""

    def __init__(self, reason: str, id: str | None = None) -> None:
        super().__init__(reason)
        self.id = id


class Probe(Struct, frozen=True):
    """A round whose answer the validator knows: as text, as a list of ways to put it, or as a number or JSON value."""

    id: str
    answer_type: str
    truth: Any
    lures: tuple[str, ...] = ()


class _Reply(Struct, frozen=True, kw_only=True):
    hotkey: str
    uid: int = -1
    coldkey: str = ""
    ip: str = ""
    text: str | None = None
    ms: Finite = 0.0
    tool_calls: tuple[dict[str, Any], ...] | None = None
    error: str | None = None


class _Round(Struct, frozen=True, kw_only=True):
    id: str
    replies: tuple[_Reply, ...]
    kind: str = "chat"
    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    created_at: datetime.datetime | float | None = None
    answer_type: str | None = None
    lures: tuple[str, ...] = ()


class _OnlyId(Struct, frozen=True):
    id: str | None = None


def read_round(raw: bytes, probes: Mapping[str, Probe]) -> tuple[Challenge, tuple[Reply, ...]]:
    """One line of the contract's "Rounds for judge". Raises `BadLine`."""
    if len(raw) > MAX_LINE:
        raise BadLine(f"the line is longer than {MAX_LINE} bytes")
    try:
        recorded = msgspec.json.decode(raw, type=_Round)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadLine(str(error) or "the line is nested too deeply", _id_of(raw)) from None
    if not recorded.prompt and not recorded.messages:
        raise BadLine("the round has neither prompt nor messages", recorded.id)
    _check_type(recorded.answer_type, recorded.id)
    hotkeys = [reply.hotkey for reply in recorded.replies]
    if len(set(hotkeys)) < len(hotkeys):
        raise BadLine("a hotkey stands in two replies of the round", recorded.id)
    return _challenge(recorded, probes.get(recorded.id)), tuple(
        _reply(reply, place) for place, reply in enumerate(recorded.replies)
    )


def read_probe(raw: bytes) -> Probe:
    """One line of a probes file. Raises `BadLine`."""
    try:
        probe = msgspec.json.decode(raw, type=Probe)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadLine(str(error)) from None
    _check_type(probe.answer_type, probe.id)
    return probe


def judgement_line(id: str, judgement: Judgement) -> bytes:
    """The answer to one round, without its newline."""
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
        }
    )


def error_line(error: BadLine) -> bytes:
    """The answer to a line that cannot be judged, without its newline."""
    said = {"error": str(error)}
    return msgspec.json.encode(said if error.id is None else {"id": error.id, **said})


def _challenge(recorded: _Round, probe: Probe | None) -> Challenge:
    created = recorded.created_at
    declared = probe.answer_type if probe else recorded.answer_type
    request = Request(prompt=recorded.prompt, messages=recorded.messages or (), tools=recorded.tools or ())
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


def _reply(recorded: _Reply, place: int) -> Reply:
    failed = recorded.error is not None or recorded.text is None
    return Reply(
        uid=recorded.uid if recorded.uid >= 0 else place,
        hotkey=recorded.hotkey,
        coldkey=recorded.coldkey,
        ip=recorded.ip,
        status="unreachable" if failed else "ok",
        reason=recorded.error or ("the record holds no text" if failed else ""),
        ms=recorded.ms,
        text=recorded.text or "",
        tool_calls=recorded.tool_calls or (),
    )


def _check_type(name: str | None, id: str) -> None:
    try:
        if name is not None:
            canonical(name)
    except UnknownAnswerType as error:
        raise BadLine(str(error), id) from None


def _id_of(raw: bytes) -> str | None:
    try:
        return msgspec.json.decode(raw, type=_OnlyId).id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
