"""From answers to a belief: which answer is right, given who gave it and what each voter's word weighs."""

from collections.abc import Hashable, Sequence

import numpy as np

from engine.scoring.duplicates import Wording
from engine.scoring.reliability import UNEARNED, Floats


def shared(weights: Floats, entities: Sequence[int], wordings: Sequence[Wording]) -> Floats:
    """Each voter's weight after sharing: an entity's members split one vote; of the same words only one vote counts.

    Bare wordings, which everyone who knows the answer would use, share what nobody has earned and keep the rest.
    """
    sizes = np.bincount(entities, minlength=len(weights))[np.asarray(entities, dtype=np.int64)] if len(weights) else 1
    own: Floats = weights / sizes
    for wording in wordings:
        group = list(wording.members)
        if len(group) == 1:
            continue
        kept = own[group]
        unearned = np.minimum(kept, UNEARNED)
        total = unearned.max() + (kept - unearned).sum() if wording.bare else kept.max()
        own[group] = kept * (total / kept.sum())
    return own


def weight_of(group: Sequence[int], own: Floats, in_step: Floats) -> float:
    """What a group's voters weigh together, those who err in step counting as fewer."""
    members = np.asarray(group, dtype=np.int64)
    company = in_step[np.ix_(members, members)] @ np.minimum(1.0, own[members] / max(float(own[members].max()), 1e-9))
    return float((own[members] / (1 + company)).sum())


def beliefs(answers: Sequence[Hashable | None], own: Floats, in_step: Floats) -> dict[Hashable, float]:
    """The probability of each answer: voters speak for theirs with the log odds that they weigh, and "none of these"
    stands against them all. Sums to less than one."""
    groups: dict[Hashable, list[int]] = {}
    for index, answer in enumerate(answers):
        if answer is not None:
            groups.setdefault(answer, []).append(index)
    if not groups:
        return {}
    speaks = np.array([weight_of(group, own, in_step) for group in groups.values()])
    top = max(0.0, float(speaks.max()))
    shares = np.exp(speaks - top)
    total = float(shares.sum()) + float(np.exp(-top))
    return {answer: float(share) / total for answer, share in zip(groups, shares, strict=True)}


def field_beliefs(leaves: Sequence[tuple[tuple[str, str], ...]], own: Floats, in_step: Floats) -> list[float]:
    """For each structured answer the belief in its weakest leaf: voters are asked about every leaf by itself, so that
    those who miss one still speak for the others. 0 for an answer without leaves."""
    by_path: dict[str, list[str | None]] = {}
    for index, answer in enumerate(leaves):
        for path, value in answer:
            by_path.setdefault(path, [None] * len(leaves))[index] = value
    believed = {path: beliefs(values, own, in_step) for path, values in by_path.items()}
    return [min((believed[path][value] for path, value in answer), default=0.0) for answer in leaves]


def decided(belief: float) -> float:
    """A belief sharpened into pay: near one when it is settled, near zero below a half, little when all is open."""
    return belief**2 / (belief**2 + (1 - belief) ** 2)
