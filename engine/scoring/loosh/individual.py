"""Each answer's own score: its likeness to the consensus and its quality, or outside the consensus its length."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.scoring.loosh.consensus import Consensus
from engine.scoring.loosh.cosine import Vectors, cosines

ANSWERED = 0.15
"""Given to every answer, in place of a confidence that no miner states."""

INSIDE = 0.10
DIVERSE_FROM = 0.6
MOST_DIVERSE = 0.15
"""The bonus of members; and the likeness below which an answer outside is diverse, with its highest bonus. As in the
network's validator."""


def likeness_to_consensus(consensus: Consensus, vectors: Vectors, votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean cosine of each answer with the other members of the consensus, shape (n,); 0 if there are none.

    For a member, its peers are weighted by their votes; for the others every member counts equally.
    """
    found = np.zeros(len(vectors))
    members = list(consensus.members)
    if members:
        found[:] = cosines(vectors, vectors[members]).mean(axis=1)
        found[members] = _mean_of_others(cosines(vectors[members]), votes[members])
    return found


def scores(
    consensus: Consensus,
    texts: Sequence[str],
    vectors: Vectors,
    likeness: NDArray[np.float64],
    votes: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The score of each answer, shape (n,), scaled by its vote; all 0 if nobody is in the consensus.

    `likeness` is `likeness_to_consensus`.
    """
    members = list(consensus.members)
    if not members:
        return np.zeros(len(texts))
    words = np.array([len(text.split()) for text in texts])
    found = 0.30 * likeness + 0.25 * words / max(1, words.max()) + ANSWERED
    quality = consensus.quality[members]
    diversity = _diversity(cosines(vectors[members]), quality)
    found[members] = 0.40 * likeness[members] + 0.25 * quality + ANSWERED + INSIDE + diversity
    return np.asarray(found * votes)


def _diversity(likeness: Vectors, quality: NDArray[np.float64]) -> NDArray[np.float64]:
    """What a good answer earns for differing from its peers, whatever their votes; nothing without peers."""
    if len(likeness) < 2:
        return np.zeros(len(likeness))
    unlike = 1 - _mean_of_others(likeness, np.ones(len(likeness)))
    bonus = np.minimum(MOST_DIVERSE, unlike * (quality / DIVERSE_FROM) * MOST_DIVERSE)
    return np.where(quality > DIVERSE_FROM, bonus, 0.0)


def _mean_of_others(likeness: Vectors, votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each row without its diagonal, weighted by votes (all above 0); 0 for a single row."""
    weights = np.tile(votes, (len(likeness), 1))
    np.fill_diagonal(weights, 0.0)
    return np.asarray((likeness * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), np.finfo(np.float64).tiny))
