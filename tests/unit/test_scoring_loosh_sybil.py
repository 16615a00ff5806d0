"""Suspicious pairs and groups of the profile loosh: thresholds, the three ways to be a pair, and pruned groups."""

from collections.abc import Sequence

import numpy as np
import pytest

from engine.scoring.loosh.cosine import cosines, unit
from engine.scoring.loosh.sybil import AlikeAnswers, suspects, thresholds
from engine.scoring.loosh.traits import courses, structures, wordings

NO_SENTENCES = np.zeros((0, 4), dtype=np.float32)
WORDS = ("river", "mountain", "harbour", "lantern", "needle", "desert", "bridge", "zebra", "window", "garden", "paper")


def texts(count: int) -> list[str]:
    """Texts long enough to be compared, which share no word."""
    return [f"{WORDS[place] * 12}" for place in range(count)]


def found(likeness: Sequence[Sequence[float]], said: list[str] | None = None) -> AlikeAnswers:
    square = np.array(likeness, dtype=np.float32)
    square = np.maximum(square, square.T)
    np.fill_diagonal(square, 1.0)
    return suspects(said or texts(len(square)), square, [NO_SENTENCES] * len(square))


def test_thresholds_are_floors_until_there_are_three_pairs() -> None:
    assert thresholds(np.array([0.99, 0.98])) == (0.80, 0.88)
    high, very_high = thresholds(np.array([0.5, 0.6, 0.9]))
    assert high == pytest.approx(0.6 + 0.3 * 0.998)
    assert very_high == pytest.approx(high + 0.01)
    assert thresholds(np.array([0.1, 0.2, 0.3])) == (0.80, 0.88)
    one_apart = np.array([0.5] * 1_999 + [0.99])
    assert thresholds(one_apart)[0] == 0.80
    assert thresholds(one_apart)[1] == pytest.approx(0.5 + 0.49 * 0.8001)


def test_pairs_by_meaning_the_most_alike_first() -> None:
    pairs = found([[0, 0.85, 0.81], [0, 0, 0.2], [0, 0, 0]]).pairs
    assert [(pair.first, pair.second, pair.how) for pair in pairs] == [(0, 1, "semantic")]
    assert pairs[0].likeness == pytest.approx(0.85)


def test_pairs_that_are_as_alike_as_the_threshold_are_pairs() -> None:
    tied = found([[0, 0.875, 0.875], [0, 0, 0.125], [0, 0, 0]])  # as floats have them exactly
    assert tied.high == 0.875
    assert {(pair.first, pair.second) for pair in tied.pairs} == {(0, 1), (0, 2)}


def test_short_answers_are_not_compared() -> None:
    said = ["x" * 49, "x" * 50, "x" * 50]
    pairs = found([[0, 1, 1], [0, 0, 0.9], [0, 0, 0]], said).pairs
    assert [(pair.first, pair.second) for pair in pairs] == [(1, 2)]


def test_the_same_words_in_the_same_form_are_a_pair_whatever_they_mean() -> None:
    said = ["The river carries minerals and sediment downstream every year."] * 2
    (pair,) = found([[0, 0.3], [0, 0]], said).pairs
    assert pair.how == "fusion"
    assert pair.likeness == pytest.approx(1.0)


def test_a_group_is_alike_throughout() -> None:
    (group,) = found([[0, 0.95], [0, 0]]).groups
    assert group.members == (0, 1)
    assert (group.mean, group.least, group.most) == pytest.approx((0.95, 0.95, 0.95))
    assert found([[0, 0.85], [0, 0]]).groups == ()


def test_a_group_loses_the_least_alike_of_equals_the_first() -> None:
    (group,) = found([[0.0, 0.95, 0.1], [0.0, 0.0, 0.95], [0.0, 0.0, 0.0]]).groups
    assert group.members == (1, 2)


def test_wording_and_structure() -> None:
    assert wordings(["is it the", "and so"]) is None
    alike = wordings(["red apples grow", "red apples grow", "blue boats sail"])
    assert alike is not None and np.round(alike, 6).tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    shapes = structures(["1. one\n2. two", "- one\n- two", "3) six\n4) ten", ""])
    assert shapes[0, 2] > 0.99 > 0.2 > shapes[0, 1]
    assert shapes[3].tolist() == [0, 0, 0, 0]


def test_a_structure_is_seven_measures() -> None:
    one, other = "x" * 4000 + " y. z.", "- a b c\n\n```d```"
    # characters, sentences, numbered, bulleted, code, paragraphs, and words a sentence
    measured = [[0.4006, 2 / 50, 0, 0, 0, 1 / 20, 1.5 / 50], [0.0016, 1 / 50, 0, 1, 1, 2 / 20, 5 / 50]]
    first, second = (np.array(row) / np.linalg.norm(row) for row in measured)
    assert structures([one, other])[0, 1] == pytest.approx(first @ second, abs=1e-6)
    plain = structures(["a. b. c", "x" * 5000])[0, 1]
    ours = np.array([0.0007, 3 / 50, 1 / 20, 1 / 50]), np.array([0.5, 1 / 50, 1 / 20, 1 / 50])
    assert plain == pytest.approx(ours[0] @ ours[1] / np.prod([np.linalg.norm(row) for row in ours]), abs=1e-6)


def test_courses_need_five_sentences() -> None:
    rows = unit(np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32))
    alike = courses([rows, rows.copy(), rows[:4], -rows])
    assert alike[0, 1] == pytest.approx(1.0, abs=1e-6)
    assert alike[0, 3] == pytest.approx(-1.0, abs=1e-6)
    assert (alike[2] == -1).all()


def test_a_pair_by_the_course_of_its_sentences() -> None:
    rows = unit(np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32))
    likeness = cosines(unit(np.array([[1, 0], [0, 1]], dtype=np.float32)))
    (pair,) = suspects(texts(2), likeness, [rows, rows]).pairs
    assert pair.how == "trajectory"
    assert pair.likeness == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize(("alike", "is_pair"), [(0.84, False), (0.86, True)])
def test_courses_are_a_pair_from_85_hundredths_on(alike: float, is_pair: bool) -> None:
    apart = np.eye(6, 12, dtype=np.float32)
    near = (alike * apart + np.sqrt(1 - alike**2) * np.eye(6, 12, k=6, dtype=np.float32)).astype(np.float32)
    scale = np.arange(1, 7, dtype=np.float32)[:, np.newaxis]  # the order of the stages is that of their lengths
    likeness = cosines(unit(np.array([[1, 0], [0, 1]], dtype=np.float32)))
    assert bool(suspects(texts(2), likeness, [apart[:5] * scale[:5], near[:5] * scale[:5]]).pairs) == is_pair
