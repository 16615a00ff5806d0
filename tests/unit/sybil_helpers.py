"""Rounds for the tests of sybil evidence: many short ones, each written in one line."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.sybil.evidence import Evidence
from engine.sybil.observation import Vectors, learned
from engine.sybil.suspects import Suspicions, suspicions
from engine.values import AnswerType, Challenge, Reply, Request

OPEN = "Explain why the sky is blue."
CAPITAL = "What is the capital of Afghanistan?"
OWN_WORDS = (
    "Air scatters short waves of light far more than long ones, so that blue reaches the eye from all sides.",
    "Sunlight holds every colour; the gas above us turns the blue part aside most often and spreads it out.",
    "Blue is bent out of the straight path by molecules, and from everywhere some of it comes down to us.",
    "What looks blue overhead is light that left its way on meeting tiny particles of nitrogen and oxygen.",
    "The shorter the wave the stronger it is thrown about, which is why noon is blue and evening is red.",
)


def asked(question: str, kind: AnswerType = "text", truth: str | None = None) -> Challenge:
    return Challenge(
        id="round",
        kind="chat",
        source="synthetic",
        created_at=0.0,
        request=Request(prompt=question),
        answer_type=kind,
        truth=truth,
    )


def said(name: str, text: str, *, ms: float = 1_000.0, ip: str = "", coldkey: str = "") -> Reply:
    return Reply(uid=sum(name.encode()) % 997, hotkey=name, coldkey=coldkey, ip=ip, ms=ms, text=text)


def bystanders(place: int) -> list[Reply]:
    """Five miners with words and a pace of their own, which change from round to round."""
    return [
        said(
            f"by-{index}",
            f"{OWN_WORDS[(index + place) % 5]} That is take {place} of mine, {index}.",
            ms=900.0 + 77 * index,
        )
        for index in range(5)
    ]


def after(rounds: Iterable[tuple[Challenge, Sequence[Reply]]], vectors: Vectors | None = None) -> Evidence:
    evidence = Evidence()
    for challenge, replies in rounds:
        evidence = learned(evidence, challenge, replies, vectors or {})
    return evidence


def suspected(rounds: Iterable[tuple[Challenge, Sequence[Reply]]], vectors: Vectors | None = None) -> Suspicions:
    return suspicions(after(rounds, vectors))


def pointing(*parts: float) -> NDArray[np.float32]:
    """A vector of length one."""
    vector = np.array(parts, dtype=np.float32)
    return vector / np.float32(np.linalg.norm(vector))
