"""How alike answers are according to their vectors, and where they are on the map."""

import math
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.judge.encoding.encoders import open_encoder
from engine.scoring import profiles
from engine.scoring.likeness import MOST, compare
from engine.values import Likeness
from tests.unit.scoring_helpers import challenge, replies, reply

QUANTUM = 1 / 255

Vectors = Mapping[str, NDArray[np.float32]]


def vectors_of(**rows: Sequence[float]) -> Vectors:
    return {text: np.array(row, dtype=np.float32) / np.linalg.norm(row) for text, row in rows.items()}


def compared(*texts: str, vectors: Vectors) -> Likeness:
    return compare(dict(enumerate(texts)), vectors)


def distance(found: Likeness, one: int, other: int) -> float:
    return math.dist(found.points[one], found.points[other])


BASIS = vectors_of(east=(1, 0, 0), north=(0, 1, 0), up=(0, 0, 1), between=(1, 1, 0), west=(-1, 0, 0))


def test_likeness_is_the_cosine_and_nothing_below_zero() -> None:
    found = compared("east", "between", "north", "west", vectors=BASIS)
    assert found.between(0, 1) == found.between(1, 0) == pytest.approx(math.sqrt(0.5), abs=QUANTUM)
    assert found.between(0, 2) == 0.0
    assert found.between(0, 3) == 0.0
    assert [found.between(place, place) for place in range(4)] == [1.0] * 4
    assert len(found.pairs) == 6


def test_what_two_dimensions_can_show_is_as_far_apart_as_its_vectors() -> None:
    found = compared("east", "north", "up", vectors=BASIS)
    assert found.kept == 1.0
    assert [distance(found, *pair) for pair in ((0, 1), (0, 2), (1, 2))] == pytest.approx([math.sqrt(2)] * 3, abs=1e-3)


def test_of_many_dimensions_the_map_keeps_a_share_and_says_which() -> None:
    corners = {f"corner {axis}": row for axis, row in enumerate(np.eye(9, dtype=np.float32))}
    assert compared(*corners, vectors=corners).kept == pytest.approx(2 / 8, abs=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_the_map_is_turned_so_that_the_farthest_on_each_axis_is_to_the_right_and_above(seed: int) -> None:
    drawn = np.random.default_rng(seed).normal(size=(7, 3))
    many = {f"answer {place}": row / np.linalg.norm(row) for place, row in enumerate(drawn.astype(np.float32))}
    for axis in zip(*compared(*many, vectors=many).points, strict=True):
        assert max(axis, key=abs) > 0


def test_equal_answers_share_one_point_and_weigh_what_they_count() -> None:
    found = compared("east", "north", "east", "east", vectors=BASIS)
    assert found.points[0] == found.points[2] == found.points[3] != found.points[1]
    assert sum(x for x, _ in found.points) == pytest.approx(0.0, abs=1e-3)


def test_one_answer_and_answers_that_are_all_equal_are_in_the_middle() -> None:
    for texts in (["east"], ["east"] * 5):
        found = compared(*texts, vectors=BASIS)
        assert (set(found.points), found.kept) == ({(0.0, 0.0)}, 1.0)
        assert set(found.pairs) <= {255}
    assert compare({}, {}) == Likeness()


def test_a_blank_answer_has_no_place() -> None:
    found = compare({0: "east", 3: " \n", 5: "north"}, BASIS)
    assert found.members == (0, 5)


@pytest.mark.parametrize("poison", [math.nan, math.inf, -math.inf])
def test_a_vector_that_is_not_finite_is_like_nothing(poison: float) -> None:
    broken = {**BASIS, "up": np.array([0, poison, 1], dtype=np.float32)}
    found = compared("east", "up", "east", vectors=broken)
    assert (found.between(0, 1), found.between(0, 2)) == (0.0, 1.0)
    assert np.isfinite(found.points).all()


def test_as_many_answers_as_a_subnet_has_fit_into_40_kb() -> None:
    drawn = np.random.default_rng(7).normal(size=(MOST + 4, 384))
    many = {f"answer {place}": row / np.linalg.norm(row) for place, row in enumerate(drawn.astype(np.float32))}
    found = compared(*many, vectors=many)
    assert found.members == tuple(range(MOST))
    assert len(msgspec.msgpack.encode(found)) < 40_000


ROWS = st.lists(
    st.lists(st.integers(-3, 3), min_size=4, max_size=4).filter(any), min_size=1, max_size=9
)  # fmt: skip


@settings(max_examples=60)
@given(ROWS, st.data())
def test_the_order_of_the_replies_changes_nothing(rows: list[list[int]], data: st.DataObject) -> None:
    texts = [str(row) for row in rows]
    vectors = vectors_of(**dict(zip(texts, rows, strict=True)))
    order = data.draw(st.permutations(range(len(rows))))
    straight = compared(*texts, vectors=vectors)
    mixed = compared(*(texts[place] for place in order), vectors=vectors)
    assert mixed.points == tuple(straight.points[place] for place in order)
    assert mixed.kept == straight.kept
    for one, first in enumerate(order):
        for other, second in enumerate(order):
            assert mixed.between(one, other) == straight.between(first, second)


@settings(max_examples=60)
@given(
    st.lists(
        st.lists(st.floats(width=32) | st.sampled_from([0.0, 1.0]), min_size=3, max_size=3), min_size=1, max_size=7
    )
)
def test_any_vectors_give_numbers_within_their_bounds(rows: list[list[float]]) -> None:
    made = np.array(rows, dtype=np.float64)
    lengths = np.linalg.norm(made, axis=1, keepdims=True)
    with np.errstate(invalid="ignore", over="ignore"):
        units = np.divide(made, lengths, out=made.copy(), where=lengths > 0).astype(np.float32)
    vectors = {str(place): row for place, row in enumerate(units)}
    found = compared(*vectors, vectors=vectors)
    assert len(found.points) == len(rows)
    assert len(found.pairs) == len(rows) * (len(rows) - 1) // 2
    assert all(abs(coordinate) <= 2.0 for point in found.points for coordinate in point)
    assert 0.0 <= found.kept <= 1.0


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_each_profile_compares_what_it_judged(profile: str) -> None:
    asked = challenge("What is 17 times 24?", "number")
    given = [*replies(["The answer is 408.", "408", asked.request.question]), reply("late", "408", status="timeout")]
    given.append(reply("tested", "[TEST MODE] 408"))
    texts = profiles.likeness_texts(profile, asked, given)
    vectors = dict(zip(texts, open_encoder("hashing").encode(texts), strict=True))
    found = profiles.likeness(profile, asked, given, vectors)
    assert found.members == ((0, 1, 4) if profile == "robust" else (0, 1, 2))
