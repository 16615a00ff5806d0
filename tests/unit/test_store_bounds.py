"""The store to the second and the row: where each query's range begins and ends, and what a row may hold."""

import asyncio
import math
import os
import sqlite3
import threading
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from engine.snapshot import MinerState
from engine.store import columns, small_tables
from engine.store import store as stored_nonces
from engine.store.columns import cells, decoded, fields, from_json, unpacked
from engine.store.errors import BadRow, StoreTooNew
from engine.store.record import open_record
from engine.store.round_rows import require_finite
from engine.store.round_table import TEXTS_DROPPED
from engine.store.store import Store, StoredNonces
from engine.transport.replay_guard import NoncesUnavailable
from engine.validator.round_log import Tally
from engine.values import Outcome, Source
from engine.values.earned import Merit, Pay, Uid
from tests.unit.store_helpers import NETUID, PROFILE, T0, a_plan, a_reply, a_round, a_verdict, hotkey

HOUR = 3600.0
DAY = 24 * HOUR


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "store.db", retention_days=7)
    yield store
    await store.close()


async def record(
    store: Store, number: int, *, netuid: int = NETUID, source: Source = "synthetic", **changed: Any
) -> None:
    judged = a_round(number, id=f"{netuid}-{number}")
    challenge = replace(judged.challenge, source=source, **changed)
    await store.record(replace(judged, challenge=challenge), netuid=netuid, history=None, cursor=None)


async def test_a_new_file_is_for_its_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        await (await Store.open(tmp_path / "store.db", retention_days=7)).close()
    finally:
        os.umask(before)
    assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("tally", "ago", "state"),
    [
        (Tally(), 0.0, "silent"),
        (Tally(last_answer_at=T0), 3 * HOUR, "active"),
        (Tally(last_answer_at=T0), 3 * HOUR + 1, "stale"),
        (Tally(last_answer_at=T0, failures_in_a_row=4), 0.0, "active"),
        (Tally(last_answer_at=T0, failures_in_a_row=5), 0.0, "silent"),
    ],
)
def test_a_miner_is_stale_after_three_hours_and_silent_after_five_failures(
    tally: Tally, ago: float, state: MinerState
) -> None:
    assert tally.state(T0 + ago) == state


@pytest.mark.parametrize("name", ["consensus", "agreement"])
def test_an_invalid_number_of_a_judgement_is_named(name: str) -> None:
    judged = a_round()
    require_finite(judged)
    with pytest.raises(ValueError, match=f"round 'round-0': the {name} is nan"):
        require_finite(replace(judged, judgement=replace(judged.judgement, **{name: math.nan})))


def test_an_invalid_part_is_named_with_its_hotkey() -> None:
    reply = a_reply(1)
    with pytest.raises(ValueError, match=f"the speed of {hotkey(1)} is -inf"):
        require_finite(a_round(0, [reply], [a_verdict(reply, parts={"speed": -math.inf})]))


class Point(Struct, frozen=True):
    x: int
    name: str = ""


def row_of(query: str) -> sqlite3.Row:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    row: sqlite3.Row = connection.execute(query).fetchone()
    return row


def test_a_row_is_a_value_of_the_kind_that_is_meant() -> None:
    row = row_of("SELECT 7 AS x, 'n' AS name")
    assert fields(row, Point) == Point(7, "n")
    assert fields(row, Point, name="other") == Point(7, "other")
    assert cells(row, int, str) == (7, "n")
    assert from_json('{"x": 1}', Point) == decoded('{"x": 1}', Point) == Point(1)
    assert from_json("[1e999]", list[float]) == [math.inf]
    assert unpacked(b"\x81\xa1x\x05", Point) == Point(5)


@pytest.mark.parametrize("stored", ["", "{", '{"x": "one"}', "[]", "[" * 100_000, 7, None, b"{}"])
def test_a_column_that_is_not_what_we_write_is_a_bad_row(stored: object) -> None:
    for read in (from_json, decoded):
        with pytest.raises(BadRow):
            read(stored, Point)
    with pytest.raises(BadRow):
        unpacked(stored, Point)


