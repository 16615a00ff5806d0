"""Who votes for what in a round: replies without an answer are set aside, the others read, grouped and weighed."""

import math
from collections.abc import Sequence

import numpy as np
from msgspec import Struct, structs

from engine.answers.asked import type_of
from engine.answers.base import Answer, AnswerType
from engine.answers.registry import answer_type
from engine.scoring import copies, substance, votes
from engine.scoring.borrowed import borrowed
from engine.scoring.copies import EqualWords, Roots, Words
from engine.scoring.duplicates import OWN_TOKENS, Wording, compared, worded, wordings
from engine.scoring.entities import entities
from engine.scoring.history import History, TrackRecord
from engine.scoring.reliability import Floats
from engine.scoring.votes import Votes
from engine.values import Challenge, Reply

MAX_CHARACTERS = 32_768
"""Characters read per reply. The answer type's `limit` bounds the round: 4,096 each for 128 replies, and 1,536 for open
text, which is embedded sentence by sentence. Beyond it, all replies are cut to an even share, so that long ones never
delay a round's judgement."""


class Ballot(Struct, frozen=True):
    """The voters of a round, in the order of their replies; every sequence but `barred` has one item per voter.

    `barred` has one item per reply: why it does not vote, or "". `places` are the voters' indices among the replies.
    `keys` are equal for equal answers, "" if none can be read; `roots` says who copied whom;
    `apart`, shape (n, n), is 1 where two voters are of two entities and use other words, else 0.
    """

    kind: AnswerType
    question: str
    truth: str | None
    barred: tuple[str, ...]
    places: tuple[int, ...]
    replies: tuple[Reply, ...]
    answers: tuple[Answer | None, ...]
    keys: tuple[str, ...]
    records: tuple[TrackRecord, ...]
    entities: tuple[int, ...]
    wordings: tuple[Wording, ...]
    roots: Roots
    apart: Floats
    votes: Votes


def kind_of(challenge: Challenge) -> AnswerType:
    """The answer type to judge by: the declared one, or a more specific one shown by the question and its truth."""
    return answer_type(type_of(challenge.answer_type, challenge.request.question, challenge.truth))


def trimmed(kind: AnswerType, replies: Sequence[Reply]) -> list[Reply]:
    """The replies, each cut to the text that is judged."""
    whole = sum(min(len(reply.text), MAX_CHARACTERS) for reply in replies)
    most = MAX_CHARACTERS if whole <= kind.limit else min(MAX_CHARACTERS, kind.limit // len(replies))
    return [reply if len(reply.text) <= most else structs.replace(reply, text=reply.text[:most]) for reply in replies]


def why_barred(reply: Reply, question: str, kind: AnswerType) -> str:
    """Why a reply does not answer, in words; "" if it does."""
    if reply.status != "ok":
        return reply.reason or f"no answer: {reply.status.replace('_', ' ')}"
    if kind.reads_calls and reply.tool_calls:
        return ""
    if substance.empty(reply.text):
        return "says nothing"
    if substance.refuses(reply.text):
        return "declines to answer"
    if substance.echoes(reply.text, question) and not (kind.restates and kind.read(reply, question)):
        return "repeats the question"
    return ""


def cast(challenge: Challenge, replies: Sequence[Reply], history: History) -> Ballot:
    """Read and weigh the replies to a challenge."""
    kind, question = kind_of(challenge), challenge.request.question
    replies = trimmed(kind, replies)
    barred = tuple(why_barred(reply, asked_of(reply, question), kind) for reply in replies)
    places = tuple(place for place, why in enumerate(barred) if not why)
    voters = tuple(replies[place] for place in places)
    answers = read_all(kind, voters, question)
    keys = tuple(answer.key if answer else "" for answer in answers)
    records = tuple(history.of(voter.hotkey) for voter in voters)
    arrival = sorted(range(len(voters)), key=lambda index: (_time(voters[index]), voters[index].hotkey))
    texts = compared([worded(voter.text) for voter in voters])
    groups = wordings(texts, keys, arrival, free=not kind.worded_alike)
    one = entities(voters)
    free = [not kind.worded_alike and length >= OWN_TOKENS for length in texts.lengths.tolist()]
    return Ballot(
        kind=kind,
        question=question,
        truth=challenge.truth,
        barred=barred,
        places=places,
        replies=voters,
        answers=tuple(answers),
        keys=keys,
        records=records,
        entities=tuple(one),
        wordings=tuple(groups),
        roots=copies.roots(
            arrival,
            Words(texts, keys, [_time(voter) for voter in voters], free, telling=not kind.worded_alike),
            one,
            copies.known_copiers([voter.hotkey for voter in voters], one, records),
            borrowed([voter.text for voter in voters], texts, [voter.prompt for voter in voters]),
            equal_words(challenge, voters),
        ),
        apart=_apart(one, groups),
        votes=votes.weigh(records, one, groups, is_open=kind.compared == "claims"),
    )


def _apart(entities: Sequence[int], groups: Sequence[Wording]) -> Floats:
    apart: Floats = np.not_equal.outer(np.asarray(entities), np.asarray(entities)).astype(np.float64)
    for group in groups:
        apart[np.ix_(group.members, group.members)] = 0.0
    return apart


def equal_words(challenge: Challenge, voters: Sequence[Reply]) -> EqualWords:
    """What equal long texts of this round show."""
    if challenge.request.temperature == 0:
        return "chance"
    return "habits" if len({voter.prompt for voter in voters}) > 1 else "copies"


def asked_of(reply: Reply, question: str) -> str:
    """The question as this miner was asked it; `question` is the common wording."""
    return reply.prompt or question


def read_all(kind: AnswerType, replies: Sequence[Reply], question: str) -> list[Answer | None]:
    """The answers of all replies, each read against the question as its miner was asked it."""
    if not any(reply.prompt for reply in replies):
        return kind.read_all(replies, question)
    return [kind.read(reply, asked_of(reply, question)) for reply in replies]


def _time(reply: Reply) -> float:
    return reply.ms if math.isfinite(reply.ms) else math.inf
