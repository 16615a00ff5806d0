"""Checks a vector of weights before it is signed."""

import math
from collections.abc import Collection, Sequence

from engine.values import U16_MAX


def fault_in(uids: Sequence[int], values: Sequence[float], known: Collection[int] = ()) -> str:
    """Why these weights cannot be sent, error name first; "" if they can.

    `known` are the subnet's uids; if empty, uids are not checked against them.
    """
    if not uids:
        return "EmptyWeights: there is no weight to set: a miner needs a score first"
    if len(uids) != len(values):
        return f"WeightVecNotEqualSize: {len(uids)} uids and {len(values)} weights"
    if len(set(uids)) != len(uids):
        return "DuplicateUids: a uid is named twice"
    for uid, value in zip(uids, values, strict=True):
        if not math.isfinite(value):
            return f"NotANumber: the weight of uid {uid} is {value}"
        if value < 0:
            return f"NegativeWeight: the weight of uid {uid} is {value}"
        if value > U16_MAX or value != int(value):
            return f"NotU16: the weight of uid {uid} is {value}: whole numbers up to {U16_MAX} are sent"
        if known and uid not in known:
            return f"UidVecContainInvalidOne: there is no uid {uid} on this subnet"
    return "" if any(values) else "EmptyWeights: all weights are 0"