@pytest.mark.parametrize(("kind", "least", "most"), [(Merit, -100.0, 100.0), (Pay, -2.0, 100.0), (Uid, 0, 65_535)])
def test_what_a_reply_is_worth_and_a_uid_have_bounds(kind: Any, least: float, most: float) -> None:
    for within in (least, most):
        assert msgspec.convert(within, kind) == within
    for beyond in (least - 1, most + 1):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(beyond, kind)


def test_a_row_of_other_types_is_a_bad_row() -> None:
    for query in ("SELECT 'seven' AS x", "SELECT 1.5 AS x", "SELECT NULL AS x", "SELECT 1 AS y"):
        with pytest.raises(BadRow):
            fields(row_of(query), Point)
    with pytest.raises(BadRow):
        cells(row_of("SELECT 1, 2"), int)
    assert columns.Flag.__args__ == (0, 1)  # type: ignore[attr-defined]


async def test_a_table_of_nonces_that_was_full_before_a_restart_is_full_after_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_nonces, "MAX_NONCES", 2)
    for key in ("one", "two"):
        assert await store.nonces.remember(key, until=2e9)
    with pytest.raises(NoncesUnavailable):
        await StoredNonces(store._database).remember("three", until=2e9)


async def test_nonces_are_swept_when_as_many_new_ones_came(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_nonces, "SWEEP_EVERY", 2)
    over = time.time() - small_tables.CLOCK_STEP_S - 1
    assert await store.nonces.remember("over", until=over)
    assert await store.nonces.remember("new", until=2e9)
    assert await store.nonces.remember("over", until=over)


async def test_a_nonce_is_kept_for_an_hour_after_its_end(store: Store) -> None:
    await store.nonces.remember("just", until=T0)
    await store.nonces.sweep(T0 + 3600)
    assert not await store.nonces.remember("just", until=T0)
    await store.nonces.sweep(T0 + 3601)
    assert await store.nonces.remember("just", until=T0)


async def test_what_is_exactly_as_old_as_the_retention_stays(store: Store) -> None:
    for number in (0, 1):
        await record(store, number)
        await store.log_command(T0 + 60 * number, "pause", "", "done", "")
    await store.note_neurons(NETUID, [(hotkey(9), "c", 9, "")], at=T0)
    await store.note_neurons(NETUID, [], at=T0)
    tallied = set(await store.tallies(NETUID))
    assert tallied == {hotkey(uid) for uid in range(3)}
    assert await store.prune(T0 + 7 * DAY) == 0
    assert await store.count_rounds(NETUID) == len(await store.recent_commands(9)) == 2
    assert await store.prune(T0 + 7 * DAY + 1) == 1
    assert not await store.has_round(f"{NETUID}-0")
    assert [command.at for command in await store.recent_commands(9)] == [T0 + 60]
    assert set(await store.tallies(NETUID)) == tallied


async def test_probes_are_those_asked_after_one_instant_and_by_another(store: Store) -> None:
    for number in range(4):
        await record(store, number, truth=None if number == 2 else "42")
    await record(store, 5, netuid=1)
    assert await store.probes_asked(NETUID, T0, T0 + 180) == [T0 + 60, T0 + 180]
    assert await store.probes_asked(NETUID, T0 - 1, T0 + 179) == [T0, T0 + 60]


async def test_answers_counted_are_those_after_one_instant_and_by_another(store: Store) -> None:
    for number in range(4):
        await record(store, number)
    await record(store, 5, netuid=1)
    found = await store.answers_counted(NETUID, T0, T0 + 120)
    assert found == {hotkey(uid): [T0 + 60, T0 + 120] for uid in range(3)}


