"""Scores by hotkey: what is counted, what is forgotten, what dropout skips, and what survives a restart."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.limit import RollingLimit
from engine.store.store import Store
from engine.transport.wire import challenge_json
from engine.validator import scores as scores_module
from engine.validator.round_log import Tally
from engine.validator.scores import Cap, Scores, is_scored
from engine.values import Reply, Round
from engine.weights import averages as book_module
from engine.weights.averages import Exponential, Windowed
from tests.unit.store_helpers import NETUID, PROFILE, T0, a_reply, a_round, a_verdict, hotkey, recorded

HOUR = 3600.0


def a_board() -> Scores:
    return Scores(Exponential(alpha=0.5, window_s=24 * HOUR))


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


def test_what_was_stored_continues() -> None:
    board, again = a_board(), a_board()
    board.add(round_of(0, a_reply(1), emission=1.0))
    again.load({hotkey(1): [(T0, 1.0)]}, {hotkey(1): board.tally(hotkey(1))}, {})
    for one in (board, again):
        one.add(round_of(1, a_reply(1), emission=0.2))
    assert again.tally(hotkey(1)) == board.tally(hotkey(1))
    assert again.ema(hotkey(1), T0 + 60) == board.ema(hotkey(1), T0 + 60)


def test_replies_that_made_a_sample_are_counted_beyond_those_that_decide_a_score() -> None:
    board = Scores(Windowed(count=1, window_s=60.0))
    board.load({hotkey(1): [(T0, 0.5)]}, {}, {})
    for number in range(1, 4):
        board.add(round_of(number, a_reply(1), a_reply(2, status="cancelled", text="")))
    assert board.scored == 4


def test_hotkeys_that_come_and_go_fill_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores_module, "MANY_HOTKEYS", 10)
    monkeypatch.setattr(book_module, "MANY_HOTKEYS", 10)
    board = a_board()
    for number in range(100):
        board.add(a_round(number, [a_reply(number)], at=T0 + number * 6 * HOUR))
    assert len(board.hotkeys) <= 11
    assert board.tally(hotkey(99)).answered == 1
    assert board.tally(hotkey(0)) == Tally()
    assert board.latency_ms(hotkey(0)) == 0.0


PERIOD_S = 600.0
MINUTE = 60.0


def a_capped_board(limit: int = 4) -> Scores:
    return Scores(Exponential(alpha=0.5), Cap(limit, PERIOD_S))


def judged_by(board: Scores, judged: Round) -> Round:
    """What the validator makes of a judged round."""
    capped = replace(judged, over_cap=board.over_cap(judged))
    board.add(capped)
    return capped


def paid(number: int, *paid: tuple[Reply, float]) -> Round:
    """Round `number`, a minute after the one before."""
    replies = [reply for reply, _ in paid]
    return a_round(number, replies, [a_verdict(reply, emission=emission) for reply, emission in paid])


def a_miss(uid: int) -> Reply:
    return a_reply(uid, status="timeout", reason="no answer", text="")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "store.db", retention_days=7)
    yield opened
    await opened.close()


def test_four_answers_count_in_ten_minutes_and_the_rest_leave_the_average_alone() -> None:
    board = a_capped_board()
    counted = []
    for number in range(14):
        reply = a_reply(1)
        judged = judged_by(board, paid(number, (reply, 1.0 if number < 4 else 0.25)))
        counted.append(judged.counted(reply))
        if 3 < number < 10:
            assert board.ema(hotkey(1), judged.started_at) == 1.0, "skipped, neither zeroed nor paid"
    assert counted == [*["yes"] * 4, *["cap"] * 6, *["yes"] * 4], "a place is free again after 600 s"
    assert board.ema(hotkey(1), T0 + 13 * MINUTE) == 0.25 + 0.75 / 2**4
    assert board.tally(hotkey(1)).answered == 14


def test_failures_count_always_and_take_no_place() -> None:
    board = a_capped_board(limit=1)
    judged_by(board, paid(0, (a_reply(1), 1.0)))
    for number in (1, 2):
        miss = judged_by(board, paid(number, (a_miss(1), 0.0)))
        assert [miss.counted(reply) for reply in miss.replies] == ["yes"]
    assert board.ema(hotkey(1), T0 + 2 * MINUTE) == 0.25
    late = judged_by(board, paid(3, (a_reply(1), 1.0)))
    assert late.counted(late.replies[0]) == "cap"
    freed = judged_by(board, paid(10, (a_reply(1), 1.0)))
    assert freed.counted(freed.replies[0]) == "yes", "two failures since then did not fill the period"


def test_every_score_goes_to_the_uid_that_earned_it() -> None:
    """Where the first of a batch is over the cap, the reference gives its score to the next and so on."""
    board = a_capped_board(limit=1)
    judged_by(board, paid(0, (a_reply(1), 0.5), (a_reply(3), 0.5)))
    earned = {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.4, 5: 0.0}
    replies = [a_reply(uid) if uid != 5 else a_miss(uid) for uid in earned]
    judged = judged_by(board, paid(1, *((reply, earned[reply.uid]) for reply in replies)))
    assert {reply.uid: judged.counted(reply) for reply in replies} == {1: "cap", 2: "yes", 3: "cap", 4: "yes", 5: "yes"}
    averages = {uid: board.ema(hotkey(uid), T0 + MINUTE) for uid in earned}
    assert averages == {1: 0.5, 2: 0.2, 3: 0.5, 4: 0.4, 5: 0.0}


def test_a_round_that_is_not_scored_moves_nobody_and_fills_no_place() -> None:
    board = a_capped_board(limit=1)
    judged = paid(0, (a_reply(1), 1.0), (a_miss(2), 0.0), (a_reply(3, status="cancelled"), 0.0))
    judged = judged_by(board, replace(judged, challenge=replace(judged.challenge, scored=False)))
    assert [judged.counted(reply) for reply in judged.replies] == ["dropout", "dropout", "cancelled"]
    assert judged.over_cap == frozenset()
    assert board.ema(hotkey(1), T0) == 0.0
    assert board.ema_history(hotkey(2)) == ()
    assert (board.tally(hotkey(1)).answered, board.tally(hotkey(2)).failed) == (1, 1), "the operator sees it all"
    after = judged_by(board, paid(1, (a_reply(1), 1.0)))
    assert after.counted(after.replies[0]) == "yes"


def test_the_loosh_profile_leaves_failures_out() -> None:
    judged = paid(0, (a_miss(1), 0.0), (a_reply(2), 0.5))
    judged = replace(judged, judgement=replace(judged.judgement, profile="loosh"))
    assert [judged.counted(reply) for reply in judged.replies] == ["ignored", "yes"]


def test_a_mean_of_few_counts_what_is_missing_as_nothing_but_not_what_was_skipped() -> None:
    board = Scores(Windowed(count=10), Cap(2, PERIOD_S))
    for number in range(4):
        judged_by(board, paid(number, (a_reply(1), 1.0)))
    assert board.ema(hotkey(1), T0 + 3 * MINUTE) == 0.2


def test_the_lots_depend_on_seed_and_position_alone() -> None:
    lots = [is_scored(position, seed=7, unscored_share=0.5) for position in range(2000)]
    assert lots == [is_scored(position, seed=7, unscored_share=0.5) for position in range(2000)]
    assert lots != [is_scored(position, seed=8, unscored_share=0.5) for position in range(2000)]
    assert 0.45 < sum(lots) / len(lots) < 0.55
    assert all(is_scored(position, seed=7, unscored_share=0.0) for position in range(100))


def test_nothing_that_is_sent_says_whether_it_is_scored() -> None:
    challenge = a_round().challenge
    assert challenge_json(challenge) == challenge_json(replace(challenge, scored=False))


async def test_what_counted_is_stored_by_reply(store: Store) -> None:
    board = a_capped_board(limit=1)
    judged_by(board, paid(0, (a_reply(1), 0.5)))
    capped = judged_by(board, paid(1, (a_reply(1), 1.0), (a_reply(2), 0.25), (a_miss(3), 0.0)))
    unscored = paid(2, (a_reply(1), 1.0), (a_miss(3), 0.0))
    unscored = judged_by(board, replace(unscored, challenge=replace(unscored.challenge, scored=False)))
    for judged in (capped, unscored):
        await store.record(judged, netuid=NETUID, history=None, cursor=None)
        assert await recorded(store, judged.challenge.id) == judged
    samples = await store.samples_by_hotkey(NETUID, PROFILE, 0.0, 10)
    assert samples == {hotkey(2): [(T0 + MINUTE, 0.25)], hotkey(3): [(T0 + MINUTE, 0.0)]}
    assert await store.answers_counted(NETUID, 0.0, T0 + PERIOD_S) == {hotkey(2): [T0 + MINUTE]}
    assert await store.answers_counted(NETUID, T0 + MINUTE, T0 + PERIOD_S) == {}
    assert await store.answers_counted(1, 0.0, T0 + PERIOD_S) == {}
    assert await store.answers_counted(NETUID, 0.0, T0) == {}, "a clock that was ahead uses up no answers of now"


async def test_the_cap_continues_after_a_restart(store: Store) -> None:
    board = a_capped_board(limit=2)
    for number in range(3):
        judged = judged_by(board, paid(number, (a_reply(1), 1.0), (a_miss(2), 0.0)))
        await store.record(judged, netuid=NETUID, history=None, cursor=None)
    again = a_capped_board(limit=2)
    now = T0 + 3 * MINUTE
    answers = await store.answers_counted(NETUID, now - PERIOD_S, now)
    again.load(await store.samples_by_hotkey(NETUID, PROFILE, 0.0, 10), await store.tallies(NETUID), answers)
    for one in (board, again):
        late = judged_by(one, paid(3, (a_reply(1), 0.0), (a_reply(2), 1.0)))
        assert [late.counted(reply) for reply in late.replies] == ["cap", "yes"]
        assert (one.ema(hotkey(1), now), one.ema(hotkey(2), now)) == (1.0, 0.5)


def test_hotkeys_that_come_and_go_fill_no_memory_of_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scores_module, "MANY_HOTKEYS", 10)
    cap = Cap(4, PERIOD_S)
    for number in range(100):
        cap.add(a_round(number * 10, [a_reply(number)]))
    assert len(cap._counted) <= 11


def test_a_rolling_limit() -> None:
    limit = RollingLimit(2, 10.0)
    assert limit.is_idle(0.0)
    limit.add(0.0)
    assert not limit.is_reached(1.0)
    limit.add(5.0)
    assert limit.is_reached(9.9)
    assert not limit.is_reached(10.0)
    limit.add(10.0)
    assert limit.is_reached(14.9)
    assert not limit.is_reached(15.0)
    assert not limit.is_idle(19.0)
    assert limit.is_idle(20.0)
