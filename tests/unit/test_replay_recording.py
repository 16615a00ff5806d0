"""What a screen shows of an earlier moment: built from the store alone, and as the engine had it then."""

import sqlite3
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.record.recording import Recording, Timeline
from engine.errors import StoreError
from engine.snapshot import Snapshot
from engine.snapshot.round_view import round_view
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.store.stored import RoundMark
from engine.validator.scores import Scores
from engine.values import Outcome, Round
from engine.weights.averages import Exponential
from tests.unit.recorded_helpers import folder_with, record_suspects, rounds_split
from tests.unit.store_helpers import NETUID, T0, a_plan, a_reply, a_round, a_verdict, hotkey

HISTORY = [
    a_round(
        number,
        [
            a_reply(
                uid,
                ms=100.0 * uid + number,
                status="timeout" if uid == 2 and number > 3 else "cancelled" if (uid, number) == (1, 4) else "ok",
            )
            for uid in range(1, 5)
            if uid != 4 or number >= 2
        ],
        [
            a_verdict(a_reply(uid), emission=(uid * (number + 3) % 7) / 7)
            for uid in range(1, 5)
            if uid != 4 or number >= 2
        ],
    )
    for number in range(12)
]


def made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


async def recorded(folder: Path, rounds: list[Round]) -> Recording:
    return Recording(await folder_with(made(folder), rounds))


def at_place(recording: Recording, place: int) -> Snapshot:
    return recording.snapshot(place, recording.timeline.time(place))


async def test_an_instant_is_the_same_whatever_was_recorded_later(tmp_path: Path) -> None:
    whole = await recorded(tmp_path / "whole", HISTORY)
    for place in (1, 3, 7):
        begun = await recorded(tmp_path / str(place), HISTORY[:place])
        then, last = at_place(whole, place), at_place(begun, place)
        assert then.replay is not None
        assert (then.replay.place, then.replay.total) == (place, len(HISTORY))
        assert replace(then, replay=last.replay, data_dir=last.data_dir) == last


async def test_miners_stand_as_the_engine_had_them_then(tmp_path: Path) -> None:
    recording = await recorded(tmp_path, HISTORY)
    for place in range(1, len(HISTORY) + 1):
        board = Scores(Exponential(alpha=0.5, window_s=3600.0))
        for judged in HISTORY[:place]:
            board.add(judged)
        snapshot = at_place(recording, place)
        assert {miner.hotkey for miner in snapshot.miners} == board.hotkeys
        for miner in snapshot.miners:
            tally = board.tally(miner.hotkey)
            assert miner.ema == pytest.approx(board.ema(miner.hotkey, snapshot.at), abs=1e-12)
            assert miner.ema_history == pytest.approx(board.ema_history(miner.hotkey), abs=1e-12)
            assert (miner.rounds, miner.answered, miner.failed) == (tally.rounds, tally.answered, tally.failed)
            assert (miner.last_emission, miner.last_answer_at) == (tally.last_emission, tally.last_answer_at or 0.0)
            assert miner.latency_ms == pytest.approx(board.latency_ms(miner.hotkey), abs=0.1)
            assert miner.state == tally.state(snapshot.at)
        assert sum(miner.planned for miner in snapshot.miners) == pytest.approx(1.0)


async def test_rounds_are_rows_as_they_were_shown(tmp_path: Path) -> None:
    rounds = rounds_split(5)
    recording = await recorded(tmp_path, rounds)
    snapshot = at_place(recording, 4)
    assert snapshot.rounds == tuple(round_view(one, recorded=True) for one in rounds[:4])
    assert at_place(recording, 2).rounds == snapshot.rounds[:2]
    assert (snapshot.rounds_done, snapshot.chain.block, snapshot.scoring) == (4, rounds[3].block, "robust")


async def test_a_uid_belongs_to_who_was_asked_last_under_it(tmp_path: Path) -> None:
    newcomer = a_reply(1, hotkey=hotkey(77))
    recording = await recorded(tmp_path, [a_round(0), a_round(1, [newcomer, a_reply(2)])])
    assert [(miner.uid, miner.hotkey) for miner in at_place(recording, 1).miners] == [(u, hotkey(u)) for u in range(3)]
    assert [(miner.uid, miner.hotkey) for miner in at_place(recording, 2).miners] == [
        (0, hotkey(0)),
        (1, hotkey(77)),
        (2, hotkey(2)),
    ]


async def test_between_two_rounds_time_goes_by(tmp_path: Path) -> None:
    recording = await recorded(tmp_path, [a_round(0)])
    assert {miner.state for miner in recording.snapshot(1, T0 + 60).miners} == {"active"}
    later = recording.snapshot(1, T0 + 4 * 3600)
    assert {miner.state for miner in later.miners} == {"stale"}
    assert {miner.ema for miner in later.miners} == {0.0}
    assert {miner.planned for miner in later.miners} == {0.0}


async def test_weights_are_those_of_the_journal_by_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = await folder_with(tmp_path, [a_round(number) for number in range(3)])
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    monkeypatch.setattr("time.time", lambda: T0 + 90)
    await store.journal.settle(await store.journal.intend(a_plan(100, uids=(1, 2))), Outcome(status="ok", block=100))
    await store.close()
    recording = Recording(folder)
    assert [miner.weight for miner in at_place(recording, 2).miners] == [0.0, 0.0, 0.0]
    snapshot = at_place(recording, 3)
    assert [miner.weight for miner in snapshot.miners] == [0.0, 0.5, 0.5]
    assert [(plan.block, plan.outcome) for plan in snapshot.plans] == [(100, "ok")]
    assert (snapshot.chain.last_weights_block, snapshot.hotkey) == (100, hotkey(0))


