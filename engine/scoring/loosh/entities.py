"""Who shares a vote: miners behind one address, and those left behind one coldkey.

Unlike the profile robust, this is the network's own rule: private addresses count, and a coldkey joins only miners that
their address has not joined already.
"""

from collections import Counter
from collections.abc import Sequence

NO_ADDRESS = ("", "0", "0.0.0.0")


def shares(owners: Sequence[tuple[str, str]]) -> list[float]:
    """The vote of each miner, in (0, 1], by its (address, coldkey); "" is unknown and joins nobody."""
    by_address = Counter(address for address, _ in owners if address not in NO_ADDRESS)
    joined = [by_address[address] >= 2 for address, _ in owners]
    by_coldkey = Counter(coldkey for (_, coldkey), taken in zip(owners, joined, strict=True) if coldkey and not taken)
    return [
        1 / by_address[address] if taken else 1 / max(1, by_coldkey[coldkey])
        for (address, coldkey), taken in zip(owners, joined, strict=True)
    ]
