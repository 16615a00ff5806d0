"""Yuma consensus: from stake, weights and earlier bonds to consensus, incentive, dividends, vtrust and new bonds. Pure.

A validator's bond to a miner is its part of the miner's rank, averaged over epochs: it earns that part of the miner's
incentive, so whoever valued a miner early earns with it when others follow. In floats and not in fixed point; without
liquid alpha, which is off by default. Miners' rank and trust are left out, as the chain dropped them.
"""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct

STAKE_TOLERANCE = 1e-9
"""Forgives rounding where validators' shares add up to exactly kappa."""

BONDS_MOVING_AVERAGE = 0.9
"""What an epoch leaves of the bonds before it: the default of BondsMovingAverage, 900,000 millionths."""

Row = Mapping[int, float]
"""One validator's weights by uid, which sum to 1; or its bonds."""


class Terms(Struct, frozen=True, kw_only=True):
    """An epoch's result, one number a uid. Incentive and dividends each sum to 1, or to 0 when there are no weights.

    `bonds` are rows by the uid of the validator; all that there are to one miner sum to 1.
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

    `stake` is one share a uid, 0 for all who do not validate, and sums to 1 (or 0); `weights` are rows by the uid of
    the validator; `kappa` is the share of stake that makes a majority; `bonds` are those that the last epoch left, on
    any scale.
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
    """The bonds of this epoch: a part of the fresh ones, and what is left of those before."""
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
    """The rows scaled so that all numbers of one miner sum to 1; zeros are left out."""
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
