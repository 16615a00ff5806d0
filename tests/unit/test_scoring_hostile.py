"""Hostile texts, times and vectors can neither crash a round nor produce a number that is not finite."""

import math
import random
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scoring import profiles
from engine.scoring.history import History
from engine.values import AnswerType, Judgement
from tests.unit.scoring_helpers import challenge, judged, replies, reply

SKY = challenge("Explain why the sky is blue.")
ODD_TEXTS = [
    "",
    "   ",
    "\x00\x1b[2J\xff",
    "7",
    "x" * 200_000,
    "no " * 60_000,
    "\ud800",
    "{" * 3_000,
    "∞ NaN -inf",
    "🦊",
]
KINDS: tuple[AnswerType, ...] = ("number", "short", "yes_no", "json", "tool_call", "code", "text")


def numbers_of(judgement: Judgement) -> list[float]:
    found = [judgement.consensus, judgement.agreement]
    for verdict in judgement.verdicts:
        found += [verdict.emission, verdict.score, verdict.quality, *verdict.parts.values()]
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("truth", [None, "7", "yes", '{"a": 1}', ""])
def test_no_text_makes_a_number_that_is_not_finite(kind: AnswerType, truth: str | None) -> None:
    asked = challenge("Is the answer a number? Explain.", kind, truth)
    for texts in (ODD_TEXTS, ["7"] * 5, [""] * 3, ["one"], [], [random.Random(1).choice(string.printable)]):
        history = History()
        for _ in range(3):
            judgement, history = judged(asked, replies(texts), history)
            assert all(math.isfinite(number) for number in numbers_of(judgement))
            assert all(0 <= verdict.emission <= 1 for verdict in judgement.verdicts)
            assert [verdict.hotkey for verdict in judgement.verdicts] == [f"m{place}" for place in range(len(texts))]


@settings(max_examples=40)
@given(st.lists(st.text(max_size=40), max_size=6), st.sampled_from(KINDS), st.floats(allow_nan=True))
def test_nothing_from_outside_breaks_a_round(texts: list[str], kind: AnswerType, ms: float) -> None:
    given_ = [reply(f"m{place}", text, ms=ms, ip=text, coldkey=text) for place, text in enumerate(texts)]
    judgement, _ = judged(challenge(" ".join(texts), kind), given_)
    assert all(math.isfinite(number) for number in numbers_of(judgement))


def test_vectors_that_are_not_finite_count_for_nothing() -> None:
    given_ = replies(["Air scatters the short blue waves of sunlight most.", "At sunset the longer path removes them."])
    for broken in (np.nan, np.inf):
        vectors = {text: np.full(384, broken, dtype=np.float32) for text in profiles.texts("robust", SKY, given_)}
        judgement, _ = profiles.judge("robust", SKY, given_, vectors, History())
        assert all(math.isfinite(number) for number in numbers_of(judgement))
