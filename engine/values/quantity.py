"""Numbers in their bounds."""

import math
import sys
from collections.abc import Collection, Sequence
from typing import Annotated

from msgspec import Meta

Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""A number that is one: neither NaN nor infinite, where a value is decoded."""

Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
RAO = 10**9
"""The parts of a token in which the chain counts."""

Tokens = Annotated[float, Meta(ge=0, le=1e9)]
"""An amount that fits into a Natural of rao."""

At = Annotated[float, Meta(ge=0, le=253_402_300_799)]
"""Unix seconds before the year 10000, the last that a date can be made of."""

U16_MAX = 65_535
"""The largest weight on chain, and one as the chain writes a share."""


def percentile(values: Collection[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0..1) of them do not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


def max_upscale(weights: Sequence[float]) -> tuple[int, ...]:
    """Weights as the chain stores them: the largest becomes 65535, halves round to even, a tiny one may become 0."""
    scale = U16_MAX / max(weights)
    return tuple(round(weight * scale) for weight in weights)
