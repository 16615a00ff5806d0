"""How much a miner's word weighs: what it earned on known answers, and who errs in step with it.

Agreement never vouches for itself: only rounds whose answer the validator knows change a weight.
"""

import math
import zlib
from collections.abc import Sequence

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from engine.scoring.history import MAX_OUTCOMES, TrackRecord

Floats = NDArray[np.float64]

RIGHT, SILENT = 0, 1
"""Outcomes that are no digest of a wrong answer; see `TrackRecord.outcomes`."""

_FADE = 0.98
"""What a known answer keeps with each later one: it has half its weight after 34, about as many as are remembered."""

_PRIOR_RIGHT, _PRIOR_WRONG = 3.0, 2.0
"""Nobody knows a new miner: as if it had met three of five known answers, a little more than a guess at yes or no."""

_LEAST = 0.02
"""A vote that is worth nothing still parts a tie, and no division is by zero."""

_MOST_ROUNDS = 256
"""Known-answer rounds that are compared, which bounds the time: 32 outcomes of each of eight shifts of miners."""

_LAST = 3
"""Misses in a row that are no bad luck: one in a hundred for a miner that is right in four of five."""

_SELDOM = 0.15
"""A miner that ever met more of the known answers is weak and not doubtful."""

_FAIR = 0.8
"""A miss tells something where so much of the others' weight met the answer; elsewhere the question was too hard."""


def digest(key: str) -> int:
    """An answer's digest: equal for equal answers; SILENT for "", no answer."""
    return max(2, zlib.crc32(key.encode("utf-8", "replace"))) if key else SILENT


def with_outcome(record: TrackRecord, at: int, result: int) -> TrackRecord:
    """The record after a known-answer round: RIGHT, SILENT or the digest of the wrong answer."""
    return structs.replace(record, outcomes=(*record.outcomes, (at, result))[-MAX_OUTCOMES:])


def accuracy(record: TrackRecord) -> float:
    """The expected share of right answers, old ones counting less; 0.6 for a miner of whom nothing is known."""
    right = _PRIOR_RIGHT
    total = _PRIOR_RIGHT + _PRIOR_WRONG
    for age, (_, result) in enumerate(reversed(record.outcomes)):
        right += _FADE**age * (result == RIGHT)
        total += _FADE**age
    return right / total


def turned(hits: Sequence[bool]) -> bool:
    """A miner that missed its last fair known answers, whatever it knew before."""
    return len(hits) >= _LAST and not any(hits[-_LAST:])


def doubtful(hits: Sequence[bool]) -> bool:
    """A miner that missed its last fair known answers, and nearly all before. One that it meets lifts the doubt."""
    return len(hits) > _LAST and turned(hits) and sum(hits) < _SELDOM * len(hits)


def fair_hits(records: Sequence[TrackRecord]) -> list[list[bool]]:
    """For each miner the known answers that it met or missed, oldest first, without the misses that say nothing of it:
    those of questions that the others missed as well, each of whom counts by its weight."""
    results = _by_round([record.outcomes for record in records])
    voices = weights(records)[:, None] * (results >= 0)
    met = voices * (results == RIGHT)
    others_met = (met.sum(axis=0) - met) >= _FAIR * (voices.sum(axis=0) - voices)
    told = (results == RIGHT) | ((results >= 0) & others_met)
    return [(row[kept] == RIGHT).tolist() for row, kept in zip(results, told, strict=True)]


def weights(records: Sequence[TrackRecord]) -> Floats:
    """The votes' weights: the log odds of being right, never below zero, so that nobody is believed in reverse."""
    chances = np.array([accuracy(record) for record in records], dtype=np.float64)
    return np.maximum(_LEAST, np.log(chances / (1 - chances)))


UNEARNED = math.log(_PRIOR_RIGHT / _PRIOR_WRONG)
"""The weight of a miner of whom nothing is known."""


def in_step(records: Sequence[TrackRecord]) -> Floats:
    """Shape (n, n): of the known-answer rounds that either missed, the share that both missed with the same answer.

    Miners who err alike run the same model, or are the same; their agreement is worth one opinion.
    """
    results = _by_round([record.outcomes for record in records])
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


def _by_round(told: Sequence[Sequence[tuple[int, int]]]) -> NDArray[np.int64]:
    """Shape (miners, rounds): what each told in the last rounds, -1 where it was not asked."""
    rounds = sorted({at for told_by_one in told for at, _ in told_by_one})[-_MOST_ROUNDS:]
    column = {at: place for place, at in enumerate(rounds)}
    table = np.full((len(told), len(rounds)), -1, dtype=np.int64)
    for row, told_by_one in enumerate(told):
        for at, what in told_by_one:
            if at in column:
                table[row, column[at]] = what
    return table
