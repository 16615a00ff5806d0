"""The consensus: outliers and smaller clusters drop out, and the rest are scored by how well they agree."""

from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering
from sklearn.neighbors import LocalOutlierFactor

from engine.scoring.loosh.cosine import Vectors, cosines, upper

MIN_QUALITY = 0.35
MIN_COSINE = 0.20
"""An answer of less quality, or less like the question, does not take part in the consensus; as in the network's
validator."""

SPREAD = 1.0
"""The part of the standard deviation that is added to the mean agreement: the more they differ, the higher the
score."""

Fate = Literal["consensus", "off topic", "poor", "outlier", "ousted", "outside"]


class Consensus(Struct, frozen=True, kw_only=True):
    """`fates` and `quality` (after the question's gate) of all answers, in order.

    `clusters` are the clusters of the answers that got this far, as indices, the consensus first. `score` is theta: the
    weighted mean of the members' cosines plus their standard deviation; it may exceed 1.
    """

    quality: NDArray[np.float64]
    fates: tuple[Fate, ...]
    clusters: tuple[tuple[int, ...], ...]
    score: float

    @property
    def members(self) -> tuple[int, ...]:
        """The answers in the consensus, as indices; () if there is none."""
        return self.clusters[0] if self.clusters else ()


def form(
    asked: NDArray[np.float32], vectors: Vectors, quality: NDArray[np.float64], votes: NDArray[np.float64]
) -> Consensus:
    """The consensus of n answers. Shapes: `asked` (dim,), the question; `vectors` (n, dim); `quality`, `votes` (n,)."""
    off_topic = cosines(asked[np.newaxis], vectors)[0] < MIN_COSINE
    quality = np.where(off_topic, 0.0, quality)
    fates: list[Fate] = ["off topic" if off else "poor" for off in off_topic]
    good = np.flatnonzero(quality >= MIN_QUALITY)
    if not len(good):
        return Consensus(quality=quality, fates=tuple(fates), clusters=(), score=0.0)
    stays, outliers_won = staying(vectors[good], quality[good])
    for index in map(int, good):
        fates[index] = "ousted" if outliers_won else "outlier"
    near = good[stays]
    for index in map(int, near):
        fates[index] = "outside"
    clusters = tuple(
        tuple(int(near[index]) for index in group) for group in groups(cosines(vectors[near]), votes[near])
    )
    for index in clusters[0]:
        fates[index] = "consensus"
    members = list(clusters[0])
    return Consensus(
        quality=quality,
        fates=tuple(fates),
        clusters=clusters,
        score=agreement(cosines(vectors[members]), quality[members] * votes[members]),
    )


def agreement(likeness: Vectors, weights: NDArray[np.float64]) -> float:
    """Mean plus deviation of the pairs' cosines, each pair weighted by the product of its members' weights."""
    pairs, weighed = upper(likeness), upper(np.outer(weights, weights))
    if not len(pairs) or weighed.sum() <= 0:
        return 0.0
    mean = np.average(pairs, weights=weighed)
    return float(mean + SPREAD * np.sqrt(np.average((pairs - mean) ** 2, weights=weighed)))


ENOUGH = 3
NEIGHBOURS = 2
BETTER_BY = 0.15
"""Fewer answers than this have no outliers, how many neighbours an answer is compared with, and by how much the
outliers must be better to stay instead of the others; as in the network's validator."""


def staying(vectors: Vectors, quality: NDArray[np.float64]) -> tuple[NDArray[np.bool_], bool]:
    """Which of the answers stay, and whether those are the outliers; with fewer than three, all stay.

    Outliers drop out, unless their mean quality exceeds that of the others by more than 0.15: then the others do.
    """
    if len(vectors) < ENOUGH:
        return np.ones(len(vectors), dtype=np.bool_), False
    inliers: NDArray[np.bool_] = LocalOutlierFactor(n_neighbors=NEIGHBOURS).fit_predict(vectors) == 1
    if inliers.all() or not inliers.any():
        return np.ones(len(vectors), dtype=np.bool_), False
    better = bool(quality[~inliers].mean() - quality[inliers].mean() > BETTER_BY)
    return (~inliers if better else inliers), better


APART = 0.5
"""The distance (one less the mean cosine) at which two groups of answers are two; as in the network's validator."""


def groups(likeness: Vectors, votes: NDArray[np.float64]) -> list[list[int]]:
    """Indices by cluster: first the one with the most votes (the first found, if tied), then by size.

    `likeness` has shape (n, n), `votes` (n,).
    """
    if len(likeness) < 2:
        return [list(range(len(likeness)))]
    clustering = AgglomerativeClustering(
        n_clusters=None, distance_threshold=APART, metric="precomputed", linkage="average"
    )
    labels = clustering.fit_predict(1 - likeness)
    found = [[int(index) for index in np.flatnonzero(labels == label)] for label in range(int(labels.max()) + 1)]
    first = found[int(np.argmax([votes[group].sum() for group in found]))]
    return [first, *sorted((group for group in found if group is not first), key=lambda group: (-len(group), group))]
