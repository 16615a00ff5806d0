"""Records of miners for the tests of what their words weigh."""

from engine.scoring.history import Record


def outcomes(*results: int) -> Record:
    """A miner asked in rounds 0, 1, …; -1 where it was not asked."""
    return Record(outcomes=tuple((at, result) for at, result in enumerate(results) if result >= 0))
