"""Open answers that are much closer to each other than to what the others wrote."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.sybil.wording import Bools

NEAR = 0.4
"""Close is what lies within this share of the usual distance between this round's answers."""

_FEWEST = 4
_LEAST_DISTANCE = 0.02


def closer_than_the_rest(vectors: Sequence[NDArray[np.float32] | None]) -> Bools:
    """Shape (n, n): pairs whose cosine distance is small against both ones' median distance to the other answers.

    `vectors` have length one; None, or one that is not finite, is close to nobody. Where all say much the same, nobody
    is close.
    """
    close = np.zeros((len(vectors), len(vectors)), dtype=np.bool_)
    there = [index for index, vector in enumerate(vectors) if vector is not None and np.isfinite(vector).all()]
    if len(there) < _FEWEST:
        return close
    rows = np.array([vectors[index] for index in there], dtype=np.float32)
    distance = 1 - rows @ rows.T
    usual = np.median(distance, axis=1)
    wide = usual >= _LEAST_DISTANCE
    near = distance <= NEAR * np.minimum(usual[:, None], usual[None, :])
    close[np.ix_(there, there)] = near & wide[:, None] & wide[None, :]
    return close
