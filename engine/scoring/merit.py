"""What each voter's reply is worth: how firmly it is believed to be right, and how much of the answer it gives."""

from collections.abc import Mapping

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.scoring import claims as open_text
from engine.scoring import votes
from engine.scoring.answers import truth_key
from engine.scoring.ballot import Ballot
from engine.scoring.reliability import Floats
from engine.scoring.words import words

_DOUBTED, _BACKED = 0.35, 0.8
_TOPICAL = 0.1
_ENOUGH = 0.6


class Merit(Struct, frozen=True):
    """One item a voter: `belief` that it is right and `coverage` of the whole answer, 0..1. `known` is True when a
    known truth decided, not the votes."""

    belief: Floats
    coverage: Floats
    known: bool = False


def by_truth(ballot: Ballot, truth: str) -> Merit | None:
    """Belief 1 for the known answer, 0 for any other; None when the truth cannot be read as the question's kind."""
    if ballot.kind == "text":
        wanted = words(truth)
        right = [_contains(words(reply.text), wanted) for reply in ballot.replies]
        return Merit(np.array(right, dtype=np.float64), np.ones(len(right)), known=True) if wanted else None
    key = truth_key(ballot.kind, truth, ballot.question)
    if key is None:
        return None
    right = [answer is not None and answer.key == key for answer in ballot.answers]
    return Merit(np.array(right, dtype=np.float64), np.ones(len(right)), known=True)


def by_votes(ballot: Ballot) -> Merit:
    """Belief by the voters' weights, for answers that can be compared as values."""
    if ballot.kind in ("json", "tool_call"):
        leaves = [answer.fields if answer else () for answer in ballot.answers]
        belief = np.array(votes.field_beliefs(leaves, ballot.votes), dtype=np.float64)
    else:
        believed = votes.beliefs([answer and answer.key for answer in ballot.answers], ballot.votes)
        belief = np.array([believed[answer.key] if answer else 0.0 for answer in ballot.answers], dtype=np.float64)
    return Merit(belief, np.ones(len(belief)))


def by_claims(ballot: Ballot, vectors: Mapping[str, NDArray[np.float32]]) -> Merit:
    """Belief in open text: how well its claims are backed beside the claims of the weightiest voters."""
    asked = vectors[ballot.question]
    spoken = [
        [claim for claim in open_text.claims(reply.text, ballot.question) if float(vectors[claim] @ asked) >= _TOPICAL]
        for reply in ballot.replies
    ]
    backing = open_text.support(spoken, vectors, ballot.votes)
    own = ballot.votes.own
    means = np.array([float(backed.mean()) if len(backed) else 0.0 for backed in backing])
    usual = float((means * own).sum() / own.sum()) if len(means) and own.sum() > 0 else 0.0
    if usual <= 0:
        return Merit(np.zeros(len(means)), np.zeros(len(means)))
    trusted = [np.clip((backed / usual - _DOUBTED) / (_BACKED - _DOUBTED), 0.0, 1.0) for backed in backing]
    belief = np.array([float(one.mean()) if len(one) else 0.0 for one in trusted])
    amount = np.array([float(one.sum()) for one in trusted])
    full = float((amount * own).sum() / own.sum())
    return Merit(belief, np.clip(amount / (_ENOUGH * full), 0.0, 1.0) if full > 0 else np.zeros(len(means)))


def _contains(said: list[str], wanted: list[str]) -> bool:
    return any(said[start : start + len(wanted)] == wanted for start in range(len(said) - len(wanted) + 1))
