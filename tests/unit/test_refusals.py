"""A miner that is busy is left alone and excused, but so that refusing never pays."""

import pytest

from engine.validator.refusals import FIRST_REST_S, LONGEST_REST_S, Refusals


def refused(refusals: Refusals, hotkey: str = "hk1", *, retry_after: float | None = None) -> bool:
    """Whether one more refusal is excused."""
    return refusals.note_refusal(hotkey, 0.0, retry_after) is None


def test_two_in_a_row_are_excused_and_the_third_is_silence_until_it_answers() -> None:
    refusals = Refusals()
    assert [refused(refusals) for _ in range(5)] == [True, True, False, False, False]
    for _ in range(100):
        refusals.note_reply("hk1", answered=True)
    assert refused(refusals)


def test_why_it_is_not_excused_is_said() -> None:
    refusals = Refusals()
    assert [refusals.note_refusal("hk1", 0.0, None) for _ in range(3)] == [None, None, "refused 3 times in a row"]
    refusals.note_reply("hk1", answered=True)
    assert refusals.note_refusal("hk1", 0.0, None) == "refused 4 of the last 5 questions"


def test_a_failure_of_another_kind_is_no_answer() -> None:
    refusals = Refusals()
    refused(refusals)
    refused(refusals)
    refusals.note_reply("hk1", answered=False)
    assert not refused(refusals)


@pytest.mark.parametrize("every", [2, 3, 5, 9])
def test_who_refuses_more_than_a_tenth_is_soon_excused_no_more(every: int) -> None:
    refusals = Refusals()
    excused: list[int] = []
    for turn in range(1, 1000):
        if turn % every:
            refusals.note_reply("hk1", answered=True)
        elif refused(refusals):
            excused.append(turn)
    assert max(excused) <= 200
    assert len(excused) <= 20


def test_who_refuses_a_tenth_is_excused_each_time() -> None:
    refusals = Refusals()
    for turn in range(1, 1000):
        if turn % 10 == 0:
            assert refused(refusals)
        else:
            refusals.note_reply("hk1", answered=True)


def test_refusing_what_it_would_fail_at_gains_a_ninth_at_most() -> None:
    """The best that a cheat can do which knows what it would fail at, against answering all of it."""
    best = 0.0
    for hard_in_a_hundred in range(1, 60):
        refusals = Refusals()
        scores: list[float] = []
        for turn in range(5000):
            is_hard = turn * hard_in_a_hundred % 100 < hard_in_a_hundred
            if not is_hard:
                refusals.note_reply("hk1", answered=True)
                scores.append(1.0)
            elif not refused(refusals):
                scores.append(0.0)
        best = max(best, sum(scores) / len(scores) / (1 - hard_in_a_hundred / 100))
    assert 1.0 < best < 1.12


def test_a_miner_is_left_alone_for_as_long_as_it_asks_and_a_minute_at_most() -> None:
    refusals = Refusals()
    assert refusals.rest_of("hk1", 0.0) == 0
    refused(refusals, retry_after=7.0)
    assert (refusals.rest_of("hk1", 0.0), refusals.rest_of("hk1", 5.0), refusals.rest_of("hk1", 8.0)) == (7, 2, 0)
    refused(refusals, retry_after=86_400.0)
    assert refusals.rest_of("hk1", 0.0) == LONGEST_REST_S


def test_without_a_time_it_is_left_alone_for_longer_each_time() -> None:
    refusals = Refusals()
    rests = []
    for _ in range(2000):
        refused(refusals)
        rests.append(refusals.rest_of("hk1", 0.0))
    assert rests[:6] == [5, 10, 20, 40, 60, 60]
    assert rests[-1] == LONGEST_REST_S
    refusals.note_reply("hk1", answered=True)
    refused(refusals)
    assert refusals.rest_of("hk1", 0.0) == FIRST_REST_S


def test_each_miner_has_an_account_of_its_own_for_as_long_as_it_is_there() -> None:
    refusals = Refusals()
    for _ in range(4):
        refused(refusals, "hk1")
    assert refused(refusals, "hk2")
    refusals.keep({"hk2"})
    assert refused(refusals, "hk1")
