"""Yuma consensus: from stake and weights to consensus, incentive, dividends and vtrust. Pure.

Here it is without its memory: bonds are made afresh each epoch from the clipped weights, not averaged with
earlier ones, in floats and not in fixed point. A fresh bond is a validator's part of a miner's rank and earns that part
of the miner's incentive; summed over the miners this is stake times vtrust, which is how dividends are computed here.
Exact Yuma with bonds over time and liquid alpha comes with the real chain. Miners' rank and trust are left out, as the
chain dropped them.
"""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

STAKE_TOLERANCE = 1e-9
"""Forgives rounding where validators' shares add up to exactly kappa."""

Row = Mapping[int, float]
"""One validator's weights by uid; they sum to 1."""


class Terms(Struct, frozen=True, kw_only=True):
    """An epoch's result, one number a uid. Incentive and dividends each sum to 1, or to 0 when there are no weights."""

    consensus: tuple[float, ...]
    incentive: tuple[float, ...]
    dividends: tuple[float, ...]
    validator_trust: tuple[float, ...]


def terms_of(stake: Sequence[float], weights: Mapping[int, Row], kappa: float) -> Terms:
    """The terms of an epoch.

    `stake` is one share a uid, 0 for all who do not validate, and sums to 1 (or 0); `weights` are rows by the uid of
    the validator; `kappa` is the share of stake that makes a majority.
    """
    uids = range(len(stake))
    consensus = [_weighted_median(stake, weights, uid, kappa) for uid in uids]
    clipped = {
        validator: {uid: min(weight, consensus[uid]) for uid, weight in row.items()}
        for validator, row in weights.items()
    }
    ranks = [0.0] * len(stake)
    for validator, row in clipped.items():
        for uid, weight in row.items():
            ranks[uid] += stake[validator] * weight
    trust = [math.fsum(clipped.get(uid, {}).values()) for uid in uids]
    return Terms(
        consensus=tuple(consensus),
        incentive=normalised(ranks),
        dividends=normalised([share * vtrust for share, vtrust in zip(stake, trust, strict=True)]),
        validator_trust=tuple(trust),
    )


def normalised(values: Sequence[float]) -> tuple[float, ...]:
    """The values scaled to sum to 1; zeros stay zeros."""
    total = math.fsum(values)
    return tuple(value / total for value in values) if total > 0 else tuple(0.0 for _ in values)


def _weighted_median(stake: Sequence[float], weights: Mapping[int, Row], uid: int, kappa: float) -> float:
    """The largest weight that validators holding at least `kappa` of the stake give to `uid`."""
    given = sorted(((row.get(uid, 0.0), stake[validator]) for validator, row in weights.items()), reverse=True)
    support = 0.0
    for weight, share in given:
        support += share
        if support >= kappa - STAKE_TOLERANCE:
            return weight
    return 0.0
