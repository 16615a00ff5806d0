"""What a miner's word weighs, in numbers worked out by hand."""

import math

import numpy as np
import pytest

from engine.scoring.history import Record
from engine.scoring.reliability import (
    RIGHT,
    SILENT,
    UNEARNED,
    accuracy,
    company,
    digest,
    doubtful,
    fair_hits,
    in_step,
    in_unison,
    turned,
    weights,
    with_answer,
    with_outcome,
)
from tests.unit.records_helpers import SAME, answers, crowd, loner, outcomes

WRONG, OTHER, THIRD = 7, 8, 9


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((), 3 / 5),
        ((RIGHT,), 4 / 6),
        ((WRONG,), 3 / 6),
        ((SILENT,), 3 / 6),
        ((RIGHT, WRONG), 3.98 / 6.98),
        ((WRONG, RIGHT), 4 / 6.98),
        ((RIGHT, WRONG, RIGHT), (4 + 0.98**2) / (6.98 + 0.98**2)),
    ],
)
def test_accuracy_is_the_share_of_right_answers_beside_a_prior_of_three_in_five(
    results: tuple[int, ...], expected: float
) -> None:
    assert accuracy(outcomes(*results)) == pytest.approx(expected)


def test_a_weight_is_the_log_odds_of_being_right_and_never_below_a_little() -> None:
    found = weights([outcomes(), outcomes(*[RIGHT] * 4), outcomes(*[WRONG] * 9)])
    right = accuracy(outcomes(*[RIGHT] * 4))
    assert found == pytest.approx([math.log(1.5), math.log(right / (1 - right)), 0.02])
    assert found[0] == pytest.approx(UNEARNED)


def test_an_answers_digest_is_its_own_and_nobodys_is_that_of_silence() -> None:
    assert digest("") == SILENT
    assert digest("408") == digest("408") >= 2
    assert len({digest(key) for key in ("408", "418", "yes", "\ud800", "é")}) == 5


def test_a_record_keeps_the_last_outcomes_and_answers() -> None:
    record = Record()
    for at in range(100):
        record = with_answer(with_outcome(record, at, RIGHT), at, at + 2)
    assert record.outcomes == tuple((at, RIGHT) for at in range(100 - 32, 100))
    assert record.answers == tuple((at, at + 2) for at in range(100 - 24, 100))


def test_a_miner_has_turned_when_it_missed_its_last_three() -> None:
    assert not turned([])
    assert not turned([False] * 2)
    assert turned([False] * 3)
    assert turned([True] * 9 + [False] * 3)
    assert not turned([True] + [False] * 2)
    assert not turned([False] * 9 + [True])


def test_a_miner_is_doubtful_when_it_missed_its_last_three_and_nearly_all_before() -> None:
    assert not doubtful([False] * 3)
    assert doubtful([False] * 4)
    assert not doubtful([True] + [False] * 5)
    assert doubtful([True] + [False] * 6)
    assert not doubtful([True] * 3 + [False] * 17)
    assert not doubtful([False] * 19 + [True])


def test_a_miss_counts_where_most_of_the_others_weight_met_the_answer() -> None:
    """Three of four others are enough; two of them, who have 76 % of the weight, are not."""
    met, missed = [outcomes(RIGHT, RIGHT)] * 3, outcomes(RIGHT, WRONG)
    assert fair_hits([*met, missed, outcomes(WRONG, WRONG)])[4] == [False, False]
    assert fair_hits([*met[1:], missed, missed, outcomes(WRONG, WRONG)])[4] == [False]
    assert fair_hits([*met, outcomes(RIGHT, -1), outcomes(WRONG, RIGHT)])[4] == [False, True]
    assert fair_hits([*met, outcomes(-1, RIGHT), outcomes(-1, SILENT)])[4] == [False]
    assert fair_hits([outcomes(WRONG, RIGHT), outcomes(OTHER, RIGHT)]) == [[True], [True]]


def test_a_single_miner_is_judged_by_itself() -> None:
    assert fair_hits([outcomes(RIGHT, WRONG, SILENT, -1)]) == [[True, False, False]]
    assert fair_hits([]) == []


def test_voices_count_by_their_weight_where_a_miss_is_judged() -> None:
    """One that always knew outweighs two that never did, and it met the last one."""
    known, never = [RIGHT] * 20, [WRONG] * 20
    found = fair_hits([outcomes(*known, RIGHT), *[outcomes(*never, WRONG)] * 2, outcomes(*known, WRONG)])
    assert found[3] == [True] * 20 + [False]


def test_two_who_err_alike_are_in_step_by_the_share_of_such_rounds() -> None:
    first = outcomes(WRONG, WRONG, OTHER, RIGHT, RIGHT, WRONG, SILENT, WRONG, -1)
    second = outcomes(WRONG, WRONG, OTHER, RIGHT, RIGHT, THIRD, WRONG, RIGHT, WRONG)
    assert in_step([first, second]) == pytest.approx(np.array([[0, 3 / 7], [3 / 7, 0]]))
    assert not in_step([outcomes(RIGHT, SILENT)] * 2).any()
    assert in_step([outcomes(WRONG)] * 3) == pytest.approx((1 - np.eye(3)) / 2)


