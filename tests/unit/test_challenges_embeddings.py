"""The kind `embeddings`: a vector counts as far as it is that of the miner's own text."""

import json
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.challenges.kinds.base import Question
from engine.challenges.kinds.embeddings import DIMENSIONS, Embeddings, text_in, vector_in
from engine.judge.marking import MarkingError, marks
from engine.values import Challenge, Reply


def encode(texts: list[str]) -> Any:
    """A unit vector per text, which depends on the text alone; those of two texts are all but orthogonal."""
    rows = np.array([np.random.default_rng([*text.encode()]).normal(size=DIMENSIONS) for text in texts])
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


QUESTION = Embeddings().generate(Random(3))
OWN = QUESTION.wordings[5]


def put(question: Question) -> Challenge:
    return Challenge(
        id="r", kind="embeddings", source="synthetic", created_at=0.0, request=question.request, answer_type="json"
    )


def shares(*texts: str) -> list[float]:
    found = marks(put(QUESTION), [Reply(uid=1, hotkey="a", text=text, prompt=OWN) for text in texts], encode)
    return [mark.share for mark in found or ()]


def test_the_vector_of_the_own_text_counts_and_another_does_not() -> None:
    assert len({text_in(wording) for wording in QUESTION.wordings}) > 50
    right = Embeddings().answered(QUESTION, OWN, encode)
    other = Embeddings().answered(QUESTION, QUESTION.wordings[6], encode)
    assert right.truth is not None and other.truth is not None
    scaled = json.dumps([7 * one for one in json.loads(right.truth)])
    assert shares(right.truth, f"```json\n{right.truth}\n```", scaled) == [1.0, 1.0, 1.0]
    assert shares(other.truth, right.lures[0], Embeddings.stock_answer, OWN) == [0.0] * 4


def test_a_vector_that_is_only_near_earns_a_part() -> None:
    own, noise = encode([text_in(OWN), "noise"]).astype(float)
    near = own + 0.35 * noise
    assert 0.2 < shares(json.dumps(near.tolist()))[0] < 0.8


@pytest.mark.parametrize(
    "values",
    [[], [0] * DIMENSIONS, [1] * (DIMENSIONS - 1), [1e300] * DIMENSIONS, [10**400] * DIMENSIONS, [True] * DIMENSIONS,
     ["1"] * DIMENSIONS, [None] * DIMENSIONS, [[1]] * DIMENSIONS],
)  # fmt: skip
def test_what_is_no_vector_of_the_size_earns_nothing(values: list[Any]) -> None:
    assert vector_in(json.dumps(values)) is None


@given(st.text() | st.text(alphabet="[]0123456789.,e-+ ", max_size=2000))
def test_any_text_can_be_read(text: str) -> None:
    assert vector_in(text) is None


@pytest.mark.parametrize("text", [f"[{'NaN,' * 383}NaN]", f"[{'1e999,' * 383}1]", "[" * 60_000, "1" * 60_000])
def test_a_hostile_reply_earns_nothing(text: str) -> None:
    assert shares(text) == [0.0]


def test_another_encoder_cannot_judge_it() -> None:
    with pytest.raises(MarkingError, match="our encoder gives 4 numbers, all-MiniLM-L6-v2 384: use --encoder minilm"):
        marks(put(QUESTION), [Reply(uid=1, hotkey="a", text="[]")], lambda texts: encode(texts)[:, :4])
