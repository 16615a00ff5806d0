"""The read-only record: consistent while the engine writes, and after a kill."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Literal

import pytest

from engine.errors import StoreUnusable
from engine.store.errors import StoreTooNew
from engine.store.record import open_record
from engine.store.schema import LATEST
from engine.store.store import Store
from engine.values import Outcome
from engine.weights.averages import Exponential
from tests.unit.store_helpers import NETUID, PROFILE, T0, a_plan, a_reply, a_round, hotkey


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a folder? with 100% odd #name" / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    path.parent.mkdir()
    store = await Store.open(path, retention_days=7)
    yield store
    await store.close()


async def test_a_reader_sees_one_moment_while_rounds_are_written(store: Store, path: Path) -> None:
    await store.record(a_round(0), netuid=NETUID, history=None, cursor=None)
    with open_record(path) as early:
        await store.record(a_round(1), netuid=NETUID, history=None, cursor=None)
        rounds = early.rounds.since(0.0)
        assert next(rounds).id == "round-0"
        await store.record(a_round(2), netuid=NETUID, history=None, cursor=None)
        assert list(rounds) == []
        assert len(list(early.replies.since(0.0))) == 3
        assert [neuron.tally.rounds for neuron in early.neurons.all()] == [1, 1, 1]
    with open_record(path) as late:
        assert [judged.id for judged in late.rounds.since(0.0)] == ["round-0", "round-1", "round-2"]
        assert [judged.id for judged in late.rounds.since(T0 + 60)] == ["round-1", "round-2"]


async def test_a_long_reader_does_not_stop_the_writer(store: Store, path: Path) -> None:
    await store.record(a_round(0), netuid=NETUID, history=None, cursor=None)
    with open_record(path) as record:
        replies = record.replies.since(0.0)
        next(replies)
        for number in range(1, 50):
            big = [a_reply(uid, text="word " * 1000) for uid in range(20)]
            await store.record(a_round(number, big), netuid=NETUID, history=None, cursor=None)
        assert len(list(replies)) == 2
    assert await store.has_round("round-49")


async def test_rows_are_what_was_recorded(store: Store, path: Path) -> None:
    judged = a_round(0, [a_reply(1), a_reply(2, status="timeout", reason="no answer in 2 s", text="")])
    await store.record(judged, netuid=NETUID, history=None, cursor=None)
    await store.set_score_rule(NETUID, Exponential(alpha=0.25, window_s=3600.0), PROFILE)
    with open_record(path) as record:
        [row] = record.rounds.since(0.0)
        answer, failure = record.replies.since(0.0)
        assert record.carried.score_rule(NETUID) == Exponential(alpha=0.25, window_s=3600.0)
        assert record.carried.score_rule(1) is None
        assert record.replies.samples(NETUID, hotkey(1), PROFILE, 0.0, 10) == [(T0, 0.5)]
    assert (row.asked, row.answered, row.winner_uid, row.clusters) == (2, 1, 1, [[1]])
    assert (answer.reasons, answer.text) == (("agrees with the others", "fast"), "the answer of 1")
    assert (failure.status, failure.reason, failure.emission) == ("timeout", "no answer in 2 s", 0.0)


async def test_a_round_that_nobody_answered(store: Store, path: Path) -> None:
    await store.record(a_round(0, [a_reply(1, status="timeout")]), netuid=NETUID, history=None, cursor=None)
    await store.record(a_round(1, []), netuid=NETUID, history=None, cursor=None)
    with open_record(path) as record:
        failed, empty = record.rounds.since(0.0)
    assert (failed.asked, failed.answered, failed.winner_uid, failed.winner_hotkey) == (1, 0, None, None)
    assert (empty.asked, empty.clusters) == (0, [])


async def test_neurons_carry_name_and_registration(store: Store, path: Path) -> None:
    await store.record(a_round(0), netuid=NETUID, history=None, cursor=None)
    await store.note_neurons(NETUID, [(hotkey(0), "c", 0, "strong-1"), (hotkey(9), "c", 9, "")], at=T0 + 5)
    await store.note_neurons(NETUID, [(hotkey(0), "c", 4, ""), (hotkey(9), "c", 9, "late")], at=T0 + 10)
    with open_record(path) as record:
        neurons = {neuron.hotkey: neuron for neuron in record.neurons.all()}
    known = {key: (neuron.uid, neuron.name, neuron.registered, neuron.seen_at) for key, neuron in neurons.items()}
    assert known == {
        hotkey(0): (4, "strong-1", True, T0 + 10),
        hotkey(1): (1, "", False, T0),
        hotkey(2): (2, "", False, T0),
        hotkey(9): (9, "late", True, T0 + 10),
    }
    assert neurons[hotkey(9)].tally.rounds == 0


@pytest.mark.parametrize("landed", ["ok", "applied"])
async def test_weights_are_what_the_chain_holds_else_the_plan(
    store: Store, path: Path, landed: Literal["ok", "applied"]
) -> None:
    await store.journal.skip(a_plan(1, rows=(), skipped="no miner serves"))
    with open_record(path) as record:
        assert record.plans.on_chain_or_sent(NETUID) is None
        assert [entry.outcome for entry in record.plans.since(0.0)] == ["skipped"]
    first = await store.journal.intend(a_plan(2))
    with open_record(path) as record:
        assert record.plans.on_chain_or_sent(NETUID) == a_plan(2)
    await store.journal.settle(first, Outcome(status=landed))
    await store.journal.settle(await store.journal.intend(a_plan(3)), Outcome(status="rejected"))
    with open_record(path) as record:
        assert record.plans.on_chain_or_sent(NETUID) == a_plan(2)
        assert record.plans.on_chain_or_sent(1) is None
        assert [entry.outcome for entry in record.plans.since(0.0)] == ["skipped", landed, "rejected"]
        assert list(record.plans.since(2e10)) == []


RECORD_AND_DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.store.store import Store
from tests.unit.store_helpers import NETUID, a_round
async def main():
    store = await Store.open(Path(sys.argv[1]), retention_days=7)
    await store.record(a_round(0), netuid=NETUID, history=None, cursor=None)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def test_what_a_killed_engine_left_in_its_log_is_read(path: Path) -> None:
    path.parent.mkdir()
    killed = subprocess.run([sys.executable, "-c", RECORD_AND_DIE, path], capture_output=True, timeout=30)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert path.with_name("store.db-wal").stat().st_size > 0
    with open_record(path) as record:
        assert [judged.id for judged in record.rounds.since(0.0)] == ["round-0"]


async def test_a_reader_cannot_write(store: Store, path: Path) -> None:
    with pytest.raises(StoreUnusable, match="readonly"), open_record(path) as record:
        record.connection.execute("DELETE FROM rounds")


def test_nothing_stored_yet(path: Path) -> None:
    with pytest.raises(StoreUnusable, match="nothing has been stored yet"), open_record(path):
        pass


@pytest.mark.parametrize(
    ("version", "kind"), [(0, StoreUnusable), (LATEST - 1, StoreUnusable), (LATEST + 1, StoreTooNew)]
)
def test_another_schema_is_refused_with_its_number(path: Path, version: int, kind: type[Exception]) -> None:
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(kind, match=f"schema {version}"), open_record(path):
        pass


def test_damage_is_reported_whenever_it_is_met(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"SQLite format 3\x00" + bytes(range(256)) * 100)
    with pytest.raises(StoreUnusable, match="damaged"), open_record(path):
        pass
