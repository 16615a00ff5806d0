"""What a refusal by the chain means for weights: most are failures, some only mean that it is too early."""

TOO_SOON = ("SettingWeightsTooFast", "CommittingWeightsTooFast", "RateLimitExceeded")
IN_POOL = ("AlreadyInPool", "TemporarilyBanned")
"""The node already has this very call, or had it a moment ago: the chain will show its outcome."""

POOL_BUSY = ("AnotherInPool", "PoolFull")
"""Another call of this hotkey is in the pool under the same nonce, or the pool is full: ours is not in it."""

OUTDATED = ("Stale", "Expired", "BadProof", "NotIncluded")
"""The call was signed for an outdated state of the chain and never lands; the next attempt is signed anew."""

NOT_NOW = {
    **dict.fromkeys(TOO_SOON, "the rate limit"),
    **dict.fromkeys((*IN_POOL, *POOL_BUSY), "the pool"),
    **dict.fromkeys(OUTDATED, "the next block"),
    **dict.fromkeys(("EpochDeferred", "CommitQueueFull"), "the next epoch"),
}
"""What to wait for after a refusal that is not a failure, by error name."""


def error_name(reason: str) -> str:
    """The error name at the start of a refusal's reason."""
    return reason.partition(":")[0]
