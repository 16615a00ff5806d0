"""Who votes for what in a round: replies that are no answer set aside, the others read, grouped and weighed."""

import math
from collections.abc import Sequence

from msgspec import Struct, structs

from engine.scoring import copying, quality, votes
from engine.scoring.answers import Answer, read_answers
from engine.scoring.duplicates import Wording, worded, wordings
from engine.scoring.entities import entities
from engine.scoring.history import History, Record
from engine.scoring.reading import yes_no
from engine.scoring.reading.kinds import asked_kind
from engine.scoring.votes import Votes
from engine.scoring.working import Working, working
from engine.values import AnswerType, Challenge, Reply

MAX_CHARACTERS = 32_768
MAX_ROUND_CHARACTERS = 524_288
MAX_OPEN_CHARACTERS = 196_608
"""What is read of a round, and of one with open text, which is embedded sentence by sentence: of 128 replies 4,096 and
1,536 characters each. Beyond it all are cut to an even share, so that long ones never keep a round from being judged in
time."""

WORDED_ALIKE: frozenset[AnswerType] = frozenset(("json", "tool_call", "code"))
"""Kinds whose right answer leaves little choice of words, so that equal texts say nothing about copying."""


class Ballot(Struct, frozen=True):
    """The voters of a round, in the order of their replies; every sequence but `barred` has one item a voter.

    `barred` says why a reply does not vote, "" when it does; `places` are the voters' places among the replies.
    `keys` are equal for equal answers, "" where none can be read; `leaders` says whom a voter repeats.
    """

    kind: AnswerType
    question: str
    barred: tuple[str, ...]
    places: tuple[int, ...]
    replies: tuple[Reply, ...]
    answers: tuple[Answer | None, ...]
    keys: tuple[str, ...]
    records: tuple[Record, ...]
    entities: tuple[int, ...]
    wordings: tuple[Wording, ...]
    leaders: tuple[int | None, ...]
    workings: tuple[Working, ...]
    votes: Votes


def kind_of(challenge: Challenge) -> AnswerType:
    """What a synthetic challenge says of itself; of any other, what its question asks for. A declared "short" answer to
    a question that wants JSON is JSON."""
    declared = challenge.answer_type
    if challenge.source == "synthetic" or declared not in ("text", "short"):
        return declared
    asked = asked_kind(challenge.request.question, tools=bool(challenge.request.tools))
    return asked if declared == "text" or asked in WORDED_ALIKE else declared


def trimmed(kind: AnswerType, replies: Sequence[Reply]) -> list[Reply]:
    """The replies with no more text than is judged."""
    whole = sum(min(len(reply.text), MAX_CHARACTERS) for reply in replies)
    of_round = MAX_OPEN_CHARACTERS if kind == "text" else MAX_ROUND_CHARACTERS
    most = MAX_CHARACTERS if whole <= of_round else min(MAX_CHARACTERS, of_round // len(replies))
    return [reply if len(reply.text) <= most else structs.replace(reply, text=reply.text[:most]) for reply in replies]


def why_barred(reply: Reply, question: str, kind: AnswerType) -> str:
    """Why a reply is no answer, in words; "" when it is one."""
    if reply.status != "ok":
        return reply.reason or f"no answer: {reply.status.replace('_', ' ')}"
    if kind == "tool_call" and reply.tool_calls:
        return ""
    if quality.empty(reply.text):
        return "says nothing"
    if quality.refuses(reply.text):
        return "declines to answer"
    if quality.echoes(reply.text, question) and not (kind == "yes_no" and yes_no.said_in(reply.text)):
        return "repeats the question"
    return ""


def cast(challenge: Challenge, replies: Sequence[Reply], history: History) -> Ballot:
    """Read and weigh the replies to a challenge."""
    kind, question = kind_of(challenge), challenge.request.question
    replies = trimmed(kind, replies)
    barred = tuple(why_barred(reply, question, kind) for reply in replies)
    places = tuple(place for place, why in enumerate(barred) if not why)
    voters = tuple(replies[place] for place in places)
    answers = read_answers(kind, challenge, voters) if kind != "text" else [None] * len(voters)
    keys = tuple(answer.key if answer else "" for answer in answers)
    records = tuple(history.of(voter.hotkey) for voter in voters)
    arrival = sorted(range(len(voters)), key=lambda index: (_time(voters[index]), voters[index].hotkey))
    texts = [worded(voter.text) for voter in voters]
    groups = wordings(texts, keys, arrival, free=kind not in WORDED_ALIKE)
    one = entities(voters)
    workings = tuple(working(voter.text, question) for voter in voters)
    copiers = copying.known_copiers([voter.hotkey for voter in voters], one, records)
    return Ballot(
        kind=kind,
        question=question,
        barred=barred,
        places=places,
        replies=voters,
        answers=tuple(answers),
        keys=keys,
        records=records,
        entities=tuple(one),
        wordings=tuple(groups),
        leaders=tuple(copying.leaders_of(arrival, texts, keys, groups, one, copiers)),
        workings=workings,
        votes=votes.weigh(records, one, groups, workings),
    )


def _time(reply: Reply) -> float:
    return reply.ms if math.isfinite(reply.ms) else math.inf
