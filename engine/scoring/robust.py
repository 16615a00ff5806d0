"""The profile "robust": the right answer wins, whoever and however many say otherwise.

1. A reply that does not answer (a failure, an empty text, a refusal, an echo) neither votes nor earns.
2. Answers are read by type and compared as values; open text is compared claim by claim.
3. Votes weigh what the voter earned on known answers. An entity has one vote, equal words count once, and voters that
   make the same mistakes count as few.
4. A known truth decides; without one, an answer is paid by how firmly the votes believe it.
5. Everyone who is right earns the same, except that lateness costs a little and a copy earns only a share.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from engine.answers.base import aliases
from engine.scoring import ballot as ballots
from engine.scoring import copies, merit, reliability
from engine.scoring.ballot import Ballot
from engine.scoring.history import AnyHistory, TrackRecord
from engine.scoring.merit import Merit
from engine.scoring.reliability import Floats
from engine.scoring.substance import beyond
from engine.scoring.verdicts import verdicts
from engine.values import Challenge, Judgement, Mark, Reply

NAME = "robust"
DOUBTED = 0.1
"""The standing of a miner that misses known answers: little, but enough to show that it is judged."""


def texts(challenge: Challenge, replies: Sequence[Reply]) -> list[str]:
    """The texts to embed before judging: none but for open text, whose question, answers and claims are compared by
    meaning, also with what is known to be true and false."""
    if ballots.kind_of(challenge).compared != "claims":
        return []
    question, voting = challenge.request.question, compared(challenge, replies)
    spoken = [
        claim
        for place, text in voting.items()
        for claim in merit.claims(text, ballots.asked_of(replies[place], question))
    ]
    known = [*aliases(challenge.truth), *challenge.lures] if challenge.truth is not None else []
    rest = [beyond(text, question) for text in voting.values()]
    return list(dict.fromkeys([question, *voting.values(), *spoken, *rest, *known]))


def likeness_texts(challenge: Challenge, replies: Sequence[Reply]) -> list[str]:
    """The texts to embed to compare the answers in meaning."""
    return list(dict.fromkeys(compared(challenge, replies).values()))


def compared(challenge: Challenge, replies: Sequence[Reply]) -> dict[int, str]:
    """The judged text of each reply that votes, by the reply's index."""
    kind, question = ballots.kind_of(challenge), challenge.request.question
    return {
        place: reply.text
        for place, reply in enumerate(ballots.trimmed(kind, replies))
        if not ballots.why_barred(reply, ballots.asked_of(reply, question), kind)
    }


def judge(
    challenge: Challenge,
    replies: Sequence[Reply],
    vectors: Mapping[str, NDArray[np.float32]],
    history: AnyHistory,
    marks: Sequence[Mark] | None = None,
) -> tuple[Judgement, AnyHistory]:
    """Judge a round. `vectors` holds a unit vector for each of `texts(challenge, replies)`; `marks` has one per reply,
    where its kind has judged it already."""
    ballot = ballots.cast(challenge, replies, history)
    if marks is not None:
        worth = merit.by_marks([marks[place] for place in ballot.places])
    else:
        worth = merit_of(ballot, vectors, challenge.lures)
    standing = _standing(ballot, worth)
    earned = worth.decided * worth.coverage * standing
    prompt = np.array([promptness(reply.ms) for reply in ballot.replies])
    pay = copies.pay_after_copying(earned * prompt, ballot.roots.leaders)
    winner = _winner(ballot, worth, pay)
    clusters = _clusters(ballot, worth)
    judgement = Judgement(
        profile=NAME,
        consensus=float(worth.belief[winner]) * worth.settled if winner is not None else 0.0,
        agreement=_agreement(ballot, winner, clusters),
        winner=ballot.replies[winner].hotkey if winner is not None else None,
        clusters=tuple(tuple(ballot.replies[index].hotkey for index in cluster) for cluster in clusters),
        verdicts=verdicts(replies, ballot, worth, prompt, standing, pay, clusters),
    )
    return judgement, _learned(history, replies, ballot, worth)


def merit_of(ballot: Ballot, vectors: Mapping[str, NDArray[np.float32]], lures: Sequence[str]) -> Merit:
    """By the known truth if there is one; otherwise by claims for open text, and by votes for other types."""
    known = merit.by_truth(ballot, ballot.truth, lures, vectors) if ballot.truth is not None else None
    if known is not None:
        return known
    return merit.by_claims(ballot, vectors) if ballot.kind.compared == "claims" else merit.by_votes(ballot)


