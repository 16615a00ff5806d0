"""The scoring profiles by name: what each needs embedded, and how each judges a round."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.scoring import robust
from engine.scoring.history import History
from engine.values import Challenge, Judgement, Reply

PROFILES = ("robust", "loosh")
Vectors = Mapping[str, NDArray[np.float32]]


def texts(profile: str, challenge: Challenge, replies: Sequence[Reply]) -> list[str]:
    """The texts whose vectors `judge` needs, each once. Raises ValueError for an unknown profile."""
    _check(profile)
    if profile == "loosh":
        from engine.scoring.loosh import profile as loosh

        return loosh.texts(challenge, replies)
    return robust.texts(challenge, replies)


def judge(
    profile: str, challenge: Challenge, replies: Sequence[Reply], vectors: Vectors, history: History
) -> tuple[Judgement, History]:
    """The judgement of a round and the history after it. Pure: the same input gives the same output.

    The profile loosh has no memory of its own: the history passes through it, for when robust is chosen again.
    """
    _check(profile)
    sound = {text: vector if np.isfinite(vector).all() else np.zeros_like(vector) for text, vector in vectors.items()}
    if profile == "loosh":
        from engine.scoring.loosh import profile as loosh

        return loosh.judge(challenge, replies, sound), history
    return robust.judge(challenge, replies, sound, history)


def _check(profile: str) -> None:
    if profile not in PROFILES:
        raise ValueError(f"{profile!r} is no scoring profile; choose one of {', '.join(PROFILES)}")
