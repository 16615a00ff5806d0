"""How much a miner's word weighs: what it earned on known answers, and who errs in step with it.

Agreement never vouches for itself: only rounds whose answer the validator knows teach anything here.
"""

import math
import zlib
from collections.abc import Sequence

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from engine.scoring.history import MAX_OUTCOMES, Record

Floats = NDArray[np.float64]

RIGHT, SILENT = 0, 1
_FADE = 0.96
_PRIOR_RIGHT, _PRIOR_WRONG = 1.2, 0.8
_LEAST = 0.02
_MOST_ROUNDS = 256


def wrong(key: str) -> int:
    """A wrong answer's digest: equal for equal answers; SILENT for "", no answer."""
    return max(2, zlib.crc32(key.encode("utf-8", "replace"))) if key else SILENT


def with_outcome(record: Record, at: int, result: int) -> Record:
    return structs.replace(record, outcomes=(*record.outcomes, (at, result))[-MAX_OUTCOMES:])


def accuracy(record: Record) -> float:
    """The expected share of right answers, old ones counting less; 0.6 for a miner of whom nothing is known."""
    right = _PRIOR_RIGHT
    total = _PRIOR_RIGHT + _PRIOR_WRONG
    for age, (_, result) in enumerate(reversed(record.outcomes)):
        right += _FADE**age * (result == RIGHT)
        total += _FADE**age
    return right / total


def weights(records: Sequence[Record]) -> Floats:
    """The votes' weights: the log odds of being right, never below zero, so that nobody is believed in reverse."""
    chances = np.array([accuracy(record) for record in records], dtype=np.float64)
    return np.maximum(_LEAST, np.log(chances / (1 - chances)))


UNEARNED = math.log(_PRIOR_RIGHT / _PRIOR_WRONG)
"""The weight of a miner of whom nothing is known."""


def in_step(records: Sequence[Record]) -> Floats:
    """Shape (n, n): of the known-answer rounds that either missed, the share that both missed with the same answer.

    Miners who err alike run the same model, or are the same; their agreement is worth one opinion.
    """
    rounds = sorted({at for record in records for at, _ in record.outcomes})[-_MOST_ROUNDS:]
    column = {at: place for place, at in enumerate(rounds)}
    results = np.full((len(records), len(rounds)), -1, dtype=np.int64)
    for row, record in enumerate(records):
        for at, result in record.outcomes:
            if at in column:
                results[row, column[at]] = result
    alike = np.zeros((len(records), len(records)))
    either = np.zeros_like(alike)
    for answers in results.T:
        wrong = answers > SILENT
        met = (answers >= 0)[:, None] & (answers >= 0)[None, :]
        alike += wrong[:, None] & (answers[:, None] == answers[None, :])
        either += met & (wrong[:, None] | wrong[None, :])
    shares: Floats = alike / (either + 1)
    np.fill_diagonal(shares, 0.0)
    return shares
