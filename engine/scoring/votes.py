"""From answers to a belief: which answer is right, given who gave it and what each voter's word weighs."""

from collections.abc import Hashable, Sequence

import numpy as np
from msgspec import Struct, structs

from engine.scoring import reliability
from engine.scoring.duplicates import Wording
from engine.scoring.history import TrackRecord
from engine.scoring.reliability import UNEARNED, Floats

NOBODY = 5.0
"""The log odds against all answers given: twelve voters of whom nothing is known, at .41 each, settle a question by
halves. Without it a clique of strangers takes twice as much of the pay."""


class Votes(Struct, frozen=True):
    """What the voters weigh, shape (n,); `in_step` (n, n) says who counts as fewer when they stand together."""

    own: Floats
    in_step: Floats

    def scaled(self, by: Floats) -> "Votes":
        """The votes, each multiplied by its item of `by`."""
        return structs.replace(self, own=self.own * by)

    def behind(self, backing: Floats) -> Floats:
        """What stands behind each of m things that voters back wholly or in part; `backing` (m, n) is 0..1."""
        weighed: Floats = (backing * self.own / (1 + backing @ self.in_step)).sum(axis=1)
        return weighed

    def together(self, members: Sequence[int]) -> float:
        """What a group weighs: each vote divided by how many it stands for. Others in step with it count by their own
        weight, at most fully, so that a light voter takes little from a heavy one."""
        group = np.asarray(members, dtype=np.int64)
        own, step = self.own[group], self.in_step[np.ix_(group, group)]
        return float((own / (1 + step @ np.minimum(1.0, own / own.max()))).sum()) if own.any() else 0.0


def weigh(records: Sequence[TrackRecord], entities: Sequence[int], wordings: Sequence[Wording]) -> Votes:
    """The voters' weights after sharing: an entity's members split one vote; of the same words only one vote counts.

    Bare wordings, which everyone who knows the answer would use, share what is lent to those of whom nothing is known,
    and keep what is earned on known answers.
    """
    full = reliability.weights(records)
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
    """The probability of each answer: voters speak for theirs with the log odds that they weigh, and "none of these"
    stands against them all with NOBODY. Sums to less than one."""
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
    """How firmly a group of that weight settles a question on which nobody speaks against it, 0..1."""
    return float(1 / (1 + np.exp(NOBODY - weight)))


def field_beliefs(leaves: Sequence[tuple[tuple[str, str], ...]], cast: Votes) -> list[float]:
    """For each structured answer the belief in its weakest leaf: voters are asked about every leaf by itself, so that
    those who miss one still speak for the others. 0 for an answer without leaves."""
    by_path: dict[str, list[str | None]] = {}
    for index, answer in enumerate(leaves):
        for path, value in answer:
            by_path.setdefault(path, [None] * len(leaves))[index] = value
    believed = {path: beliefs(values, cast) for path, values in by_path.items()}
    return [min((believed[path][value] for path, value in answer), default=0.0) for answer in leaves]


def decided(belief: float) -> float:
    """A belief sharpened into pay: near one when it is settled, near zero below a half, little when all is open."""
    return belief**3 / (belief**3 + (1 - belief) ** 3)
