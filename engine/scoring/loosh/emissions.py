"""What each answer earns: the share of the round's time that it did not take, times the consensus score.

The rule is the network's: speed pays more than being right, and being outside the consensus costs only a sixth.
"""

import math
from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

INSIDE = 1.2
MOST = 1.5
"""The factor for members of the consensus, and the most that the best one's lead is worth; as in the network's
validator."""


def time_shares(ms: Sequence[float]) -> NDArray[np.float64]:
    """Each answer's share of all the time taken, 0..1; 1 for all if no time was measured, so that nobody is paid."""
    taken = np.array([value if 0 < value < math.inf else 0.0 for value in ms])
    total = taken.sum()
    return np.asarray(taken / total) if total > 0 else np.ones(len(taken))


def top_bonus(scores: NDArray[np.float64]) -> tuple[int | None, float]:
    """The index of the best score (the first, if tied), and the bonus factor for its lead over the second: at most
    1.5."""
    if len(scores) < 2:
        return None, 1.0
    best = int(np.argmax(scores))
    lead = float(scores[best] - np.delete(scores, best).max())
    return best, bonus(lead)


def bonus(lead: float) -> float:
    """The best answer's emission is multiplied by this, according to its lead over the next; at most MOST."""
    return min(MOST, 1 + 0.5 * math.tanh(0.1 * lead))


def emissions(
    time: NDArray[np.float64], score: float, members: Collection[int], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The emission of each answer, shape (n,), not normalised. `score` is theta."""
    paid = (1 - time) * score
    paid[list(members)] *= INSIDE
    best, factor = top_bonus(scores)
    if best is not None:
        paid[best] *= factor
    return np.asarray(paid)


NO_ADDRESS = ("", "0", "0.0.0.0")


def shares(owners: Sequence[tuple[str, str]]) -> list[float]:
    """The vote of each miner, in (0, 1], from its (address, coldkey); "" is unknown and shared with nobody."""
    by_address = Counter(address for address, _ in owners if address not in NO_ADDRESS)
    joined = [by_address[address] >= 2 for address, _ in owners]
    by_coldkey = Counter(coldkey for (_, coldkey), taken in zip(owners, joined, strict=True) if coldkey and not taken)
    return [
        1 / by_address[address] if taken else 1 / max(1, by_coldkey[coldkey])
        for (address, coldkey), taken in zip(owners, joined, strict=True)
    ]
