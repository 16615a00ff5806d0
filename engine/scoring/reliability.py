"""How much a miner's vote weighs: what it earned on known answers, and who makes the same mistakes.

Agreement alone earns nothing: only rounds whose answer the validator knows change a weight.
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
"""Outcomes other than the digest of a wrong answer; see `TrackRecord.outcomes`."""

_FADE = 0.98
"""The factor by which a known answer fades with each later one: to half after 34, about as many as are remembered."""

_PRIOR_RIGHT, _PRIOR_WRONG = 3.0, 2.0
"""The prior for a new miner: as if it had met three of five known answers, slightly better than guessing yes or no."""

_CLOSED_COUNTS = 2.0
"""Who is right on sums is likelier to be right on open text, until two open answers tell more."""

_LEAST = 0.02
"""Even a worthless vote breaks a tie and avoids a division by zero."""

_MOST_ROUNDS = 256
"""Most known-answer rounds to compare, to bound the time: 32 outcomes for each of eight shifts of miners."""

_LAST = 3
"""Misses in a row that are not bad luck: below one in a hundred for a miner that is right four times in five."""

_SELDOM = 0.15
"""A miner that ever met a larger share of the known answers is weak rather than doubtful."""

_FAIR = 0.8
"""A miss counts only if this share of the others' weight met the answer; otherwise the question was too hard."""


def digest(key: str) -> int:
    """An answer's digest: equal for equal answers; SILENT for "", no answer."""
    return max(2, zlib.crc32(key.encode("utf-8", "replace"))) if key else SILENT


def with_outcome(record: TrackRecord, at: int, result: int, *, is_open: bool = False) -> TrackRecord:
    """The record after a known-answer round whose outcome is RIGHT, SILENT or the digest of the wrong answer; `is_open`
    for open text."""
    kept = (*(record.open_outcomes if is_open else record.outcomes), (at, result))[-MAX_OUTCOMES:]
    return structs.replace(record, open_outcomes=kept) if is_open else structs.replace(record, outcomes=kept)


def accuracy(record: TrackRecord, *, is_open: bool = False) -> float:
    """The expected share of right answers, with older ones counting less; 0.6 for an unknown miner.

    On open text, what a miner did on closed questions counts like _CLOSED_COUNTS open ones.
    """
    closed = _expected(record.outcomes, _PRIOR_RIGHT, _PRIOR_RIGHT + _PRIOR_WRONG)
    return _expected(record.open_outcomes, _CLOSED_COUNTS * closed, _CLOSED_COUNTS) if is_open else closed


def _expected(outcomes: Sequence[tuple[int, int]], right: float, total: float) -> float:
    for age, (_, result) in enumerate(reversed(outcomes)):
        right += _FADE**age * (result == RIGHT)
        total += _FADE**age
    return right / total


def turned(hits: Sequence[bool]) -> bool:
    """Whether a miner missed its last fair known answers, whatever it met before."""
    return len(hits) >= _LAST and not any(hits[-_LAST:])


def doubtful(hits: Sequence[bool]) -> bool:
    """Whether a miner missed its last fair known answers and nearly all before. Meeting one lifts the doubt."""
    return len(hits) > _LAST and turned(hits) and sum(hits) < _SELDOM * len(hits)


def fair_hits(records: Sequence[TrackRecord]) -> list[list[bool]]:
    """For each miner, whether it met each known answer, oldest first, leaving out misses that say nothing about it:
    those of questions that the others, by weight, missed as well."""
    results = _by_round([record.outcomes for record in records])
    voices = weights(records)[:, None] * (results >= 0)
    met = voices * (results == RIGHT)
    others_met = (met.sum(axis=0) - met) >= _FAIR * (voices.sum(axis=0) - voices)
    told = (results == RIGHT) | ((results >= 0) & others_met)
    return [(row[kept] == RIGHT).tolist() for row, kept in zip(results, told, strict=True)]


def weights(records: Sequence[TrackRecord], *, is_open: bool = False) -> Floats:
    """The votes' weights: the log odds of being right, but not below zero, so that nobody is believed in reverse.

    Beside voters of whom something is known, one without any known answer has the least weight: new hotkeys are cheap.
    """
    chances = np.array([accuracy(record, is_open=is_open) for record in records], dtype=np.float64)
    found = np.maximum(_LEAST, np.log(chances / (1 - chances)))
    proven = np.array([bool(record.outcomes or record.open_outcomes) for record in records], dtype=np.bool_)
    weighed: Floats = np.where(proven, found, _LEAST) if proven.any() else found
    return weighed


UNEARNED = math.log(_PRIOR_RIGHT / _PRIOR_WRONG)
"""The weight of an unknown miner."""


def in_step(records: Sequence[TrackRecord]) -> Floats:
    """Of the known-answer rounds that either miner missed, the share that both missed with the same answer. Shape (n,
    n).

    Miners that make the same mistakes run the same model, or are one; their agreement is worth one opinion.
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
    """What each miner answered in the last rounds, -1 if it was not asked. Shape (miners, rounds)."""
    rounds = sorted({at for told_by_one in told for at, _ in told_by_one})[-_MOST_ROUNDS:]
    column = {at: place for place, at in enumerate(rounds)}
    table = np.full((len(told), len(rounds)), -1, dtype=np.int64)
    for row, told_by_one in enumerate(told):
        for at, what in told_by_one:
            if at in column:
                table[row, column[at]] = what
    return table
