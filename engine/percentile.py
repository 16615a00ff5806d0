"""Percentiles of a few measurements."""

import math
from collections.abc import Collection


def percentile(values: Collection[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0..1) of them do not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
