"""Accounts by hotkey: what is counted, what is forgotten, what goes on after a restart."""

import pytest
from msgspec.structs import replace

from engine.store.tally import Tally
from engine.validator import scores as scoreboard_module
from engine.validator.scores import Scoreboard
from engine.values import Reply, Round
from engine.weights import averages as book_module
from engine.weights.averages import AverageBook, Exponential, Windowed
from tests.unit.store_helpers import T0, a_reply, a_round, a_verdict, hotkey

HOUR = 3600.0


def a_board() -> Scoreboard:
    return Scoreboard(AverageBook(Exponential(alpha=0.5, window_s=24 * HOUR)))


def round_of(number: int, *replies: Reply, emission: float = 0.5) -> Round:
    return a_round(number, replies, [a_verdict(reply, emission=emission) for reply in replies])


def test_answers_and_failures_are_counted_by_hotkey_whatever_the_uid() -> None:
    board = a_board()
    board.add(round_of(0, a_reply(1, ms=100.0), a_reply(2, status="timeout", ms=0.0, text="")))
    board.add(round_of(1, a_reply(9, hotkey=hotkey(1), ms=300.0), a_reply(2, status="refused", text="")))
    first, second = board.tally(hotkey(1)), board.tally(hotkey(2))
    assert (first.rounds, first.answered, first.failed, first.last_answer_at) == (2, 2, 0, T0 + 60)
    assert (second.rounds, second.answered, second.failed, second.failures_in_a_row) == (2, 0, 2, 2)
    assert second.last_answer_at is None
    assert board.latency_ms(hotkey(1)) == 100.0
    assert board.latency_ms(hotkey(2)) == 0.0
    assert board.hotkeys == {hotkey(1), hotkey(2)}


def test_an_answer_ends_a_row_of_failures() -> None:
    board = a_board()
    board.add(round_of(0, a_reply(1, status="timeout", text="")))
    board.add(round_of(1, a_reply(1)))
    assert board.tally(hotkey(1)).failures_in_a_row == 0


def test_a_cancelled_reply_counts_for_nothing() -> None:
    board = a_board()
    board.add(round_of(0, a_reply(1, status="cancelled", text="")))
    assert board.hotkeys == frozenset()
    assert board.ema(hotkey(1), T0) == 0.0


def test_a_miss_lowers_the_average_under_robust_and_not_under_loosh() -> None:
    miss = round_of(1, a_reply(1, status="timeout", text=""), emission=0.0)
    for profile, average in (("robust", 0.5), ("loosh", 1.0)):
        board = a_board()
        board.add(round_of(0, a_reply(1), emission=1.0))
        board.add(replace(miss, judgement=replace(miss.judgement, profile=profile)))
        assert board.ema(hotkey(1), T0 + 60) == average
        assert board.tally(hotkey(1)).failed == 1


def test_scores_are_averages_with_the_time_of_the_last_answer() -> None:
    board = a_board()
    board.add(round_of(0, a_reply(1), emission=1.0))
    board.add(round_of(1, a_reply(1), emission=0.0))
    (score,) = board.scores([hotkey(1)], T0 + 60)
    assert (score.hotkey, score.score, score.last_answer_at) == (hotkey(1), 0.5, T0 + 60)
    assert board.ema_history(hotkey(1)) == (1.0, 0.5)
    (later,) = board.scores([hotkey(1)], T0 + 25 * HOUR)
    assert later.score == 0.0
    (stranger,) = board.scores(["nobody"], T0)
    assert (stranger.score, stranger.last_answer_at) == (0.0, 0.0)


def test_what_was_stored_goes_on() -> None:
    board, again = a_board(), a_board()
    board.add(round_of(0, a_reply(1), emission=1.0))
    again.load({hotkey(1): [(T0, 1.0)]}, {hotkey(1): board.tally(hotkey(1))}, {})
    for one in (board, again):
        one.add(round_of(1, a_reply(1), emission=0.2))
    assert again.tally(hotkey(1)) == board.tally(hotkey(1))
    assert again.ema(hotkey(1), T0 + 60) == board.ema(hotkey(1), T0 + 60)


def test_replies_that_made_a_sample_are_counted_beyond_those_that_decide_a_score() -> None:
    board = Scoreboard(AverageBook(Windowed(count=1, window_s=60.0)))
    board.load({hotkey(1): [(T0, 0.5)]}, {}, {})
    for number in range(1, 4):
        board.add(round_of(number, a_reply(1), a_reply(2, status="cancelled", text="")))
    assert board.scored == 4


def test_hotkeys_that_come_and_go_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoreboard_module, "MANY_HOTKEYS", 10)
    monkeypatch.setattr(book_module, "MANY_HOTKEYS", 10)
    board = a_board()
    for number in range(100):
        board.add(a_round(number, [a_reply(number)], at=T0 + number * 6 * HOUR))
    assert len(board.hotkeys) <= 11
    assert board.tally(hotkey(99)).answered == 1
    assert board.tally(hotkey(0)) == Tally()
    assert board.latency_ms(hotkey(0)) == 0.0
