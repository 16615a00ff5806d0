"""Judging open text by what it claims: each sentence is supported by the voters who say the same."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.answers.words import sentences
from engine.scoring.quality import added_words
from engine.scoring.reliability import Floats
from engine.scoring.votes import Votes

MAX_CLAIMS = 24
_CLAIM_WORDS = 2
_SAME_CLAIM = 0.9
_OTHER_CLAIM = 0.6


def claims(text: str, question: str) -> list[str]:
    """The sentences that say something beyond the question, at most MAX_CLAIMS."""
    found = [part for part in sentences(text) if len(added_words(part, question)) >= _CLAIM_WORDS]
    return list(dict.fromkeys(found))[:MAX_CLAIMS]


def support(spoken: Sequence[Sequence[str]], vectors: Mapping[str, NDArray[np.float32]], cast: Votes) -> list[Floats]:
    """For each voter's claims, the share of all voters' weight that stands behind each, the voter's own included.

    A claim is another's when their vectors are close: fully at a cosine of 0.9, not at all at 0.6.
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
