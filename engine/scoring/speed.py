"""What time costs: nothing up to a target, then little, and never more than SHARE of a right answer's pay."""

import math

TARGET_MS = 5_000.0
LATEST_MS = 60_000.0
SHARE = 0.05


def promptness(ms: float) -> float:
    """1 up to the target, falling with the logarithm of the time to 1 - SHARE at LATEST_MS and beyond."""
    if not math.isfinite(ms):
        return 1 - SHARE
    late = math.log(max(ms, TARGET_MS) / TARGET_MS) / math.log(LATEST_MS / TARGET_MS)
    return 1 - SHARE * min(1.0, late)
