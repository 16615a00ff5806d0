"""The merit of each voter's reply: how firmly it is believed to be right, and how much of an answer it gives."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.answers.words import sentences
from engine.scoring import votes
from engine.scoring.ballot import Ballot
from engine.scoring.reliability import Floats
from engine.scoring.substance import added_words
from engine.scoring.votes import Votes

MAX_CLAIMS = 24
"""Most sentences of a reply to read as claims: more than an answer of 192 tokens, our own limit, has."""

_SAME_CLAIM, _OTHER_CLAIM = 0.9, 0.6
"""Cosines of the packaged model above which two sentences say the same, and below which they say different things. With
.5 the clique of population d is paid .021 instead of .015; with .7 a fifth more right answers are wronged."""

_TOPICAL = 0.1
"""The cosine to the question below which a sentence is unrelated to it. With .05 the winner is right in .006 fewer
rounds, with .2 in .002 fewer."""

_USUAL = 0.8
"""The share of the usual backing from which a claim counts as fully backed: half of all claims have less than usual.
With .6 the clique in d is paid .020; with 1 half as many again are wronged."""

_DOUBTED, _BACKED = 0.2, 0.9
"""The shares of backed claims below which a text is not believed at all, and above which it is believed fully. With .1
or .8 the clique in d is paid .018; with .3 or 1 a third more are wronged."""

ENOUGH = 0.6
"""The amount that is paid in full, so that nobody need write more than most do; a shorter text earns its share."""

_FULL = 1.1
"""The amount beyond which more adds nothing to a text's rank: without it the longest text would be forwarded, and the
winner would be right in .005 fewer rounds."""

_TINY = 1e-9
"""Keeps a division by an all but empty total finite."""


class Merit(Struct, frozen=True):
    """One item per voter: `belief` that it is right, 0..1; `amount`, how much it gives relative to what is usual (1);
    and `rank`, the highest of which is the reply to forward. `settled`, 0..1, is how far the voters' combined weight
    settles a belief that is a share of their backing. `known`: a known truth decided, not the votes."""

    belief: Floats
    amount: Floats
    rank: Floats
    settled: float = 1.0
    known: bool = False

    @property
    def decided(self) -> Floats:
        """The share of full pay that the belief earns, 0..1."""
        sharpened: Floats = np.array([votes.decided(float(belief)) for belief in self.belief])
        return sharpened * self.settled

    @property
    def coverage(self) -> Floats:
        """The share of full pay that the amount earns, 0..1: all from ENOUGH on."""
        covered: Floats = np.clip(self.amount / ENOUGH, 0.0, 1.0)
        return covered


def by_truth(ballot: Ballot, truth: str, lures: Sequence[str] = ()) -> Merit | None:
    """Belief 1 for a reply that gives the known answer and 0 for any other, each by its own words alone; None if the
    truth cannot be read as an answer of its type."""
    if ballot.kind.key(truth, ballot.question) is None:
        return None
    right = [ballot.kind.equals(reply, truth, ballot.question, lures) for reply in ballot.replies]
    return _decided(right, known=True)


def by_votes(ballot: Ballot) -> Merit:
    """Belief by the voters' weights, for answers that are compared as values."""
    if ballot.kind.compared == "fields":
        leaves = [answer.fields if answer else () for answer in ballot.answers]
        return _decided(votes.field_beliefs(leaves, ballot.votes))
    believed = votes.beliefs([answer and answer.key for answer in ballot.answers], ballot.votes)
    return _decided([believed[answer.key] if answer else 0.0 for answer in ballot.answers])


