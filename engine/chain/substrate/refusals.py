"""Translates a node's refusal of an extrinsic into the chain's own error names.

A node reports a refusal by its pool in one of two ways: code 1010 with "Custom error: 12" as data, or with
{"invalid":{"custom":12}} as message.
"""

import re
from typing import Any

POOL_ERRORS = {
    0: "ColdkeySwapAnnounced",
    1: "AmountTooLow",
    2: "NotEnoughBalanceToStake",
    3: "SubnetNotExists",
    4: "HotKeyAccountNotExists",
    5: "NotEnoughStakeToWithdraw",
    6: "RateLimitExceeded",
    7: "InsufficientLiquidity",
    8: "SlippageTooHigh",
    9: "TransferDisallowed",
    10: "HotKeyNotRegisteredInNetwork",
    11: "InvalidIpAddress",
    12: "ServingRateLimitExceeded",
    13: "InvalidPort",
    14: "ZeroMaxStakeAmount",
    15: "InvalidRevealRound",
    16: "NoWeightsCommitFound",
    17: "NotInRevealRange",
    18: "WeightVecNotEqualSize",
    19: "UidVecContainInvalidOne",
    25: "NonAssociatedColdKey",
    255: "BadRequest",
}
"""CustomTransactionError of the runtime (spec 424), mapped to the errors that a block would report."""

BY_CALL = {
    (1, "weights"): "NotEnoughStakeToSetWeights",
    (6, "set_"): "SettingWeightsTooFast",
    (6, "commit_"): "CommittingWeightsTooFast",
    (10, "weights"): "HotKeyNotRegisteredInSubNet",
}
"""Codes that mean something else for certain calls; "weights" matches several call names."""

BAD_PROOF = "BadProof"
"""The node verifies the signature against other bytes, as after a runtime upgrade that we have not followed yet."""

_CUSTOM = re.compile(r"custom(?: error)?\"?: ?(\d+)", re.IGNORECASE)
_SAID = (
    (re.compile(r"stale|outdated", re.IGNORECASE), "Stale"),
    (re.compile(r"bad ?proof|bad signature", re.IGNORECASE), BAD_PROOF),
    (re.compile(r"payment|pay some fees", re.IGNORECASE), "InabilityToPayFees"),
)
_CODES = {1012: "TemporarilyBanned", 1013: "AlreadyInPool", 1014: "AnotherInPool", 1016: "PoolFull"}
"""Errors of the pool itself. A key has one call in it at a time: until that is included, the next has its nonce."""


def refusal(error: dict[str, Any], call: str) -> str | None:
    """The reason in a JSON-RPC error, error name first, for a call of this name; None if the node itself failed."""
    code, said = error.get("code"), f"{error.get('message', '')} {error.get('data', '')}".strip()
    if code in _CODES:
        return f"{_CODES[code]}: {said}"
    if code != 1010:
        return None
    if custom := _CUSTOM.search(said):
        return _custom(int(custom[1]), call)
    name = next((name for pattern, name in _SAID if pattern.search(said)), "InvalidTransaction")
    return f"{name}: {said}"


def _custom(number: int, call: str) -> str:
    for (of, part), name in BY_CALL.items():
        if of == number and part in call:
            return name
    return POOL_ERRORS.get(number, f"CustomError{number}")
