"""From votes to beliefs: which answer is right, given who gave it and what each vote weighs."""

from collections.abc import Hashable, Sequence

import numpy as np
from msgspec import Struct, structs

from engine.scoring import reliability
from engine.scoring.duplicates import Wording
from engine.scoring.history import TrackRecord
from engine.scoring.reliability import UNEARNED, Floats

NOBODY = 5.0
"""The log odds that none of the given answers is right: twelve unknown voters, at .41 each, half settle a question.
Without it a clique of strangers takes twice as much of the pay."""


class Votes(Struct, frozen=True):
    """The voters' weights, shape (n,); `in_step`, shape (n, n), says which voters count as fewer if they vote
    together."""

    own: Floats
    in_step: Floats

    def scaled(self, by: Floats) -> "Votes":
        """The votes, each weight multiplied by its item of `by`."""
        return structs.replace(self, own=self.own * by)

    def behind(self, backing: Floats) -> Floats:
        """The weight behind each of m things that voters back fully or partly; `backing`, shape (m, n), is 0..1."""
        weighed: Floats = (backing * self.own / (1 + backing @ self.in_step)).sum(axis=1)
        return weighed

    def together(self, members: Sequence[int]) -> float:
        """The weight of a group: each vote divided by how many voters it is in step with. These count by their weight
        relative to its own, at most as one, so that a light voter takes little from a heavy one."""
        group = np.asarray(members, dtype=np.int64)
        own, step = self.own[group], self.in_step[np.ix_(group, group)]
        return float((own / (1 + step @ np.minimum(1.0, own / own.max()))).sum()) if own.any() else 0.0


def weigh(
    records: Sequence[TrackRecord], entities: Sequence[int], wordings: Sequence[Wording], *, is_open: bool = False
) -> Votes:
    """The voters' weights after sharing: an entity's members split one vote, and equal words have one vote between
    them. On open text they are those earned there.

    Bare wordings, which anyone who knows the answer would use, share only the weight lent to unknown miners, and keep
    what was earned on known answers.
    """
    full = reliability.weights(records, is_open=is_open)
    sizes = np.bincount(np.asarray(entities, dtype=np.int64), minlength=len(full))
    share = 1 / sizes[np.asarray(entities, dtype=np.int64)]
    lent = np.minimum(full, UNEARNED) * share
    earned = np.maximum(full - UNEARNED, 0.0) * share
    for wording in wordings:
        group = list(wording.members)
        lent[group] *= lent[group].max() / max(float(lent[group].sum()), 1e-9)
        if not wording.bare and earned[group].any():
            earned[group] *= earned[group].max() / earned[group].sum()
    return Votes(earned + lent, reliability.in_step(records))


def beliefs(answers: Sequence[Hashable | None], cast: Votes) -> dict[Hashable, float]:
    """The probability of each answer: its voters' weights are log odds in its favour, and NOBODY is the log odds of
    "none of these". Sums to less than one."""
    groups: dict[Hashable, list[int]] = {}
    for index, answer in enumerate(answers):
        if answer is not None:
            groups.setdefault(answer, []).append(index)
    if not groups:
        return {}
    speaks = np.array([cast.together(group) for group in groups.values()])
    top = max(0.0, float(speaks.max()))
    shares = np.exp(speaks - top)
    total = float(shares.sum()) + float(np.exp(NOBODY - top))
    return {answer: float(share) / total for answer, share in zip(groups, shares, strict=True)}


def settled(weight: float) -> float:
    """How firmly a group of this weight settles a question if nobody contradicts it, 0..1."""
    return float(1 / (1 + np.exp(NOBODY - weight)))


def field_beliefs(leaves: Sequence[tuple[tuple[str, str], ...]], cast: Votes) -> list[float]:
    """For each structured answer, the belief in its weakest leaf: votes count leaf by leaf, so that a voter that misses
    one leaf still supports the others. 0 for an answer without leaves."""
    by_path: dict[str, list[str | None]] = {}
    for index, answer in enumerate(leaves):
        for path, value in answer:
            by_path.setdefault(path, [None] * len(leaves))[index] = value
    believed = {path: beliefs(values, cast) for path, values in by_path.items()}
    return [min((believed[path][value] for path, value in answer), default=0.0) for answer in leaves]


def decided(belief: float) -> float:
    """A belief sharpened into pay, 0..1: near one if the belief is settled, near zero below a half."""
    return belief**3 / (belief**3 + (1 - belief) ** 3)
