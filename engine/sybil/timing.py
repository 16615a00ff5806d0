"""How early or late each reply came beyond what the round's difficulty explains."""

import math
from collections.abc import Sequence

import numpy as np

from engine.scoring.reliability import Floats
from engine.sybil.tallies import Pace
from engine.sybil.wording import Bools

_KNOWN_FROM = 5
_MOST = 3.0
_LEAST_SPREAD = 0.02


def rests(ms: Sequence[float], entities: Sequence[int], same: Bools) -> Floats:
    """Shape (n,): the logarithm of each time less that of the round, NaN for a reply without one.

    The round's time is the median of its independent replies: an entity, and a text, speak once, or a clique would be
    its own difficulty.
    """
    times = np.array([math.log(each) if 0 < each < math.inf else math.nan for each in ms])
    kin = same | (np.asarray(entities)[:, None] == np.asarray(entities)[None, :])
    independent = ~np.tril(kin, -1).any(axis=1) & ~np.isnan(times)
    rest: Floats = times - (np.median(times[independent]) if independent.any() else math.nan)
    return rest


def standing_out(rest: float, pace: Pace) -> float | None:
    """By how many standard deviations of its own a reply is late, None while the miner's pace is not known."""
    if math.isnan(rest) or pace.count < _KNOWN_FROM:
        return None
    spread = max(math.sqrt(pace.variance), _LEAST_SPREAD)
    return max(-_MOST, min(_MOST, (rest - pace.mean) / spread))
