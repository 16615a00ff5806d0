"""How much a miner's word weighs: what it earned on known answers, and who speaks in step with it.

Agreement never vouches for itself: only rounds whose answer the validator knows raise a weight. Agreement can lower
what nobody has earned: who never agrees with anyone counts less, who never disagrees with each other count as one.
"""

import math
import zlib
from collections.abc import Sequence

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from engine.scoring.history import MAX_ANSWERS, MAX_OUTCOMES, Record

Floats = NDArray[np.float64]

RIGHT, SILENT = 0, 1
_FADE = 0.98
_PRIOR_RIGHT, _PRIOR_WRONG = 3.0, 2.0
_LEAST = 0.02
_MOST_ROUNDS = 256
_FEW_ROUNDS = 4
_APART = 0.1
_LAST = 3
_SELDOM = 0.15
_FAIR = 0.8
_TINY = 1e-9


def digest(key: str) -> int:
    """An answer's digest: equal for equal answers; SILENT for "", no answer."""
    return max(2, zlib.crc32(key.encode("utf-8", "replace"))) if key else SILENT


def with_outcome(record: Record, at: int, result: int) -> Record:
    return structs.replace(record, outcomes=(*record.outcomes, (at, result))[-MAX_OUTCOMES:])


def with_answer(record: Record, at: int, answer: int) -> Record:
    return structs.replace(record, answers=(*record.answers, (at, answer))[-MAX_ANSWERS:])


def accuracy(record: Record) -> float:
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


def fair_hits(records: Sequence[Record]) -> list[list[bool]]:
    """For each miner the known answers that it met or missed, oldest first, without the misses that say nothing of it:
    those of questions that the others missed as well, each of whom counts by its weight."""
    results = _by_round([record.outcomes for record in records])
    voices = weights(records)[:, None] * (results >= 0)
    met = voices * (results == RIGHT)
    others_met = (met.sum(axis=0) - met) >= _FAIR * (voices.sum(axis=0) - voices)
    told = (results == RIGHT) | ((results >= 0) & others_met)
    return [(row[kept] == RIGHT).tolist() for row, kept in zip(results, told, strict=True)]


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


def in_unison(records: Sequence[Record]) -> Floats:
    """Shape (n, n): 1 for two miners who gave the same answer in every one of many rounds, 0 from one in ten apart."""
    answers = _by_round([record.answers for record in records])
    same = np.zeros((len(records), len(records)))
    met = np.zeros_like(same)
    for column in answers.T:
        there = column > SILENT
        met += there[:, None] & there[None, :]
        same += there[:, None] & (column[:, None] == column[None, :])
    apart = (met - same) / np.maximum(met, 1)
    shares: Floats = np.clip(1 - apart / _APART, 0.0, 1.0) * np.clip((met - _FEW_ROUNDS) / _FEW_ROUNDS, 0.0, 1.0)
    np.fill_diagonal(shares, 0.0)
    return shares


def company(records: Sequence[Record]) -> Floats:
    """For each miner, 0..1, how often independent others gave its answer too, against the one who had most company.

    1 while little is known. Those in unison with a miner are no company for it, and count as one for others.
    """
    answers = _by_round([record.answers for record in records])
    unison = in_unison(records)
    voices = (1 - unison) / (1 + unison.sum(axis=1))[None, :]
    np.fill_diagonal(voices, 0.0)
    shared, rounds = np.zeros(len(records)), np.zeros(len(records))
    for column in answers.T:
        there = column > SILENT
        if there.sum() < _FEW_ROUNDS:
            continue
        same = (column[:, None] == column[None, :]) & there[None, :]
        shared += there * (same * voices).sum(axis=1) / np.maximum((voices * there[None, :]).sum(axis=1), _TINY)
        rounds += there
    mean = shared / np.maximum(rounds, 1)
    known = np.clip((rounds - _FEW_ROUNDS) / (2 * _FEW_ROUNDS), 0.0, 1.0)
    relative = mean / max(float(mean.max(initial=0.0)), _TINY)
    kept: Floats = 1 - known * (1 - np.maximum(_LEAST, relative**3))
    return kept


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
