"""What each miner of the demo got out of it."""

from typing import Any

from engine.snapshot import Snapshot


def earnings(snapshot: Snapshot) -> list[dict[str, Any]]:
    """One record a miner, the best paid first: its score, its weight on chain and the tokens that it earned."""
    stakes = {one.uid: one.stake for one in snapshot.metagraph.neurons} if snapshot.metagraph else {}
    paid = sorted(snapshot.miners, key=lambda miner: (-miner.weight, -miner.ema, miner.uid))
    return [
        {
            "uid": miner.uid,
            "name": miner.name,
            "rounds": miner.rounds,
            "answered": miner.answered,
            "ema": round(miner.ema, 4),
            "weight": round(miner.weight, 4),
            "earned": round(stakes.get(miner.uid, 0.0), 4),
        }
        for miner in paid
    ]
