"""A judged round as rows of the tables rounds and replies, and back."""

import math
from collections.abc import Collection, Iterator, Sequence
from sqlite3 import Row
from typing import Any

import msgspec
from msgspec import Struct

from engine.store.columns import Count, Flag, Values, fields, from_json, storable, to_json
from engine.store.errors import BadRow
from engine.text import safe
from engine.values import (
    AnswerType,
    At,
    Challenge,
    Counted,
    Finite,
    Judgement,
    Likeness,
    Reply,
    ReplyStatus,
    Request,
    Round,
    Source,
    Verdict,
)
from engine.values.earned import Merit, Pay, Uid, Word


class RoundRow(Struct, frozen=True, kw_only=True):
    """A row of the table rounds; `clusters`, `request` and `lures` are JSON."""

    number: Count
    id: str
    netuid: Uid
    at: At
    duration_ms: Finite
    block: Count
    kind: str
    source: Source
    created_at: At
    answer_type: AnswerType
    truth: str | None
    profile: Word
    encoder: str
    consensus: Finite
    agreement: Finite
    winner: str | None
    clusters: str
    request: str
    scored: Flag
    lures: str


class BareReply(Struct, frozen=True, kw_only=True):
    """The outcome of a reply, from the table replies."""

    uid: Uid
    hotkey: Word
    status: ReplyStatus
    ms: Finite


class WholeReply(BareReply, frozen=True, kw_only=True):
    """A row of the table replies; `parts`, `reasons`, `usage`, `tool_calls` and `logprobs` are JSON."""

    coldkey: str
    ip: str
    quality: Merit
    score: Merit
    emission: Pay
    counted: Counted
    cluster: Word
    reason: str
    finish_reason: str
    dialect: Word
    prompt: str
    parts: str
    reasons: str
    usage: str
    tool_calls: str
    logprobs: str
    text: str


def round_values(judged: Round, netuid: int) -> Values:
    """The row of table rounds."""
    challenge, judgement = judged.challenge, judged.judgement
    return {
        "id": storable(challenge.id),
        "netuid": netuid,
        "at": judged.started_at,
        "duration_ms": judged.duration_ms,
        "block": judged.block,
        "kind": challenge.kind,
        "source": challenge.source,
        "created_at": challenge.created_at,
        "answer_type": challenge.answer_type,
        "truth": None if challenge.truth is None else storable(challenge.truth),
        "profile": judgement.profile,
        "encoder": judgement.encoder,
        "consensus": judgement.consensus,
        "agreement": judgement.agreement,
        "winner": judgement.winner,
        "clusters": to_json(judgement.clusters),
        "request": to_json(msgspec.to_builtins(challenge.request)),
        "scored": challenge.scored,
        "lures": to_json(challenge.lures),
    }


def reply_values(judged: Round, netuid: int, number: int) -> Iterator[Values]:
    """The rows of table replies, for the round in row `number`."""
    for position, (reply, verdict) in enumerate(zip(judged.replies, judged.judgement.verdicts, strict=True)):
        yield {
            "round": number,
            "position": position,
            "netuid": netuid,
            "at": judged.started_at,
            "uid": reply.uid,
            "hotkey": reply.hotkey,
            "coldkey": reply.coldkey,
            "ip": reply.ip,
            "status": reply.status,
            "ms": reply.ms,
            "quality": verdict.quality,
            "score": verdict.score,
            "emission": verdict.emission,
            "counted": judged.counted(reply),
            "profile": judged.judgement.profile,
            "cluster": verdict.cluster,
            "reason": storable(reply.reason),
            "finish_reason": storable(reply.finish_reason),
            "dialect": reply.dialect,
            "prompt": storable(reply.prompt),
            "parts": to_json(verdict.parts),
            "reasons": to_json(verdict.reasons),
            "usage": to_json(reply.usage),
            "tool_calls": to_json(reply.tool_calls),
            "logprobs": to_json(reply.logprobs),
            "text": storable(reply.text),
        }


def require_finite(judged: Round) -> None:
    """Raise ValueError if a number of the judgement is NaN or infinite: it would spoil every mean made of it."""
    for name, number in _numbers(judged.judgement):
        if not math.isfinite(number):
            raise ValueError(f"round {judged.challenge.id!r}: the {name} is {number}")


