"""The Loosh validator's penalty for suspected sybils: scores are lowered by suspicion, for a bounded number of miners.

Below HARD only the most suspected are penalised, so that a detector gone wrong cannot take the whole subnet along;
from there on everyone is. A miner keeps at least KEPT of its score.
"""

import math
from collections.abc import Mapping

from msgspec import Struct

SUSPECTED = 0.1
HARD = 0.60
SOFT_SHARE = 0.33
KEPT = 0.2


class Penalties(Struct, frozen=True):
    """`scores` after the penalty, of all miners; who was penalised, and whom only the bound spared, worst first."""

    scores: dict[str, float]
    penalised: tuple[str, ...]
    spared: tuple[str, ...]


def penalise(
    scores: Mapping[str, float],
    suspicion: Mapping[str, float],
    serving: int,
    *,
    share: float = SOFT_SHARE,
    hard: float = HARD,
) -> Penalties:
    """Penalise by `suspicion`, 0..1 by hotkey; who is not in it, or with what is no number, is not suspected.

    Of `serving` miners at most this `share`, and at least one, is penalised for a suspicion below `hard`.
    """
    suspected = {hotkey: suspicion.get(hotkey, 0.0) for hotkey, score in scores.items() if score > 0}
    worst = sorted(
        (hotkey for hotkey, level in suspected.items() if SUSPECTED <= level < math.inf),
        key=lambda hotkey: -suspected[hotkey],
    )
    certain = sum(suspected[hotkey] >= hard for hotkey in worst)
    bound = certain + max(1, int(share * serving))
    lowered = {hotkey: scores[hotkey] * max(1 - suspected[hotkey], KEPT) for hotkey in worst[:bound]}
    return Penalties({**scores, **lowered}, tuple(lowered), tuple(worst[bound:]))