async def test_samples_are_those_after_an_instant_the_newest_of_each(store: Store) -> None:
    for number in range(4):
        await record(store, number)
    found = await store.samples_by_hotkey(NETUID, PROFILE, T0, 2)
    assert found[hotkey(1)] == [(T0 + 120, 0.5), (T0 + 180, 0.5)]
    assert (await store.samples_by_hotkey(NETUID, PROFILE, T0 + 120, 9))[hotkey(1)] == [(T0 + 180, 0.5)]
    assert await store.samples_by_hotkey(NETUID, "loosh", T0 - 1, 9) == {}


async def test_each_recorded_question_has_its_part_of_the_lot(store: Store) -> None:
    store._users_s = math.inf
    sources: tuple[Source, ...] = ("file", "synthetic", "organic", "replay", "file")
    for number, source in enumerate(sources):
        await record(store, number, source=source)
    await record(store, 7, netuid=1, source="file")
    lots = [await store.challenge_from_outside(NETUID, lot) for lot in (0.0, 0.33, 0.34, 0.66, 0.67, 0.999)]
    assert [found.id if found else None for found in lots] == [f"{NETUID}-{number}" for number in (0, 0, 2, 2, 4, 4)]
    assert await store.challenge_from_outside(5, 0.5) is None


async def test_the_newest_come_first_and_no_more_than_were_asked_for(store: Store) -> None:
    for number in range(3):
        await record(store, number)
        await store.log_command(T0 + number, f"command {number}", "", "done", "")
        await store.journal.skip(a_plan(100 + number, skipped=f"why {number}"))
    await record(store, 9, netuid=1)
    assert [one.challenge.id for one in await store.recent_rounds(NETUID, 2)] == [f"{NETUID}-2", f"{NETUID}-1"]
    assert [one.name for one in await store.recent_commands(2)] == ["command 2", "command 1"]
    assert [one.plan.block for one in await store.journal.recent(NETUID, 2)] == [102, 101]
    assert await store.count_rounds(NETUID) == 3
    assert (await store.count_rounds(1), await store.count_rounds(5)) == (1, 0)


async def test_another_process_reads_from_an_instant_on_and_of_one_subnet(store: Store, tmp_path: Path) -> None:
    for number in range(3):
        await record(store, number)
        await store.journal.skip(a_plan(100 + number, skipped="why"))
    await record(store, 9, netuid=1)
    await store.note_neurons(NETUID, [(hotkey(1), "c", 1, "first"), (hotkey(2), "c", 2, "")], at=T0)
    with open_record(tmp_path / "store.db") as kept:
        assert [one.id for one in kept.rounds.since(T0 + 60)] == [f"{NETUID}-1", f"{NETUID}-2", "1-9"]
        assert [(one.round_id, one.uid) for one in kept.replies.since(T0 + 120)] == [
            *((f"{NETUID}-2", uid) for uid in range(3)),
            *(("1-9", uid) for uid in range(3)),
        ]
        assert kept.rounds.ids(NETUID, T0 + 60) == [f"{NETUID}-1", f"{NETUID}-2"]
        assert kept.rounds.newest_ids(2) == ["1-9", f"{NETUID}-2"]
        assert kept.rounds.newest_subnet() == 1
        assert kept.neurons.names(NETUID) == {hotkey(0): "", hotkey(1): "first", hotkey(2): ""}
        assert kept.neurons.names(1) == {hotkey(uid): "" for uid in range(3)}
        assert kept.rounds.from_the_future(T0 + 60) == (2, T0 + 540)
        assert kept.rounds.from_the_future(T0 + 540) == (0, 0.0)
        assert [one.round_id for one in kept.replies.appearances(NETUID, hotkey(1), 2, until=T0 + 60)] == [
            f"{NETUID}-1",
            f"{NETUID}-0",
        ]
        first, last = (
            min(kept.plans.since(0.0), key=lambda one: one.at),
            max(kept.plans.since(0.0), key=lambda one: one.at),
        )
        assert [len(list(kept.plans.since(at))) for at in (first.at, last.at, last.at + 1)] == [3, 1, 0]


