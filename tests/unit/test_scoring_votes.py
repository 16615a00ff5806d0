"""From votes to beliefs, in numbers worked out by hand."""

import math

import numpy as np
import pytest

from engine.scoring.duplicates import Wording
from engine.scoring.history import Record
from engine.scoring.reliability import RIGHT, UNEARNED, Floats, accuracy, weights
from engine.scoring.votes import Votes, beliefs, decided, field_beliefs, settled, weigh
from engine.scoring.working import Working
from tests.unit.records_helpers import crowd, loner, outcomes

NEW = Record()
PROVEN = outcomes(*[RIGHT] * 20)
EARNED = math.log(accuracy(PROVEN) / (1 - accuracy(PROVEN))) - UNEARNED
PLAIN, SOUND, WRONG = Working(), Working(sound=1), Working(sound=2, wrong=1)


def votes(earned: list[float], lent: list[float], step: float = 0.0, unison: float = 0.0) -> Votes:
    """Voters of whom each two are in step and in unison to that degree."""
    size = len(earned)
    others = 1 - np.eye(size)
    return Votes(np.array(earned), np.array(lent), step * others, unison * others)


def plain(*weight: float) -> Votes:
    return votes([0.0] * len(weight), list(weight))


def weighed(
    records: list[Record],
    *,
    entities: list[int] | None = None,
    wordings: tuple[Wording, ...] = (),
    workings: list[Working] | None = None,
) -> tuple[Floats, Floats]:
    size = len(records)
    cast = weigh(records, entities or list(range(size)), wordings, workings or [PLAIN] * size)
    return cast.earned, cast.lent


def test_a_vote_is_lent_to_whoever_is_new_and_earned_beyond_that() -> None:
    earned, lent = weighed([NEW, PROVEN, outcomes(*[7] * 9)])
    assert earned == pytest.approx([0.0, EARNED, 0.0])
    assert lent == pytest.approx([UNEARNED, UNEARNED, 0.02])
    assert weigh([PROVEN], [0], [], [PLAIN]).own == pytest.approx(weights([PROVEN]))


def test_the_members_of_an_entity_split_one_vote() -> None:
    earned, lent = weighed([PROVEN] * 4, entities=[0, 1, 1, 1])
    assert earned == pytest.approx([EARNED, EARNED / 3, EARNED / 3, EARNED / 3])
    assert lent == pytest.approx([UNEARNED, UNEARNED / 3, UNEARNED / 3, UNEARNED / 3])


def test_a_vote_with_a_wrong_sum_hardly_counts_and_a_lent_one_with_sound_sums_counts_double() -> None:
    earned, lent = weighed([PROVEN] * 3, workings=[PLAIN, SOUND, WRONG])
    assert earned == pytest.approx([EARNED, EARNED, EARNED / 10])
    assert lent == pytest.approx([UNEARNED, 2 * UNEARNED, UNEARNED / 10])


def test_the_same_words_share_one_vote_and_bare_ones_keep_what_was_earned() -> None:
    group = (0, 1, 3)
    earned, lent = weighed([PROVEN, NEW, PROVEN, PROVEN], wordings=(Wording(group, bare=False),))
    assert earned == pytest.approx([EARNED / 2, 0.0, EARNED, EARNED / 2])
    assert lent == pytest.approx([UNEARNED / 3, UNEARNED / 3, UNEARNED, UNEARNED / 3])
    earned, lent = weighed([PROVEN, NEW, PROVEN, PROVEN], wordings=(Wording(group, bare=True),))
    assert earned == pytest.approx([EARNED, 0.0, EARNED, EARNED])
    assert lent == pytest.approx([UNEARNED / 3, UNEARNED / 3, UNEARNED, UNEARNED / 3])


def test_the_heaviest_of_those_with_the_same_words_is_shared_in_proportion() -> None:
    earned, lent = weighed([PROVEN] * 2, workings=[SOUND, WRONG], wordings=(Wording((0, 1), bare=False),))
    assert earned == pytest.approx([EARNED / 1.1, EARNED / 11])
    assert lent == pytest.approx([2 * UNEARNED * 2 / 2.1, 2 * UNEARNED * 0.1 / 2.1])


def test_what_is_lent_to_who_always_stands_alone_is_little() -> None:
    earned, lent = weighed([*crowd(20), loner(20)])
    assert not earned.any()
    assert lent == pytest.approx([UNEARNED] * 5 + [UNEARNED * 0.02])


def test_records_say_who_is_in_step_and_who_is_in_unison() -> None:
    same = Record(outcomes=((0, 7), (1, 8)), answers=tuple((at, 2) for at in range(8)))
    cast = weigh([same, same], [0, 1], [], [PLAIN] * 2)
    assert (cast.in_step[0, 1], cast.in_unison[0, 1]) == (pytest.approx(2 / 3), 1.0)


