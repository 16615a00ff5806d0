"""Records of miners for the tests of what their words weigh."""

from engine.scoring.history import Record

SAME = 2
"""The digest of the answer that most give."""

_ALONE = 1_000


def outcomes(*results: int) -> Record:
    """A miner asked in rounds 0, 1, …; -1 where it was not asked."""
    return Record(outcomes=tuple((at, result) for at, result in enumerate(results) if result >= 0))


def answers(*given: int) -> Record:
    """As `outcomes`, for the digests of answers."""
    return Record(answers=tuple((at, answer) for at, answer in enumerate(given) if answer >= 0))


def crowd(rounds: int) -> list[Record]:
    """Five miners who agree, but for every fifth round, where each is alone in its turn."""
    return [answers(*(_ALONE + 5 * at + one if at % 5 == one else SAME for at in range(rounds))) for one in range(5)]


def loner(rounds: int, start: int = 2 * _ALONE) -> Record:
    """A miner with another answer in each round."""
    return answers(*range(start, start + rounds))