def by_claims(ballot: Ballot, vectors: Mapping[str, NDArray[np.float32]]) -> Merit:
    """Belief in open text: how well its claims are backed, relative to those of the weightiest voters.

    The rank comes from a second pass, in which voters are also weighted by the belief from the first.
    """
    if not ballot.replies:
        return _decided([])
    asked = vectors[ballot.question]
    spoken = [
        [claim for claim in claims(reply.text, ballot.question) if float(vectors[claim] @ asked) >= _TOPICAL]
        for reply in ballot.replies
    ]
    backing = support(spoken, vectors, ballot.votes)
    belief, amount = _standing_of_claims(backing, ballot.votes.own)
    stood = np.array([_weaker_part(backed) for backed in backing])
    trusted = ballot.votes.scaled((stood / max(float(stood.max(initial=0.0)), _TINY)) ** 2)
    again, full = _standing_of_claims(support(spoken, vectors, trusted), trusted.own)
    believers = [index for index, one in enumerate(belief) if one >= 0.5]
    settled = votes.settled(ballot.votes.together(believers)) if believers else 0.0
    return Merit(belief, amount, again * np.minimum(full, _FULL), settled)


def claims(text: str, question: str) -> list[str]:
    """At most MAX_CLAIMS sentences that say something beyond the question."""
    found = [part for part in sentences(text) if added_words(part, question)]
    return list(dict.fromkeys(found))[:MAX_CLAIMS]


def support(spoken: Sequence[Sequence[str]], vectors: Mapping[str, NDArray[np.float32]], cast: Votes) -> list[Floats]:
    """For each voter's claims, the share of all voters' weight that backs each, including the voter's own.

    Another voter backs a claim if one of its own is close: fully at a cosine of 0.9, not at all at 0.6.
    """
    owner = np.repeat(np.arange(len(spoken)), [len(said) for said in spoken])
    flat = [claim for said in spoken for claim in said]
    if not flat:
        return [np.zeros(0) for _ in spoken]
    matrix = np.array([vectors[claim] for claim in flat], dtype=np.float64)
    alike = np.clip((matrix @ matrix.T - _OTHER_CLAIM) / (_SAME_CLAIM - _OTHER_CLAIM), 0.0, 1.0)
    alike[np.equal.outer(np.array(flat), np.array(flat))] = 1.0
    backing = np.zeros((len(flat), len(spoken)))
    for voter in range(len(spoken)):
        mine = owner == voter
        if mine.any():
            backing[:, voter] = alike[:, mine].max(axis=1)
    weighed = cast.behind(backing)
    total = cast.together([voter for voter, said in enumerate(spoken) if said])
    shares = weighed / total if total > 0 else weighed
    return [shares[owner == voter] for voter in range(len(spoken))]


def _standing_of_claims(backing: Sequence[Floats], own: Floats) -> tuple[Floats, Floats]:
    """The belief and amount of each voter, from the backing of its claims and the voters' weights."""
    usual = _mean([float(backed.mean()) if len(backed) else 0.0 for backed in backing], own)
    if usual <= 0:
        return np.zeros(len(own)), np.zeros(len(own))
    trusted = [np.minimum(backed / (_USUAL * usual), 1.0) for backed in backing]
    share = np.array([_weaker_part(one) for one in trusted])
    amount = np.array([float(one.sum()) for one in trusted])
    belief = np.clip((share - _DOUBTED) / (_BACKED - _DOUBTED), 0.0, 1.0)
    return belief, amount / max(_mean(amount, own), _TINY)


def _decided(beliefs: Sequence[float], *, known: bool = False) -> Merit:
    """The merit of answers that are right or wrong as a whole, by their beliefs."""
    belief = np.array(beliefs, dtype=np.float64)
    return Merit(belief, np.ones(len(belief)), belief, known=known)


def _weaker_part(trusted: Floats) -> float:
    """The mean of the least trusted three quarters of the claims: one sound sentence does not save the others."""
    return float(np.sort(trusted)[: math.ceil(len(trusted) * 3 / 4)].mean()) if len(trusted) else 0.0


def _mean(values: Sequence[float] | Floats, own: Floats) -> float:
    total = float(own.sum())
    return float((np.asarray(values, dtype=np.float64) * own).sum()) / total if total > 0 else 0.0