def test_a_group_weighs_the_sum_of_its_votes() -> None:
    assert votes([1.0, 2.0, 4.0], [0.5, 0.25, 8.0]).together([0, 1]) == pytest.approx(3.75)
    assert votes([1.0], [0.5]).together([0]) == pytest.approx(1.5)
    assert plain(0.0, 0.0).together([0, 1]) == 0.0
    assert plain(1.0).together([]) == 0.0


def test_those_in_step_weigh_as_few_and_a_light_one_takes_little_from_a_heavy_one() -> None:
    assert votes([1.0] * 4, [0.0] * 4, step=1.0).together(range(4)) == pytest.approx(1.0)
    assert votes([2.0, 1.0], [0.0] * 2, step=1.0).together([0, 1]) == pytest.approx(2 / 1.5 + 1 / 2)
    assert votes([1.0] * 2, [0.0] * 2, step=0.5).together([0, 1]) == pytest.approx(2 / 1.5)
    assert votes([1.0] * 4, [0.0] * 4, step=1.0).together([0, 2]) == pytest.approx(1.0)


def test_those_in_unison_keep_what_they_earned_and_are_lent_one_vote() -> None:
    assert votes([1.0] * 2, [0.5] * 2, unison=1.0).together([0, 1]) == pytest.approx(2.5)
    assert votes([1.0] * 2, [0.5] * 2, step=0.5, unison=1.0).together([0, 1]) == pytest.approx(2 / 1.5 + 0.5)
    assert votes([1.0] * 2, [0.5] * 2, step=1.0, unison=0.5).together([0, 1]) == pytest.approx(1.5)


def test_what_stands_behind_things_that_voters_back_in_part() -> None:
    backing = np.array([[1.0, 0.0], [1.0, 1.0], [0.5, 0.25], [0.0, 0.0]])
    apart = votes([1.0, 2.0], [0.5, 0.25])
    assert apart.behind(backing) == pytest.approx([1.5, 3.75, 1.3125, 0.0])
    as_one = votes([1.0, 2.0], [0.5, 0.25], step=1.0)
    assert as_one.behind(backing) == pytest.approx([1.5, 3.75 / 2, 0.75 / 1.25 + 0.5625 / 1.5, 0.0])
    alike = votes([1.0, 2.0], [0.5, 0.25], unison=1.0)
    assert alike.behind(backing) == pytest.approx([1.5, 3 + 0.75 / 2, 1.0 + 0.25 / 1.25 + 0.0625 / 1.5, 0.0])


def test_scaled_votes_are_the_same_ones_lighter() -> None:
    scaled = votes([1.0, 2.0], [0.5, 0.25], step=0.5, unison=0.25).scaled(np.array([0.5, 0.0]))
    assert scaled.earned == pytest.approx([0.5, 0.0])
    assert scaled.lent == pytest.approx([0.25, 0.0])
    assert scaled.own == pytest.approx([0.75, 0.0])
    assert (scaled.in_step[0, 1], scaled.in_unison[0, 1]) == (0.5, 0.25)


def test_beliefs_are_the_odds_of_the_answers_beside_none_of_these() -> None:
    total = math.exp(3) + math.exp(1) + math.exp(5)
    assert beliefs(["a", "b", None, "a"], plain(1.0, 1.0, 9.0, 2.0)) == pytest.approx(
        {"a": math.exp(3) / total, "b": math.exp(1) / total}
    )
    assert beliefs([None, None], plain(1.0, 1.0)) == {}
    assert beliefs(["a"], plain(5.0)) == pytest.approx({"a": 0.5})
    assert beliefs(["a"], plain(0.0))["a"] == pytest.approx(1 / (1 + math.exp(5)))


def test_beliefs_stay_finite_however_heavy_the_votes_are() -> None:
    found = beliefs(["a", "b"], plain(5_000.0, 4_000.0))
    assert found == {"a": pytest.approx(1.0), "b": pytest.approx(0.0)}


@pytest.mark.parametrize(("weight", "expected"), [(5.0, 0.5), (0.0, 1 / (1 + math.exp(5))), (7.0, 0.8807970779778823)])
def test_a_question_is_settled_by_weight(weight: float, expected: float) -> None:
    assert settled(weight) == pytest.approx(expected)


@pytest.mark.parametrize(("belief", "expected"), [(0.0, 0.0), (0.25, 1 / 28), (0.5, 0.5), (0.75, 27 / 28), (1.0, 1.0)])
def test_a_belief_is_sharpened_into_pay(belief: float, expected: float) -> None:
    assert decided(belief) == pytest.approx(expected)


def test_a_structured_answer_is_believed_as_its_weakest_leaf() -> None:
    leaves = [(("a", "1"), ("b", "2")), (("a", "1"), ("b", "3")), (("a", "1"),), ()]
    cast = plain(2.0, 1.0, 3.0, 9.0)
    first = beliefs(["1", "1", "1", None], cast)
    second = beliefs(["2", "3", None, None], cast)
    assert field_beliefs(leaves, cast) == pytest.approx([second["2"], second["3"], first["1"], 0.0])
