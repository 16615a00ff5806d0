"""How much a miner's vote weighs, in numbers worked out by hand."""

import math

import numpy as np
import pytest

from engine.scoring.history import TrackRecord
from engine.scoring.reliability import (
    RIGHT,
    SILENT,
    UNEARNED,
    accuracy,
    digest,
    doubtful,
    fair_hits,
    in_step,
    turned,
    weights,
    with_outcome,
)
from tests.unit.records_helpers import outcomes

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
    assert found == pytest.approx([0.02, math.log(right / (1 - right)), 0.02])
    assert weights([outcomes()] * 2) == pytest.approx([UNEARNED] * 2)


def test_an_answers_digest_is_its_own_and_nobodys_is_that_of_silence() -> None:
    assert digest("") == SILENT
    assert digest("408") == digest("408") >= 2
    assert len({digest(key) for key in ("408", "418", "yes", "\ud800", "é")}) == 5


def test_a_record_keeps_the_last_outcomes() -> None:
    record = TrackRecord()
    for at in range(100):
        record = with_outcome(record, at, RIGHT)
    assert record.outcomes == tuple((at, RIGHT) for at in range(100 - 32, 100))


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


def test_two_that_err_alike_are_in_step_by_their_share_of_such_rounds() -> None:
    first = outcomes(WRONG, WRONG, OTHER, RIGHT, RIGHT, WRONG, SILENT, WRONG, -1)
    second = outcomes(WRONG, WRONG, OTHER, RIGHT, RIGHT, THIRD, WRONG, RIGHT, WRONG)
    assert in_step([first, second]) == pytest.approx(np.array([[0, 3 / 7], [3 / 7, 0]]))
    assert not in_step([outcomes(RIGHT, SILENT)] * 2).any()
    assert in_step([outcomes(WRONG)] * 3) == pytest.approx((1 - np.eye(3)) / 2)


def test_only_the_last_256_rounds_of_all_count() -> None:
    old = outcomes(*[WRONG] * 8)
    recent = TrackRecord(outcomes=tuple((1_000 + at, RIGHT) for at in range(248)))
    assert in_step([old, old, recent])[0, 1] == pytest.approx(8 / 9)
    more = TrackRecord(outcomes=tuple((1_000 + at, RIGHT) for at in range(252)))
    assert in_step([old, old, more])[0, 1] == pytest.approx(4 / 5)
