"""Who stands apart: the local outlier factor, with the rule that better outliers oust a worse crowd."""

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import LocalOutlierFactor

from engine.scoring.loosh.cosine import Vectors

ENOUGH = 3
NEIGHBOURS = 2
BETTER_BY = 0.15


def staying(vectors: Vectors, quality: NDArray[np.float64]) -> tuple[NDArray[np.bool_], bool]:
    """Which of the answers stay, and whether they are outliers; all stay where there are fewer than three.

    Outliers go, unless their mean quality is more than 0.15 above that of the others: then the others go.
    """
    if len(vectors) < ENOUGH:
        return np.ones(len(vectors), dtype=np.bool_), False
    inliers: NDArray[np.bool_] = LocalOutlierFactor(n_neighbors=NEIGHBOURS).fit_predict(vectors) == 1
    if inliers.all() or not inliers.any():
        return np.ones(len(vectors), dtype=np.bool_), False
    better = bool(quality[~inliers].mean() - quality[inliers].mean() > BETTER_BY)
    return (~inliers if better else inliers), better
