"""What a refusal of the chain means for weights: most are failures, some only say that it is not the time."""

TOO_SOON = ("SettingWeightsTooFast", "CommittingWeightsTooFast", "RateLimitExceeded")
IN_POOL = ("AlreadyInPool", "TemporarilyBanned")
"""The node has the very same call already, or had it a moment ago: what becomes of it the chain will show."""

POOL_BUSY = ("AnotherInPool", "PoolFull")
"""Another call of this hotkey is in the pool under the same nonce, or the pool takes no more: ours is not in it."""

OUTDATED = ("Stale", "Expired", "BadProof", "NotIncluded")
"""It was signed for a state of the chain that is over, and never lands; the next is signed anew."""

NOT_NOW = {
    **dict.fromkeys(TOO_SOON, "the rate limit"),
    **dict.fromkeys((*IN_POOL, *POOL_BUSY), "the pool"),
    **dict.fromkeys(OUTDATED, "the next block"),
    **dict.fromkeys(("EpochDeferred", "CommitQueueFull"), "the next epoch"),
}
"""What is waited for after a refusal that is no failure, by its error name."""


def error_name(reason: str) -> str:
    """The name with which the reason of a refusal begins."""
    return reason.partition(":")[0]