async def test_suspects_of_the_last_round_are_known_and_before_only_what_penalties_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.time", lambda: T0 + 90)
    await record_suspects(tmp_path, rounds_split(4))
    recording = Recording(tmp_path)
    last, earlier, first = (at_place(recording, place).sybil for place in (4, 3, 1))
    assert last is not None and earlier is not None and first is not None
    assert [row.suspected for row in at_place(recording, 4).miners if row.uid == 2] == ["copies"]
    assert [(one.uids, one.copied_uids, one.suspicion) for one in last.groups] == [((2,), (1,), 1.0)]
    assert last.groups[0].evidence[0] == "same wording in 20 of 20 texts"
    assert (last.rounds, last.rule, last.suspicion) == (20, None, {hotkey(2): 1.0})
    assert {one.uid: (one.state, one.takes) for one in last.penalties} == {2: ("applied", 0.8), 3: ("held", 0.0)}
    assert (earlier.rounds, earlier.groups, earlier.pairs, earlier.suspicion) == (0, (), (), {})
    assert {one.uid: (one.state, one.takes) for one in earlier.penalties} == {2: ("applied", 0.8)}
    assert first.penalties == ()


async def test_a_penalty_that_was_shown_and_not_applied_is_not_a_penalty_taken(tmp_path: Path) -> None:
    await record_suspects(tmp_path, rounds_split(2))
    store = await Store.open(tmp_path / FILE_NAME, retention_days=7)
    await store.journal.settle(await store.journal.intend(a_plan(110)), Outcome(status="ok", block=110))
    await store.close()
    snapshot = Recording(tmp_path).snapshot(2, time.time() + 1)
    assert snapshot.sybil is not None
    assert {one.uid: one.state for one in snapshot.sybil.penalties} == {2: "shown", 3: "held"}


async def test_what_was_learnt_and_cannot_be_read_is_as_good_as_not_recorded(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await record_suspects(tmp_path, rounds_split(2))
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE histories SET value = 'no msgpack'")
    sybil = at_place(Recording(tmp_path), 2).sybil
    assert sybil is not None and (sybil.rounds, sybil.groups) == (0, ())
    assert "the memory of the profile robust cannot be read" in caplog.text


async def test_a_damaged_round_is_left_out_of_later_instants(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = await folder_with(tmp_path, rounds_split(5))
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute("UPDATE rounds SET source = char(27) || '[2J' WHERE number = 3")
    recording = Recording(folder)
    assert [one.id for one in at_place(recording, 5).rounds] == ["round-0", "round-1", "round-3", "round-4"]
    assert "round 3 of" in caplog.text
    assert "\x1b" not in caplog.text
    with pytest.raises(StoreError, match="is damaged: a row in it was not written by this program"):
        at_place(recording, 3)


async def test_new_rounds_are_found_and_old_ones_let_go(tmp_path: Path) -> None:
    recording = await recorded(tmp_path, [a_round(number) for number in range(3)])
    assert recording.refresh() == 0
    store = await Store.open(tmp_path / FILE_NAME, retention_days=1)
    await store.record(a_round(3, at=T0 + 86400 + 90), netuid=NETUID, history=None, cursor=None)
    assert recording.refresh() == 0
    assert recording.timeline.total == 4
    await store.prune(T0 + 86400 + 90)
    await store.close()
    assert recording.refresh() == 2
    assert recording.timeline.total == 2
    assert [one.id for one in at_place(recording, 2).rounds] == ["round-2", "round-3"]


async def test_a_store_that_restarts_its_numbering_is_another_record(tmp_path: Path) -> None:
    recording = await recorded(tmp_path, [a_round(number) for number in range(3)])
    at_place(recording, 3)
    store = await Store.open(tmp_path / FILE_NAME, retention_days=1)
    await store.prune(T0 + 9 * 86400)
    with pytest.raises(StoreError, match="all rounds have been deleted because of their age"):
        recording.refresh()
    await store.record(a_round(7), netuid=NETUID, history=None, cursor=None)
    await store.close()
    assert recording.refresh() == 0
    assert [one.id for one in at_place(recording, recording.timeline.total).rounds] == ["round-7"]


def test_a_timeline_knows_places_and_times() -> None:
    timeline = Timeline([RoundMark(3, 10.0), RoundMark(5, 20.0), RoundMark(6, 15.0), RoundMark(9, 30.0)])
    assert [timeline.time(place) for place in range(1, 5)] == [10.0, 20.0, 20.0, 30.0]
    assert [timeline.place_at(at) for at in (9.0, 10.0, 19.0, 20.0, 99.0)] == [0, 1, 1, 3, 4]
    assert timeline.numbers(3, 2) == [5, 6]
    assert timeline.forget_before(5) == 1
    assert (timeline.total, timeline.number(1), timeline.newest) == (3, 5, 9)


async def test_what_cannot_be_replayed_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"folder .* does not exist"):
        Recording(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="nothing has been stored yet"):
        Recording(tmp_path)
    await (await Store.open(tmp_path / FILE_NAME, retention_days=7)).close()
    with pytest.raises(StoreError, match="holds no rounds: only a validator and the demo record rounds"):
        Recording(tmp_path)