def round_of(row: Row, replies: Sequence[Row], likeness: Likeness | None = None) -> Round:
    """The stored round, with whatever texts the rows have. Raises BadRow."""
    if likeness is not None and not {*likeness.members} <= {*range(len(replies))}:
        raise BadRow(f"likeness of replies beyond the {len(replies)} there are")
    stored: RoundRow = fields(row, RoundRow)
    answers: list[WholeReply] = [fields(reply, WholeReply) for reply in replies]
    return Round(
        challenge=_challenge_of(stored),
        replies=tuple(map(_reply_of, answers)),
        judgement=_judgement_of(stored, answers, tuple(map(_verdict_of, answers))),
        started_at=stored.at,
        duration_ms=stored.duration_ms,
        block=stored.block,
        likeness=likeness,
        over_cap=frozenset(answer.hotkey for answer in answers if answer.counted == "cap"),
    )


def bare_round_of(row: Row, replies: Sequence[Row]) -> Round:
    """The round without its question, its verdicts, and the replies' content, as a list of rounds needs it."""
    stored: RoundRow = fields(row, RoundRow)
    answers: list[BareReply] = [fields(reply, BareReply) for reply in replies]
    return Round(
        challenge=Challenge(
            id=stored.id,
            kind=stored.kind,
            source=stored.source,
            created_at=stored.created_at,
            request=Request(),
            truth=stored.truth,
            scored=bool(stored.scored),
        ),
        replies=tuple(
            Reply(uid=answer.uid, hotkey=answer.hotkey, status=answer.status, ms=answer.ms) for answer in answers
        ),
        judgement=_judgement_of(stored, answers, ()),
        started_at=stored.at,
        duration_ms=stored.duration_ms,
        block=stored.block,
    )


def challenge_of(row: Row) -> Challenge:
    """The challenge in a row of table rounds. Raises BadRow."""
    return _challenge_of(fields(row, RoundRow))


def clusters_of(stored: RoundRow, hotkeys: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """Who agreed in a round in which these hotkeys were asked. Raises BadRow."""
    clusters: tuple[tuple[str, ...], ...] = from_json(stored.clusters, tuple[tuple[str, ...], ...])
    if not {hotkey for cluster in clusters for hotkey in cluster} <= {*hotkeys}:
        raise BadRow(f"round {safe(stored.id, 40)!r} has clusters of hotkeys that were not asked in it")
    return clusters


def _numbers(judgement: Judgement) -> Iterator[tuple[str, float]]:
    yield "consensus", judgement.consensus
    yield "agreement", judgement.agreement
    for verdict in judgement.verdicts:
        yield f"quality of {verdict.hotkey}", verdict.quality
        yield f"score of {verdict.hotkey}", verdict.score
        yield f"emission of {verdict.hotkey}", verdict.emission
        for name, number in verdict.parts.items():
            yield f"{name} of {verdict.hotkey}", number


def _challenge_of(stored: RoundRow) -> Challenge:
    return Challenge(
        id=stored.id,
        kind=stored.kind,
        source=stored.source,
        created_at=stored.created_at,
        request=from_json(stored.request, Request),
        answer_type=stored.answer_type,
        truth=stored.truth,
        scored=bool(stored.scored),
        lures=from_json(stored.lures, tuple[str, ...]),
    )


def _judgement_of(stored: RoundRow, answers: Sequence[BareReply], verdicts: tuple[Verdict, ...]) -> Judgement:
    return Judgement(
        profile=stored.profile,
        consensus=stored.consensus,
        agreement=stored.agreement,
        winner=stored.winner,
        clusters=clusters_of(stored, [answer.hotkey for answer in answers]),
        verdicts=verdicts,
        encoder=stored.encoder,
    )


def _reply_of(stored: WholeReply) -> Reply:
    return Reply(
        uid=stored.uid,
        hotkey=stored.hotkey,
        coldkey=stored.coldkey,
        ip=stored.ip,
        status=stored.status,
        reason=stored.reason,
        ms=stored.ms,
        text=stored.text,
        tool_calls=from_json(stored.tool_calls, tuple[dict[str, Any], ...]),
        logprobs=from_json(stored.logprobs, dict[str, Any] | None),
        finish_reason=stored.finish_reason,
        dialect=stored.dialect,
        prompt=stored.prompt,
        usage=from_json(stored.usage, dict[str, int]),
    )


def _verdict_of(stored: WholeReply) -> Verdict:
    return Verdict(
        hotkey=stored.hotkey,
        uid=stored.uid,
        quality=stored.quality,
        score=stored.score,
        emission=stored.emission,
        cluster=stored.cluster,
        parts=from_json(stored.parts, dict[str, Finite]),
        reasons=from_json(stored.reasons, tuple[str, ...]),
    )
