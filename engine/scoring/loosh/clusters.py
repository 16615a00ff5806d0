"""Groups of answers that say the same, by average linkage over cosine distances."""

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import AgglomerativeClustering

from engine.scoring.loosh.cosine import Vectors

APART = 0.5


def groups(likeness: Vectors, votes: NDArray[np.float64]) -> list[list[int]]:
    """Indices by cluster; first the one with the most votes (of equals the first found), then by size.

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