@pytest.mark.parametrize(("rounds", "expected"), [(3, 0.0), (4, 0.0), (5, 0.25), (6, 0.5), (8, 1.0), (20, 1.0)])
def test_unison_takes_many_rounds(rounds: int, expected: float) -> None:
    same = answers(*range(2, 2 + rounds))
    assert in_unison([same, same]) == pytest.approx(np.array([[0, expected], [expected, 0]]))


@pytest.mark.parametrize(("apart", "expected"), [(0, 1.0), (1, 0.5), (2, 0.0), (10, 0.0)])
def test_unison_ends_with_one_answer_in_ten_apart(apart: int, expected: float) -> None:
    first, second = answers(*[2] * 20), answers(*[3] * apart, *[2] * (20 - apart))
    assert in_unison([first, second])[0, 1] == pytest.approx(expected)


def test_rounds_in_which_either_said_nothing_are_none_of_unison() -> None:
    first = answers(*[2] * 6, SILENT, 2, -1)
    second = answers(*[2] * 6, SILENT, SILENT, 2)
    assert in_unison([first, second])[0, 1] == pytest.approx(0.5)


def test_who_always_stands_alone_keeps_little_of_its_vote() -> None:
    assert company([*crowd(20), loner(20)]) == pytest.approx([1.0] * 5 + [0.02])


@pytest.mark.parametrize(("rounds", "expected"), [(4, 1.0), (5, 1 - 0.98 / 8), (8, 0.51), (12, 0.02)])
def test_company_says_nothing_until_it_was_seen_often_enough(rounds: int, expected: float) -> None:
    assert company([*crowd(20), loner(rounds)])[5] == pytest.approx(expected)


def test_who_has_company_now_and_then_keeps_the_cube_of_its_share() -> None:
    """Of six others, 3 agree with one of the crowd in an even round and 4 in an odd one, but for the fifth where it is
    alone; with the seventh miner, right in odd rounds, 4 do. So it has 20 / 60 of company, and they have 28 / 60."""
    half = answers(*(SAME if at % 2 else 5_000 + at for at in range(20)))
    assert company([*crowd(20), half, loner(20)][:6])[5] == pytest.approx(_share_of_half(others=5))
    assert company([*crowd(20), half, loner(20)]) == pytest.approx([1.0] * 5 + [(5 / 7) ** 3, 0.02])


def _share_of_half(others: int) -> float:
    mine = 5 * 4 / others
    theirs = (4 * 3 + 4 * 4) / others
    return float((mine / theirs) ** 3)


def test_company_is_a_share_of_those_who_answered_the_same_rounds() -> None:
    """The last of the crowd is asked in the first half alone, where 3 of 5 others agree with it but for 4 rounds; the
    others are asked in the second half as well, where 2 or all 3 do."""
    found = company([*crowd(40)[:4], crowd(20)[4], loner(20)])
    first, second = 16 * 3 / 5, 12 * 2 / 3 + 4 * 3 / 3
    assert found == pytest.approx([1.0] * 4 + [(first / 20 / ((first + second) / 40)) ** 3, 0.02])


@pytest.mark.parametrize("clones", [1, 3])
def test_those_in_unison_are_no_company_for_each_other_and_one_for_others(clones: int) -> None:
    """A clone agrees with 4 of 5 others in each round, and one of the crowd as well, but in 4 rounds of 5."""
    same = answers(*[SAME] * 20)
    assert company([*crowd(20), *[same] * clones]) == pytest.approx([0.8**3] * 5 + [1.0] * clones)


def test_a_clique_that_nobody_joins_has_no_company() -> None:
    clique = loner(20, start=6_000)
    assert company([*crowd(20), *[clique] * 4]) == pytest.approx([1.0] * 5 + [0.02] * 4)


def test_rounds_with_fewer_than_four_answers_teach_nothing_of_company() -> None:
    three = [loner(20, start=100 * one) for one in (1, 2, 3)]
    assert company(three) == pytest.approx([1.0] * 3)
    assert company([*three, three[0]]) == pytest.approx([0.02, 0.02, 0.02, 0.02])
    assert company([*three, answers(*[SILENT] * 20)]) == pytest.approx([1.0] * 4)
    assert len(company([])) == 0


def test_only_the_last_256_rounds_of_all_count() -> None:
    old, new = answers(*range(2, 10)), Record(answers=tuple((1_000 + at, at + 2) for at in range(248)))
    assert in_unison([old, old, new])[0, 1] == 1.0
    newer = Record(answers=tuple((1_000 + at, at + 2) for at in range(252)))
    assert in_unison([old, old, newer])[0, 1] == 0.0