def _standing(ballot: Ballot, worth: Merit) -> Floats:
    """1, or in rounds without a known truth DOUBTED for a miner that misses known answers; in open text, where votes
    tell least, as soon as it starts missing them."""
    doubts = reliability.turned if ballot.kind.compared == "claims" else reliability.doubtful
    doubted = [not worth.known and doubts(hits) for hits in reliability.fair_hits(ballot.records)]
    return np.where(doubted, DOUBTED, 1.0)


def _winner(ballot: Ballot, worth: Merit, pay: Floats) -> int | None:
    """The reply to forward: the most believed, and among equals that of the most reliable miner."""
    if not len(pay) or float(pay.max()) <= 0:
        return None

    def order(index: int) -> tuple[float, float, float, str]:
        trust = reliability.accuracy(ballot.records[index])
        return worth.rank[index], trust, pay[index], ballot.replies[index].hotkey

    return max(range(len(pay)), key=order)


def _clusters(ballot: Ballot, worth: Merit) -> list[list[int]]:
    """Voters grouped by answer, the largest group first. All that give the known answer are one group, in whatever
    words; for open text, all that are believed are."""
    groups: dict[str, list[int]] = {}
    for index, key in enumerate(ballot.keys):
        if ballot.kind.compared == "claims":
            key = "backed" if worth.belief[index] >= 0.5 else f"alone {index}"
        elif worth.known and worth.belief[index] == 1:
            key = "\0right"  # no key of an answer
        groups.setdefault(key or f"unread {index}", []).append(index)
    return sorted(groups.values(), key=lambda group: (-len(group), group[0]))


def _agreement(ballot: Ballot, winner: int | None, clusters: Sequence[Sequence[int]]) -> float:
    """The share of the votes' weight that is in the winner's cluster."""
    if winner is None:
        return 0.0
    own = ballot.votes.own
    backing = next(cluster for cluster in clusters if winner in cluster)
    return float(own[list(backing)].sum() / own.sum())


def _learned(history: AnyHistory, replies: Sequence[Reply], ballot: Ballot, worth: Merit) -> AnyHistory:
    """The history after this round. Only a known truth tells who is reliable."""
    voters = {place: index for index, place in enumerate(ballot.places)}
    changed: dict[str, TrackRecord] = {}
    hotkeys = [voter.hotkey for voter in ballot.replies]
    proven = {hotkeys[follower]: hotkeys[leader] for follower, leader in ballot.roots.borrowed.proven.items()}
    for place, reply in enumerate(replies):
        record = history.of(reply.hotkey)
        index = voters.get(place)
        if worth.known and reply.status != "cancelled":
            result = _outcome(ballot, worth, index)
            record = reliability.with_outcome(record, history.rounds, result, is_open=ballot.kind.compared == "claims")
        if index is not None:
            told = dict(zip(hotkeys, ballot.roots.told[index].tolist(), strict=True))
            hints = {hotkeys[leader]: weight for leader, weight in ballot.roots.borrowed.told[index].items()}
            record = copies.with_told(record, told, hints, proven.get(reply.hotkey, ""))
            record = copies.cleared(record, {copier for copier, of in proven.items() if of == reply.hotkey})
        changed[reply.hotkey] = structs.replace(record, seen=history.rounds)
    return history.after(changed)


def _outcome(ballot: Ballot, worth: Merit, index: int | None) -> int:
    if index is None:
        return reliability.SILENT
    if worth.belief[index] >= 0.5:
        return reliability.RIGHT
    return reliability.digest(ballot.keys[index])


TARGET_MS = 5_000.0
"""How long someone who reads along will wait for an answer to begin."""

LATEST_MS = 60_000.0
"""One minute, the usual time limit of a challenge."""

SHARE = 0.05
"""The most that lateness costs: less than any doubt about the answer, so that speed never makes up for an error."""


def promptness(ms: float) -> float:
    """1 up to the target, then falling with the logarithm of the time to 1 - SHARE at LATEST_MS and beyond."""
    if not math.isfinite(ms):
        return 1 - SHARE
    late = math.log(max(ms, TARGET_MS) / TARGET_MS) / math.log(LATEST_MS / TARGET_MS)
    return 1 - SHARE * min(1.0, late)
