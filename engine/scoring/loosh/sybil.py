"""Pairs and groups of answers that are too similar. The network records them; they do not affect emissions.

Two answers are a pair by meaning (a cosine above a threshold derived from the round), by two of meaning, wording and
structure, or by the course of their sentences. Answers of fewer than 50 characters are not compared.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.scoring.loosh.cosine import Vectors, upper
from engine.scoring.loosh.traits import courses, structures, wordings

MIN_LENGTH = 50
HIGH_FLOOR, HIGH_PERCENTILE = 0.80, 99.9
VERY_HIGH_FLOOR, VERY_HIGH_PERCENTILE = 0.88, 99.99
APART = 0.01
FEW_PAIRS = 3
MEANING, WORDING, STRUCTURE, COURSE = 0.92, 0.85, 0.80, 0.85
WITHIN_GROUP = 0.90
"""The network's validator's: the least length; of the round's cosines the percentiles that a pair exceeds, with their
floors, which count alone where there are few pairs, and how far they lie apart; the likenesses in meaning, wording,
structure and course that make a pair; and how alike the members of a group are."""

How = Literal["semantic", "fusion", "trajectory"]


class AlikePair(Struct, frozen=True):
    """Two answers by index, the smaller first; how alike they are, and in which of the three ways they are most
    alike."""

    first: int
    second: int
    likeness: float
    how: How


class Group(Struct, frozen=True):
    """Answers by index that are all alike, with the mean, smallest and largest cosine among them."""

    members: tuple[int, ...]
    mean: float
    least: float
    most: float


class AlikeAnswers(Struct, frozen=True, kw_only=True):
    """The pairs and groups found, the most alike first, and the thresholds of the round."""

    pairs: tuple[AlikePair, ...]
    groups: tuple[Group, ...]
    high: float
    very_high: float


def suspects(texts: Sequence[str], likeness: Vectors, sentences: Sequence[Vectors]) -> AlikeAnswers:
    """Compare n answers. `likeness` has shape (n, n); `sentences` holds the vectors of each answer's sentences."""
    compared = [index for index, text in enumerate(texts) if len(text) >= MIN_LENGTH]
    high, very_high = thresholds(upper(likeness[np.ix_(compared, compared)]))
    best: dict[tuple[int, int], AlikePair] = {}
    for pair in _pairs(texts, likeness, sentences, compared, high):
        known = best.get((pair.first, pair.second))
        if known is None or pair.likeness > known.likeness:
            best[pair.first, pair.second] = pair
    return AlikeAnswers(
        pairs=tuple(sorted(best.values(), key=lambda pair: -pair.likeness)),
        groups=tuple(sorted(_groups(likeness, compared, high), key=lambda group: -group.mean)),
        high=high,
        very_high=very_high,
    )


def by_answer(pairs: Iterable[AlikePair]) -> dict[int, list[AlikePair]]:
    """Each answer's pairs, in the order given; answers without any are left out."""
    found: dict[int, list[AlikePair]] = {}
    for pair in pairs:
        found.setdefault(pair.first, []).append(pair)
        found.setdefault(pair.second, []).append(pair)
    return found


def thresholds(cosines: NDArray[np.floating]) -> tuple[float, float]:
    """The high and very high thresholds for these cosines: near the largest, not below the floors, at least 0.01
    apart."""
    if len(cosines) < FEW_PAIRS:
        return HIGH_FLOOR, VERY_HIGH_FLOOR
    spread = cosines.astype(np.float64)
    high = max(float(np.percentile(spread, HIGH_PERCENTILE)), HIGH_FLOOR)
    return high, max(float(np.percentile(spread, VERY_HIGH_PERCENTILE)), VERY_HIGH_FLOOR, high + APART)


def _pairs(
    texts: Sequence[str], likeness: Vectors, sentences: Sequence[Vectors], compared: Sequence[int], high: float
) -> Iterator[AlikePair]:
    """Every pair once for each way that finds it, way by way."""
    both = list(combinations(compared, 2))
    yield from (AlikePair(a, b, float(likeness[a, b]), "semantic") for a, b in both if likeness[a, b] >= high)
    wording = wordings(texts)
    if wording is not None:
        structure = structures(texts)
        for a, b in both:
            views = float(likeness[a, b]), float(wording[a, b]), float(structure[a, b])
            if sum(view >= least for view, least in zip(views, (MEANING, WORDING, STRUCTURE), strict=True)) >= 2:
                yield AlikePair(a, b, max(views), "fusion")
    course = courses([sentences[index] for index in compared])
    for (a, b), alike in zip(both, upper(course), strict=True):
        if alike >= COURSE:
            yield AlikePair(a, b, float(alike), "trajectory")


def _groups(likeness: Vectors, compared: Sequence[int], high: float) -> Iterator[Group]:
    """Connected answers, without those that are unlike another in the group."""
    left = list(compared)
    while left:
        reached = [left.pop(0)]
        for node in reached:
            near = [other for other in left if likeness[node, other] >= high]
            reached += near
            left = [other for other in left if other not in near]
        members = _pruned(likeness, reached)
        if len(members) >= 2:
            within = upper(likeness[np.ix_(members, members)])
            mean, least, most = float(within.astype(np.float64).mean()), float(within.min()), float(within.max())
            yield Group(tuple(sorted(members)), mean, least, most)


def _pruned(likeness: Vectors, members: list[int]) -> list[int]:
    """The members left after dropping the least similar, one at a time, until all are alike."""
    while len(members) >= 2:
        among = likeness[np.ix_(members, members)].astype(np.float64)
        np.fill_diagonal(among, np.inf)
        least = among.min(axis=1)
        if least.min() >= WITHIN_GROUP:
            break
        members = [member for place, member in enumerate(members) if place != int(least.argmin())]
    return members
