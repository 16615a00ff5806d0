"""From votes to beliefs, in numbers worked out by hand."""

import math

import numpy as np
import pytest

from engine.scoring.duplicates import Wording
from engine.scoring.history import TrackRecord
from engine.scoring.reliability import RIGHT, UNEARNED, Floats, accuracy, weights
from engine.scoring.votes import Votes, beliefs, decided, field_beliefs, settled, weigh
from tests.unit.records_helpers import outcomes

NEW = TrackRecord()
PROVEN = outcomes(*[RIGHT] * 20)
EARNED = math.log(accuracy(PROVEN) / (1 - accuracy(PROVEN))) - UNEARNED


def votes(*weight: float, step: float = 0.0) -> Votes:
    """Voters of whom each two are in step to that degree."""
    return Votes(np.array(weight), step * (1 - np.eye(len(weight))))


def weighed(
    records: list[TrackRecord], *, entities: list[int] | None = None, wordings: tuple[Wording, ...] = ()
) -> Floats:
    return weigh(records, entities or list(range(len(records))), wordings).own


def test_a_vote_is_earned_and_lent_only_while_nothing_is_known_of_anybody() -> None:
    assert weighed([NEW, PROVEN, outcomes(*[7] * 9)]) == pytest.approx([0.02, UNEARNED + EARNED, 0.02])
    assert weighed([NEW, NEW]) == pytest.approx([UNEARNED, UNEARNED])
    assert weighed([PROVEN]) == pytest.approx(weights([PROVEN]))


def test_the_members_of_an_entity_split_one_vote() -> None:
    whole = EARNED + UNEARNED
    assert weighed([PROVEN] * 4, entities=[0, 1, 1, 1]) == pytest.approx([whole, whole / 3, whole / 3, whole / 3])


def test_the_same_words_share_one_vote_and_bare_ones_keep_what_was_earned() -> None:
    group, records, whole = (0, 1, 3), [PROVEN] * 4, EARNED + UNEARNED
    shared = [whole / 3, whole / 3, whole, whole / 3]
    assert weighed(records, wordings=(Wording(group, bare=False),)) == pytest.approx(shared)
    kept = [EARNED + UNEARNED / 3, EARNED + UNEARNED / 3, whole, EARNED + UNEARNED / 3]
    assert weighed(records, wordings=(Wording(group, bare=True),)) == pytest.approx(kept)


def test_the_heaviest_of_those_with_the_same_words_is_shared_in_proportion() -> None:
    half = outcomes(*[RIGHT] * 6)
    own = weights([half])[0] - UNEARNED
    found = weighed([PROVEN, half], wordings=(Wording((0, 1), bare=False),))
    assert found == pytest.approx(
        [EARNED * EARNED / (EARNED + own) + UNEARNED / 2, EARNED * own / (EARNED + own) + UNEARNED / 2]
    )


def test_records_say_who_is_in_step() -> None:
    same = TrackRecord(outcomes=((0, 7), (1, 8)))
    assert weigh([same, same], [0, 1], []).in_step[0, 1] == pytest.approx(2 / 3)


def test_a_group_weighs_the_sum_of_its_votes() -> None:
    assert votes(1.5, 2.25, 12.0).together([0, 1]) == pytest.approx(3.75)
    assert votes(1.5).together([0]) == pytest.approx(1.5)
    assert votes(0.0, 0.0).together([0, 1]) == 0.0
    assert votes(1.0).together([]) == 0.0


def test_those_in_step_weigh_as_few_and_a_light_one_takes_little_from_a_heavy_one() -> None:
    assert votes(*[1.0] * 4, step=1.0).together(range(4)) == pytest.approx(1.0)
    assert votes(2.0, 1.0, step=1.0).together([0, 1]) == pytest.approx(2 / 1.5 + 1 / 2)
    assert votes(*[1.0] * 2, step=0.5).together([0, 1]) == pytest.approx(2 / 1.5)
    assert votes(*[1.0] * 4, step=1.0).together([0, 2]) == pytest.approx(1.0)


def test_what_stands_behind_things_that_voters_back_in_part() -> None:
    backing = np.array([[1.0, 0.0], [1.0, 1.0], [0.5, 0.25], [0.0, 0.0]])
    assert votes(1.5, 2.25).behind(backing) == pytest.approx([1.5, 3.75, 1.3125, 0.0])
    assert votes(1.5, 2.25, step=1.0).behind(backing) == pytest.approx([1.5, 3.75 / 2, 0.75 / 1.25 + 0.5625 / 1.5, 0.0])


def test_scaled_votes_are_the_same_ones_lighter() -> None:
    scaled = votes(1.5, 2.25, step=0.5).scaled(np.array([0.5, 0.0]))
    assert scaled.own == pytest.approx([0.75, 0.0])
    assert scaled.in_step[0, 1] == 0.5


def test_beliefs_are_the_odds_of_the_answers_beside_none_of_these() -> None:
    total = math.exp(3) + math.exp(1) + math.exp(5)
    assert beliefs(["a", "b", None, "a"], votes(1.0, 1.0, 9.0, 2.0)) == pytest.approx(
        {"a": math.exp(3) / total, "b": math.exp(1) / total}
    )
    assert beliefs([None, None], votes(1.0, 1.0)) == {}
    assert beliefs(["a"], votes(5.0)) == pytest.approx({"a": 0.5})
    assert beliefs(["a"], votes(0.0))["a"] == pytest.approx(1 / (1 + math.exp(5)))


def test_beliefs_stay_finite_however_heavy_the_votes_are() -> None:
    found = beliefs(["a", "b"], votes(5_000.0, 4_000.0))
    assert found == {"a": pytest.approx(1.0), "b": pytest.approx(0.0)}


@pytest.mark.parametrize(("weight", "expected"), [(5.0, 0.5), (0.0, 1 / (1 + math.exp(5))), (7.0, 0.8807970779778823)])
def test_a_question_is_settled_by_weight(weight: float, expected: float) -> None:
    assert settled(weight) == pytest.approx(expected)


@pytest.mark.parametrize(("belief", "expected"), [(0.0, 0.0), (0.25, 1 / 28), (0.5, 0.5), (0.75, 27 / 28), (1.0, 1.0)])
def test_a_belief_is_sharpened_into_pay(belief: float, expected: float) -> None:
    assert decided(belief) == pytest.approx(expected)


def test_a_structured_answer_is_believed_as_its_weakest_leaf() -> None:
    leaves = [(("a", "1"), ("b", "2")), (("a", "1"), ("b", "3")), (("a", "1"),), ()]
    cast = votes(2.0, 1.0, 3.0, 9.0)
    first = beliefs(["1", "1", "1", None], cast)
    second = beliefs(["2", "3", None, None], cast)
    assert field_beliefs(leaves, cast) == pytest.approx([second["2"], second["3"], first["1"], 0.0])
