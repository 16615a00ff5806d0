"""Yuma consensus: from stake, weights and earlier bonds to consensus, incentive, dividends, vtrust and new bonds. Pure.

A validator's bond to a miner is its share of the miner's rank, averaged over epochs. It earns that share of the miner's
incentive, so a validator that valued a miner early profits when others follow. Uses floats instead of fixed point, and
no liquid alpha, which is off by default. Miners' rank and trust are left out, as the chain has dropped them.
"""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

STAKE_TOLERANCE = 1e-9
"""Tolerance for rounding when validators' shares add up to exactly kappa."""

BONDS_MOVING_AVERAGE = 0.9
"""The share of earlier bonds kept by an epoch: the default of BondsMovingAverage, 900,000 millionths."""

Row = Mapping[int, float]
"""One validator's weights by uid, which sum to 1, or its bonds."""


class Terms(Struct, frozen=True, kw_only=True):
    """An epoch's result, one number per uid. Incentive and dividends each sum to 1, or to 0 if there are no weights.

    `bonds` are rows by validator uid; all bonds to one miner sum to 1.
    """

    consensus: tuple[float, ...]
    incentive: tuple[float, ...]
    dividends: tuple[float, ...]
    validator_trust: tuple[float, ...]
    bonds: Mapping[int, Row]


def terms_of(
    stake: Sequence[float], weights: Mapping[int, Row], kappa: float, bonds: Mapping[int, Row] | None = None
) -> Terms:
    """The terms of an epoch.

    `stake` is one share per uid, 0 for non-validators, and sums to 1 (or 0); `weights` are rows by validator uid;
    `kappa` is the share of stake that makes a majority; `bonds` are those left by the last epoch, on any scale.
    """
    uids = range(len(stake))
    consensus = [_weighted_median(stake, weights, uid, kappa) for uid in uids]
    clipped = {
        validator: {uid: min(weight, consensus[uid]) for uid, weight in row.items()}
        for validator, row in weights.items()
    }
    ranks = {
        validator: {uid: stake[validator] * weight for uid, weight in row.items()} for validator, row in clipped.items()
    }
    incentive = normalised([math.fsum(row.get(uid, 0.0) for row in ranks.values()) for uid in uids])
    bonded = _averaged(_by_miner(ranks), _by_miner(bonds or {}))
    dividends = [math.fsum(bond * incentive[uid] for uid, bond in bonded.get(one, {}).items()) for one in uids]
    return Terms(
        consensus=tuple(consensus),
        incentive=incentive,
        dividends=normalised(dividends),
        validator_trust=tuple(math.fsum(clipped.get(uid, {}).values()) for uid in uids),
        bonds=bonded,
    )


def _averaged(fresh: Mapping[int, Row], before: Mapping[int, Row]) -> dict[int, Row]:
    """The bonds of this epoch: a weighted average of the fresh ones and the earlier ones."""
    kept = BONDS_MOVING_AVERAGE
    return _by_miner(
        {
            validator: {
                uid: (1 - kept) * fresh.get(validator, {}).get(uid, 0.0)
                + kept * before.get(validator, {}).get(uid, 0.0)
                for uid in {**fresh.get(validator, {}), **before.get(validator, {})}
            }
            for validator in {**fresh, **before}
        }
    )


def _by_miner(rows: Mapping[int, Row]) -> dict[int, Row]:
    """The rows scaled so that the values of each miner sum to 1; zeros are dropped."""
    totals: dict[int, float] = {}
    for row in rows.values():
        for uid, bond in row.items():
            totals[uid] = totals.get(uid, 0.0) + bond
    return {
        validator: {uid: bond / totals[uid] for uid, bond in row.items() if bond > 0} for validator, row in rows.items()
    }


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
