"""How alike answers are by their words."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.present.likeness import likeness
from engine.values import Reply
from tests.unit.store_helpers import a_reply


def replies_of(*texts: str) -> list[Reply]:
    return [a_reply(uid, text=text) for uid, text in enumerate(texts)]


def test_the_same_words_are_alike_and_others_are_not() -> None:
    found = likeness(replies_of("The sky is blue.", "the SKY is blue!", "forty two"))
    assert found.matrix[0][1] == pytest.approx(1.0)
    assert found.matrix[0][2] == 0.0
    assert math.dist(found.points[0], found.points[1]) == pytest.approx(0.0, abs=1e-6)
    assert math.dist(found.points[0], found.points[2]) > 1.0


def test_half_of_the_words_are_a_cosine_of_one_half() -> None:
    assert likeness(replies_of("red green", "red blue")).matrix[0][1] == pytest.approx(0.5)


def test_two_dimensions_show_all_of_three_answers_and_less_of_many() -> None:
    assert likeness(replies_of("a b", "b c", "c a")).kept == pytest.approx(1.0)
    assert likeness(replies_of(*"abcdefgh")).kept == pytest.approx(2 / 7)


def test_only_answers_are_compared() -> None:
    replies = [a_reply(1, text="yes"), a_reply(2, status="timeout"), a_reply(3, text="yes")]
    assert likeness(replies).members == (0, 2)
    assert likeness([a_reply(1, status="refused")]).matrix == ()


def test_tool_calls_count_when_there_is_no_text() -> None:
    calls = [a_reply(uid, text="", tool_calls=({"name": name},)) for uid, name in enumerate(("buy", "buy", "sell"))]
    found = likeness(calls).matrix
    assert found[0][1] == pytest.approx(1.0)
    assert found[0][2] < 0.9


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=12))
def test_any_texts_give_numbers_within_their_bounds(texts: list[str]) -> None:
    found = likeness(replies_of(*texts))
    assert all(0.0 <= cosine <= 1.0 for row in found.matrix for cosine in row)
    assert all(abs(coordinate) <= 1.0 + 1e-9 for point in found.points for coordinate in point)
    assert 0.0 <= found.kept <= 1.0 + 1e-9
    assert [row[place] for place, row in enumerate(found.matrix)] == [1.0] * len(texts)