async def test_ids_are_those_of_rounds_whose_texts_are_kept(store: Store, tmp_path: Path) -> None:
    for number in range(3):
        await record(store, number)
    await store.set_cursor(TEXTS_DROPPED, 2)
    with open_record(tmp_path / "store.db") as kept:
        assert kept.rounds.ids(NETUID, 0.0) == [f"{NETUID}-2"]


def test_an_empty_store_has_nothing(tmp_path: Path) -> None:
    asyncio.run(_made(tmp_path / "store.db"))
    with open_record(tmp_path / "store.db") as kept:
        nothing: list[object] = [
            kept.rounds.newest_subnet(),
            kept.rounds.found("x"),
            kept.plans.on_chain_or_sent(NETUID),
        ]
        assert nothing == [None] * 3
        assert [*kept.rounds.since(0.0), *kept.rounds.ids(NETUID, 0.0), *kept.rounds.newest_ids(9)] == []
        assert (kept.carried.profile(NETUID), kept.rounds.from_the_future(0.0)) == ("", (0, 0.0))


async def _made(path: Path) -> None:
    await (await Store.open(path, retention_days=7)).close()


async def test_a_store_that_cannot_be_opened_leaves_no_thread_behind(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    await _made(path)
    with closing(sqlite3.connect(path)) as newer:
        newer.execute("PRAGMA user_version = 999")
    before = threading.active_count()
    with pytest.raises(StoreTooNew):
        await Store.open(path, retention_days=7)
    async with asyncio.timeout(30):
        while threading.active_count() > before:  # noqa: ASYNC110 the end of a thread is no event
            await asyncio.sleep(0.01)


async def test_a_settled_entry_stays_as_it_is_but_for_a_commit(store: Store) -> None:
    entry = await store.journal.intend(a_plan())
    await store.journal.settle(entry, Outcome(status="committed", block=5))
    assert [one.id for one in await store.journal.committed_entries()] == [entry]
    await store.journal.settle(entry, Outcome(status="applied", block=7))
    await store.journal.settle(entry, Outcome(status="lost", reason="late"))
    assert [(one.outcome, one.reason) for one in await store.journal.recent(NETUID, 9)] == [("applied", "")]
    assert await store.journal.committed_entries() == await store.journal.open_entries() == ()


async def test_an_empty_name_changes_none_and_who_is_not_noted_is_not_registered(store: Store) -> None:
    await store.note_neurons(NETUID, [(hotkey(1), "cold", 1, "first"), (hotkey(2), "cold", 2, "")], at=T0)
    await store.note_neurons(1, [(hotkey(1), "cold", 4, "elsewhere")], at=T0)
    await store.note_neurons(NETUID, [(hotkey(1), "other", 7, "")], at=T0 - 5)
    query = "SELECT netuid, hotkey, coldkey, uid, name, registered, seen_at FROM neurons ORDER BY netuid, hotkey"
    rows = await store._database.read(lambda record: list(map(tuple, record.connection.execute(query))))
    assert rows == [
        (1, hotkey(1), "cold", 4, "elsewhere", 1, T0),
        (NETUID, hotkey(1), "other", 7, "first", 1, T0),
        (NETUID, hotkey(2), "cold", 2, "", 0, T0),
    ]


async def test_a_tally_counts_round_by_round(store: Store) -> None:
    statuses = ("timeout", "ok", "timeout", "refused")
    for number, status in enumerate(statuses):
        reply = a_reply(1, status=status)
        await store.record(a_round(number, [reply]), netuid=NETUID, history=None, cursor=None)
    assert (await store.tallies(NETUID))[hotkey(1)] == Tally(
        rounds=4, answered=1, failed=3, failures_in_a_row=2, last_answer_at=T0 + 60, last_emission=0.0
    )
