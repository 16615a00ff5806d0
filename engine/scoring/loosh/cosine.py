"""Cosine similarity in single precision, step by step as the Loosh validator's library computes it.

Its rules compare cosines with round numbers (0.2, 0.25, 0.45, 0.5) that short texts hit exactly: a different order of
operations would put them on the other side.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Number = TypeVar("Number", bound=np.generic)


def finite_rows(rows: NDArray[np.floating]) -> Vectors:
    """The rows in float32; a row that is not finite becomes zero, which resembles nothing."""
    vectors = np.asarray(rows, dtype=np.float32)
    return np.where(np.isfinite(vectors).all(axis=1, keepdims=True), vectors, np.float32(0))


def unit(rows: Vectors) -> Vectors:
    """The rows scaled to unit length; rows that are (nearly) zero stay as they are."""
    lengths = np.sqrt(np.einsum("ij,ij->i", rows, rows))
    lengths[lengths < 10 * np.finfo(np.float32).eps] = 1
    scaled: Vectors = rows / lengths[:, np.newaxis]
    return scaled


def cosines(rows: Vectors, others: Vectors | None = None) -> Vectors:
    """The cosine of each row with each of `others`, or with each other row. Shape (rows, others)."""
    ours = unit(rows)
    theirs = ours if others is None else unit(others)
    return ours @ theirs.T


def neighbouring(rows: Vectors) -> list[float]:
    """The cosine of each row with the next."""
    scaled = unit(rows)
    return [
        float((scaled[place : place + 1] @ scaled[place + 1 : place + 2].T)[0, 0]) for place in range(len(rows) - 1)
    ]


def upper(square: NDArray[Number]) -> NDArray[Number]:
    """The values above the diagonal, row by row: one per pair."""
    return square[np.triu_indices(len(square), k=1)]
