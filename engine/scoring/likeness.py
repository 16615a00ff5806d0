"""How alike in meaning the answers of a round are: the cosine of each pair, and a map of them.

The map is classical multidimensional scaling: of all projections onto a plane it keeps most of the squared distances
between the vectors. It is made from the distinct texts in sorted order, each weighted by the number of answers that say
it, so that equal answers share a point and the order of the replies makes no difference.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from engine.values import Likeness

MOST = 256
"""Most answers to compare; in a larger round, those of the first replies."""

_DIGITS = 4
_NEGLIGIBLE = 1e-9
"""Decimals kept of a likeness, and the spread below which answers count as one point."""

Floats = NDArray[np.float64]


def compare(answers: Mapping[int, str], vectors: Mapping[str, NDArray[np.float32]]) -> Likeness:
    """Compare the texts in `answers`, by the index of their reply, using their unit vectors.

    Blank texts, as with a tool call, are left out. A vector that is not finite counts as zero: it is like no other.
    """
    members = sorted(place for place, text in answers.items() if text.strip())[:MOST]
    if not members:
        return Likeness()
    texts = sorted({answers[place] for place in members})
    rows = np.array([vectors[text] for text in texts], dtype=np.float64)
    rows[~np.isfinite(rows).all(axis=1)] = 0.0
    number = {text: row for row, text in enumerate(texts)}
    which = np.array([number[answers[place]] for place in members])
    cosines = rows @ rows.T
    points, kept = _scaled(cosines, np.bincount(which) / len(members))
    first, second = np.triu_indices(len(members), k=1)
    return Likeness(
        members=tuple(members),
        pairs=np.rint(np.clip(cosines, 0.0, 1.0) * 255).astype(np.uint8)[which[first], which[second]].tobytes(),
        points=tuple((x, y) for x, y in (points[which].round(_DIGITS) + 0.0).tolist()),
        kept=kept,
    )


def _scaled(products: Floats, weights: Floats) -> tuple[Floats, float]:
    """The points, shape (n, 2), and the share of the variance that they show, from scalar products, shape (n, n)."""
    towards = weights @ products
    centred = products - towards - towards[:, np.newaxis] + towards @ weights
    roots = np.sqrt(weights)
    values, axes = np.linalg.eigh(centred * roots * roots[:, np.newaxis])
    values, axes = np.clip(values[::-1], 0.0, None), axes[:, ::-1]
    points = np.zeros((len(weights), 2))
    shown = min(2, len(values))
    points[:, :shown] = axes[:, :shown] * np.sqrt(values[:shown]) / roots[:, np.newaxis]
    heaviest = points[np.abs(points).argmax(axis=0), [0, 1]]
    spread = float(values.sum())
    kept = round(float(values[:shown].sum()) / spread, _DIGITS) if spread > _NEGLIGIBLE else 1.0
    return points * np.where(heaviest < 0, -1.0, 1.0), kept
