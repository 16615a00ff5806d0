"""Values as rows of the tables, and back."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from sqlite3 import Row
from typing import Any

import msgspec

from engine.store.stored import Appearance
from engine.store.tally import Tally
from engine.text import safe
from engine.values import (
    AnswerType,
    Challenge,
    Counted,
    Judgement,
    Likeness,
    Reply,
    ReplyStatus,
    Request,
    Round,
    Source,
    Verdict,
)
from engine.weights.averages import Rule
from engine.weights.penalties import Standing
from engine.weights.plan import WeightPlan

Values = dict[str, Any]
"""Named parameters of a statement."""

SAMPLES = """
    SELECT at, emission FROM replies
    WHERE netuid = ? AND hotkey = ? AND profile = ? AND at > ? AND counted = 'yes' ORDER BY round DESC LIMIT ?
"""
"""What the score of a hotkey by one profile is made of, newest first."""

LIKENESS = "SELECT value FROM likenesses WHERE round = ?"
"""How alike the answers of the round in this row are, for `likeness_of`."""

HISTORY = "SELECT CAST(value AS BLOB) AS value FROM histories WHERE netuid = ? AND profile = ?"
"""What a scoring profile carries from round to round."""

ON_CHAIN = """
    SELECT plan FROM plans WHERE netuid = ? AND outcome IN ('ok', 'applied') AND at <= ? ORDER BY id DESC LIMIT 1
"""
"""The plan whose weights the chain had by a moment."""

STANDINGS = "SELECT hotkey, held, shown FROM penalties WHERE netuid = ?"

_SURROGATE = re.compile("[\ud800-\udfff]")


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
            "parts": to_json(verdict.parts),
            "reasons": to_json(verdict.reasons),
            "usage": to_json(reply.usage),
            "tool_calls": to_json(reply.tool_calls),
            "text": storable(reply.text),
        }


def tally_values(judged: Round, netuid: int) -> Iterator[Values]:
    """What this round adds to each hotkey's row of table neurons. A cancelled reply adds nothing."""
    for reply, verdict in zip(judged.replies, judged.judgement.verdicts, strict=True):
        if reply.status != "cancelled":
            answered = reply.status == "ok"
            yield {
                "netuid": netuid,
                "hotkey": reply.hotkey,
                "coldkey": reply.coldkey,
                "uid": reply.uid,
                "at": judged.started_at,
                "answered": int(answered),
                "failed": int(not answered),
                "answered_at": judged.started_at if answered else None,
                "emission": verdict.emission,
            }


def require_finite(judged: Round) -> None:
    """Raise ValueError when a number of the judgement is none: it would poison every mean made of it."""
    for name, number in _numbers(judged.judgement):
        if not math.isfinite(number):
            raise ValueError(f"round {judged.challenge.id!r}: the {name} is {number}")


def word(stored: object) -> str:
    """A name or state of ours, as it was stored. Raises msgspec.ValidationError for what no version ever wrote."""
    if not (isinstance(stored, str) and stored.isascii() and stored.isprintable()):
        raise msgspec.ValidationError(f"a name or state {safe(str(stored), 40)!r}")
    return stored


def status_of(stored: object) -> ReplyStatus:
    """A reply's status. Raises msgspec.ValidationError."""
    status: ReplyStatus = msgspec.convert(word(stored), ReplyStatus)
    return status


def round_of(row: Row, replies: Sequence[Row], likeness: Likeness | None = None) -> Round:
    """The round that was stored, with whatever texts the rows hold. Raises msgspec.ValidationError."""
    if likeness is not None and not {*likeness.members} <= {*range(len(replies))}:
        raise msgspec.ValidationError(f"likeness of other replies than the {len(replies)} that there are")
    return Round(
        challenge=challenge_of(row),
        replies=tuple(map(_reply_of, replies)),
        judgement=Judgement(
            profile=word(row["profile"]),
            consensus=row["consensus"],
            agreement=row["agreement"],
            winner=row["winner"],
            clusters=tuple(map(tuple, json.loads(row["clusters"]))),
            verdicts=tuple(map(_verdict_of, replies)),
            encoder=row["encoder"],
        ),
        started_at=row["at"],
        duration_ms=row["duration_ms"],
        block=row["block"],
        likeness=likeness,
        over_cap=frozenset(reply["hotkey"] for reply in replies if reply["counted"] == "cap"),
    )


