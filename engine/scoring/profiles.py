"""The scoring profiles by name: the texts that each needs embedded, and how each judges a round.

The profile loosh is loaded when it is used: robust does without scikit-learn, which takes 70 MB and seconds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from engine.scoring import robust
from engine.scoring.history import AnyHistory
from engine.scoring.likeness import compare
from engine.values import Challenge, Judgement, Likeness, Mark, Reply, ScoringProfile

LOOSH = "loosh"
PROFILES = get_args(ScoringProfile)
Vectors = Mapping[str, NDArray[np.float32]]


def load(profile: str) -> None:
    """Load what the profile needs, so that its first round does not wait for it. Raises ValueError."""
    _check(profile)
    if profile == LOOSH:
        import engine.scoring.loosh.profile  # noqa: F401


def texts(profile: str, challenge: Challenge, replies: Sequence[Reply]) -> list[str]:
    """The texts whose vectors `judge` needs, each once. Raises ValueError for an unknown profile."""
    _check(profile)
    if profile == LOOSH:
        from engine.scoring.loosh import profile as loosh

        return loosh.texts(challenge, replies)
    return robust.texts(challenge, replies)


def vectors(
    profile: str,
    challenge: Challenge,
    replies: Sequence[Reply],
    encode: Callable[[list[str]], NDArray[np.float32]],
) -> Vectors:
    """The vectors that `judge` needs, by text; `encode` returns one row per text. Raises ValueError."""
    needed = texts(profile, challenge, replies)
    return dict(zip(needed, encode(needed), strict=True))


def judge(
    profile: str,
    challenge: Challenge,
    replies: Sequence[Reply],
    vectors: Vectors,
    history: AnyHistory,
    marks: Sequence[Mark] | None = None,
) -> tuple[Judgement, AnyHistory]:
    """The judgement of a round and the history after it, which the profile loosh leaves unchanged.

    `marks`, one per reply, decide where the kind of challenge gave some; the profile loosh knows none. Pure: the same
    input gives the same output. A vector that is not finite counts as zero: it is like no other.
    """
    _check(profile)
    sound = {text: vector if np.isfinite(vector).all() else np.zeros_like(vector) for text, vector in vectors.items()}
    if profile == LOOSH:
        from engine.scoring.loosh import profile as loosh

        return loosh.judge(challenge, replies, sound), history
    return robust.judge(challenge, replies, sound, history, marks)


def likeness(profile: str, challenge: Challenge, replies: Sequence[Reply], vectors: Vectors) -> Likeness:
    """How alike the answers that the judgement compared are, from the vectors that it had."""
    _check(profile)
    if profile == LOOSH:
        from engine.scoring.loosh import profile as loosh

        return compare(loosh.compared(replies), vectors)
    return compare(robust.compared(challenge, replies), vectors)


def likeness_texts(profile: str, challenge: Challenge, replies: Sequence[Reply]) -> list[str]:
    """The texts whose vectors `likeness` needs, each once."""
    _check(profile)
    if profile == LOOSH:
        from engine.scoring.loosh import profile as loosh

        return list(dict.fromkeys(loosh.compared(replies).values()))
    return robust.likeness_texts(challenge, replies)


def _check(profile: str) -> None:
    if profile not in PROFILES:
        raise ValueError(f"unknown scoring profile {profile!r}; choose one of {', '.join(PROFILES)}")
