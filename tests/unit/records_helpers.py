"""Track records of miners, for the tests of reliability."""

from engine.scoring.history import TrackRecord


def outcomes(*results: int) -> TrackRecord:
    """A miner asked in rounds 0, 1, …; -1 where it was not asked."""
    return TrackRecord(outcomes=tuple((at, result) for at, result in enumerate(results) if result >= 0))
