"""The scoring profiles by name: what each needs embedded, and how each judges a round."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.scoring import robust
from engine.scoring.history import History
from engine.values import Challenge, Judgement, Reply

PROFILES = ("robust",)
Vectors = Mapping[str, NDArray[np.float32]]


def texts(profile: str, challenge: Challenge, replies: Sequence[Reply]) -> list[str]:
    """The texts whose vectors `judge` needs, each once. Raises ValueError for an unknown profile."""
    _check(profile)
    return robust.texts(challenge, replies)


def judge(
    profile: str, challenge: Challenge, replies: Sequence[Reply], vectors: Vectors, history: History
) -> tuple[Judgement, History]:
    """The judgement of a round and the history after it. Pure: the same input gives the same output."""
    _check(profile)
    return robust.judge(challenge, replies, vectors, history)


def _check(profile: str) -> None:
    if profile not in PROFILES:
        raise ValueError(f"{profile!r} is no scoring profile; choose one of {', '.join(PROFILES)}")