def challenge_of(row: Row) -> Challenge:
    """The challenge in a row of table rounds."""
    return Challenge(
        id=row["id"],
        kind=row["kind"],
        source=msgspec.convert(word(row["source"]), Source),
        created_at=row["created_at"],
        request=msgspec.convert(json.loads(row["request"]), Request),
        answer_type=msgspec.convert(word(row["answer_type"]), AnswerType),
        truth=row["truth"],
        scored=bool(row["scored"]),
    )


def appearance_of(row: Row) -> Appearance:
    """A miner's part in a round, from a row with its fields. Raises msgspec.ValidationError."""
    return Appearance(
        **{
            **row,
            "won": bool(row["won"]),
            "status": status_of(row["status"]),
            "cluster": word(row["cluster"]),
            "counted": msgspec.convert(word(row["counted"]), Counted),
            "profile": word(row["profile"]),
            "reasons": tuple(json.loads(row["reasons"])),
        }
    )


def likeness_of(rows: Iterable[Row]) -> Likeness | None:
    """What `LIKENESS` found."""
    return next((msgspec.msgpack.decode(row["value"], type=Likeness) for row in rows), None)


def tally_of(row: Row) -> Tally:
    """The counts in a row of table neurons."""
    return Tally(
        rounds=row["rounds"],
        answered=row["answered"],
        failed=row["failed"],
        failures_in_a_row=row["failures_in_a_row"],
        last_answer_at=row["last_answer_at"],
        last_emission=row["last_emission"],
    )


def plan_of(stored: str) -> WeightPlan:
    """The plan in column `plan` of table plans."""
    return msgspec.json.decode(stored, type=WeightPlan)


def standing_of(row: Row) -> Standing:
    """A row of table penalties."""
    return Standing(bool(row["held"]), row["shown"])


def rule_json(rule: Rule) -> str:
    """Column `rule` of table score_rules."""
    return msgspec.json.encode(rule).decode()


def rule_of(stored: str) -> Rule:
    """The rule in column `rule` of table score_rules."""
    rule: Rule = msgspec.json.decode(stored, type=Rule)
    return rule


def storable(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which UTF-8 cannot hold; the rest is stored raw."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def to_json(value: Mapping[str, Any] | Iterable[Any]) -> str:
    """ASCII JSON, which holds any text and any whole number that a miner may send."""
    return json.dumps(value, separators=(",", ":"))


def _numbers(judgement: Judgement) -> Iterator[tuple[str, float]]:
    yield "consensus", judgement.consensus
    yield "agreement", judgement.agreement
    for verdict in judgement.verdicts:
        yield f"quality of {verdict.hotkey}", verdict.quality
        yield f"score of {verdict.hotkey}", verdict.score
        yield f"emission of {verdict.hotkey}", verdict.emission
        for name, number in verdict.parts.items():
            yield f"{name} of {verdict.hotkey}", number


def _reply_of(row: Row) -> Reply:
    return Reply(
        uid=row["uid"],
        hotkey=word(row["hotkey"]),
        coldkey=row["coldkey"],
        ip=row["ip"],
        status=status_of(row["status"]),
        reason=row["reason"],
        ms=row["ms"],
        text=row["text"],
        tool_calls=tuple(json.loads(row["tool_calls"])),
        finish_reason=row["finish_reason"],
        usage=json.loads(row["usage"]),
    )


def _verdict_of(row: Row) -> Verdict:
    return Verdict(
        hotkey=row["hotkey"],
        uid=row["uid"],
        quality=row["quality"],
        score=row["score"],
        emission=row["emission"],
        cluster=word(row["cluster"]),
        parts=json.loads(row["parts"]),
        reasons=tuple(json.loads(row["reasons"])),
    )
