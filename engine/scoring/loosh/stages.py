"""The stages that an answer goes through: the centres of five clusters of its sentences, as scikit-learn finds them.

The network's validator uses scikit-learn's k-means (seed 42, the best of three initialisations). For the few sentences
of an answer, its checks take several times as long as its arithmetic, so the same steps are done here, with the same
random numbers in the same order. If a cluster loses all its sentences, scikit-learn itself is called.
"""

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from engine.scoring.loosh.cosine import Vectors

STAGES = 5
SEED = 42
BEGINNINGS = 3
TRIALS = 3
"""Candidates for each further centre of an initialisation, of which the best is taken: 2 + ln 5, rounded down."""

MAX_STEPS = 300
TOLERANCE = 1e-4
"""scikit-learn's own defaults."""

_DRAWS = np.random.RandomState(SEED).random_sample((BEGINNINGS, 1 + (STAGES - 1) * TRIALS))


class _EmptyClusterError(Exception):
    """A centre lost all its sentences; only scikit-learn knows where it moves."""


def stages(sentences: Vectors) -> Vectors:
    """The centres, shape (5, dim), the shortest first; `sentences` has shape (n, dim), n at least 5."""
    try:
        centres = _centres(sentences)
    except _EmptyClusterError:
        centres = _centres_of_scikit_learn(sentences)
    return np.asarray(centres[np.argsort(np.linalg.norm(centres, axis=1))], dtype=np.float32)


def _centres_of_scikit_learn(sentences: Vectors) -> Vectors:
    """As scikit-learn finds them, without its warnings about repeated sentences, which any answer may contain."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(n_clusters=STAGES, n_init=BEGINNINGS, random_state=SEED).fit(sentences)
    return np.asarray(found.cluster_centers_)


def _centres(sentences: Vectors) -> Vectors:
    mean = sentences.mean(axis=0)
    rows = sentences - mean
    tolerance = float(np.var(sentences, axis=0).mean()) * TOLERANCE
    best, least = rows[:STAGES], np.inf
    for draws in _DRAWS:
        centres, spread = _settled(rows, rows[_beginning(rows, draws)], tolerance)
        if spread < least:
            best, least = centres, spread
    return np.asarray(best + mean)


def _beginning(rows: Vectors, draws: NDArray[np.float64]) -> list[int]:
    """Five sentences far from each other (k-means++): each is drawn by its distance from those before."""
    exact = rows.astype(np.float64)
    norms = np.einsum("ij,ij->i", exact, exact)
    ones = np.ones((len(rows), 1), dtype=np.float32)
    chosen = [int(draws[0] * len(rows))]
    nearest = _distances(exact, norms, chosen)[0]
    total = nearest @ ones
    for trial in draws[1:].reshape(STAGES - 1, TRIALS):
        candidates = np.searchsorted(np.cumsum(nearest), trial * total).clip(max=len(rows) - 1)
        distances = np.minimum(nearest, _distances(exact, norms, candidates))
        totals = distances @ ones
        best = int(totals.argmin())
        chosen.append(int(candidates[best]))
        nearest, total = distances[best], totals[best]
    return chosen


def _distances(
    rows: NDArray[np.float64], norms: NDArray[np.float64], chosen: "list[int] | NDArray[np.intp]"
) -> Vectors:
    """Squared distances, shape (chosen, n): computed in double, kept in single precision."""
    squares = norms[chosen, np.newaxis] + norms - 2 * (rows[chosen] @ rows.T)
    return np.maximum(squares, 0).astype(np.float32)


def _settled(rows: Vectors, centres: Vectors, tolerance: float) -> tuple[Vectors, float]:
    """The centres once they no longer move, and the sum of squared distances from them.

    Raises _EmptyClusterError.
    """
    before = None
    for _ in range(MAX_STEPS):
        nearest = _nearest(rows, centres)
        counts = np.bincount(nearest, minlength=STAGES)
        if not counts.all():
            raise _EmptyClusterError
        belongs = (nearest == np.arange(STAGES)[:, np.newaxis]).astype(np.float32)
        moved = (belongs @ rows) * (np.float32(1) / counts[:, np.newaxis].astype(np.float32))
        shift = float(((moved - centres) ** 2).sum())
        centres = moved
        if before is not None and (nearest == before).all():
            break
        if shift <= tolerance:
            nearest = _nearest(rows, centres)
            break
        before = nearest
    return centres, _in_order((rows - centres[nearest]) ** 2)


def _nearest(rows: Vectors, centres: Vectors) -> NDArray[np.intp]:
    """The nearest centre of each row; the first, if tied."""
    return np.asarray((np.einsum("ij,ij->i", centres, centres) - 2 * (rows @ centres.T)).argmin(axis=1))


def _in_order(squares: Vectors) -> float:
    """Their sum, added up in scikit-learn's order, so that the same one of equally good clusterings is chosen."""
    fours = np.add.reduceat(squares, range(0, squares.shape[1], 4), axis=1)
    return float(np.cumsum(np.cumsum(fours, axis=1)[:, -1])[-1])
