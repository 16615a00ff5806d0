"""Values as rows of the tables, and back."""

import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from sqlite3 import Row
from typing import Any

import msgspec

from engine.snapshot import CommandView
from engine.store.columns import (
    CommandRow,
    NeuronRow,
    PlanRow,
    ReplyRow,
    RoundRow,
    StandingRow,
    cells,
    decoded,
    fields,
    from_json,
    unpacked,
)
from engine.store.errors import BadRow
from engine.store.stored import Appearance, Pay, StoredNeuron, StoredPlan, StoredReply
from engine.store.tally import Tally
from engine.sybil.penalties import Standing
from engine.text import safe
from engine.values import At, Challenge, Finite, Judgement, Likeness, Reply, Request, Round, Verdict
from engine.weights.averages import Rule, Sample
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


def round_of(row: Row, replies: Sequence[Row], likeness: Likeness | None = None) -> Round:
    """The round that was stored, with whatever texts the rows hold. Raises BadRow."""
    if likeness is not None and not {*likeness.members} <= {*range(len(replies))}:
        raise BadRow(f"likeness of other replies than the {len(replies)} that there are")
    stored: RoundRow = fields(row, RoundRow)
    answers: list[ReplyRow] = [fields(reply, ReplyRow) for reply in replies]
    return Round(
        challenge=_challenge_of(stored),
        replies=tuple(map(_reply_of, answers)),
        judgement=Judgement(
            profile=stored.profile,
            consensus=stored.consensus,
            agreement=stored.agreement,
            winner=stored.winner,
            clusters=clusters_of(stored, [answer.hotkey for answer in answers]),
            verdicts=tuple(map(_verdict_of, answers)),
            encoder=stored.encoder,
        ),
        started_at=stored.at,
        duration_ms=stored.duration_ms,
        block=stored.block,
        likeness=likeness,
        over_cap=frozenset(answer.hotkey for answer in answers if answer.counted == "cap"),
    )


def clusters_of(stored: RoundRow, hotkeys: Collection[str]) -> tuple[tuple[str, ...], ...]:
    """Who agreed in a round in which these hotkeys were asked. Raises BadRow."""
    clusters: tuple[tuple[str, ...], ...] = from_json(stored.clusters, tuple[tuple[str, ...], ...])
    if not {hotkey for cluster in clusters for hotkey in cluster} <= {*hotkeys}:
        raise BadRow(f"round {safe(stored.id, 40)!r} has clusters of hotkeys that were not asked in it")
    return clusters


def challenge_of(row: Row) -> Challenge:
    """The challenge in a row of table rounds. Raises BadRow."""
    return _challenge_of(fields(row, RoundRow))


def appearance_of(row: Row) -> Appearance:
    """A miner's part in a round, from a row with its fields. Raises BadRow."""
    appearance: Appearance = fields(row, Appearance, won=bool(row["won"]), reasons=_reasons_of(row))
    return appearance


def stored_reply_of(row: Row) -> StoredReply:
    """The same with its text. Raises BadRow."""
    reply: StoredReply = fields(row, StoredReply, reasons=_reasons_of(row))
    return reply


def likeness_of(rows: Iterable[Row]) -> Likeness | None:
    """What `LIKENESS` found. Raises BadRow."""
    return next((unpacked(row["value"], Likeness) for row in rows), None)


def neuron_of(row: Row) -> StoredNeuron:
    """A row of table neurons. Raises BadRow."""
    stored: NeuronRow = fields(row, NeuronRow)
    return StoredNeuron(
        netuid=stored.netuid,
        uid=stored.uid,
        hotkey=stored.hotkey,
        name=stored.name,
        registered=bool(stored.registered),
        seen_at=stored.seen_at,
        tally=Tally(
            rounds=stored.rounds,
            answered=stored.answered,
            failed=stored.failed,
            failures_in_a_row=stored.failures_in_a_row,
            last_answer_at=stored.last_answer_at,
            last_emission=stored.last_emission,
        ),
    )


def sample_of(row: Row) -> Sample:
    """When a reply was asked for and what it was paid. Raises BadRow."""
    sample: Sample = cells(row, At, Pay)
    return sample


def entry_of(row: Row) -> StoredPlan:
    """An entry of the journal of weights. Raises BadRow."""
    stored: PlanRow = fields(row, PlanRow)
    return StoredPlan(at=stored.at, plan=plan_of(stored.plan), outcome=stored.outcome, reason=stored.reason)


def plan_of(stored: object) -> WeightPlan:
    """The plan in column `plan` of table plans. Raises BadRow."""
    plan: WeightPlan = decoded(stored, WeightPlan)
    return plan


def standing_of(row: Row) -> tuple[str, Standing]:
    """A row of table penalties, with whose it is. Raises BadRow."""
    stored: StandingRow = fields(row, StandingRow)
    return stored.hotkey, Standing(bool(stored.held), stored.shown)


def command_of(row: Row) -> CommandView:
    """A line of the command log, raw. Raises BadRow."""
    stored: CommandRow = fields(row, CommandRow)
    return CommandView(
        at=stored.at, name=stored.name, detail=stored.detail, outcome=stored.outcome, reason=stored.reason
    )


def history_of(row: Row) -> bytes:
    """What `HISTORY` found. Raises BadRow."""
    history: bytes = cells(row, bytes)[0]
    return history


def rule_json(rule: Rule) -> str:
    """Column `rule` of table score_rules."""
    return msgspec.json.encode(rule).decode()


def rule_of(stored: object) -> Rule:
    """The rule in column `rule` of table score_rules. Raises BadRow."""
    rule: Rule = decoded(stored, Rule)
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


def _reasons_of(row: Row) -> object:
    return from_json(row["reasons"], tuple[str, ...])


def _reply_of(stored: ReplyRow) -> Reply:
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
        finish_reason=stored.finish_reason,
        usage=from_json(stored.usage, dict[str, int]),
    )


def _verdict_of(stored: ReplyRow) -> Verdict:
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
