"""What is older than the retention goes, along with what depends on it; what still counts stays."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from msgspec.structs import replace

from console.record.folder import FolderRecord
from engine.store import retention
from engine.store.database import Database
from engine.store.record import open_record
from engine.store.store import Store
from engine.values import Outcome, Request, Source
from engine.weights.averages import Exponential
from tests.unit.store_helpers import NETUID, PROFILE, T0, a_plan, a_reply, a_round, a_verdict, hotkey, recorded

DAY = 86400.0
HOUR = 3600.0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "store.db")
    yield database
    await database.close()


async def count(database: Database, query: str) -> int:
    return await database.read(lambda record: len(record.connection.execute(query).fetchall()))


async def test_old_rounds_go_with_their_replies_and_counts_stay(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROUNDS_AT_ONCE", 3)
    store = Store(database, retention_days=1)
    for number in range(10):
        await store.record(a_round(number), netuid=NETUID, history=b"h", cursor=("synthetic", number + 1))
    assert await store.prune(T0 + DAY + 8 * 60) == 8
    assert await count(database, "SELECT 1 FROM rounds") == 2
    assert await count(database, "SELECT 1 FROM replies") == 6
    assert not await store.has_round("round-7")
    assert await recorded(store, "round-8") == a_round(8)
    assert (await store.tallies(NETUID))[hotkey(0)].rounds == 10
    assert await store.cursor("synthetic") == 10
    assert await store.history(NETUID, "robust") == b"h"
    assert await store.prune(T0 + DAY + 8 * 60) == 0


async def test_what_users_said_and_were_told_is_forgotten_in_time_and_leaves_no_trace(
    database: Database, tmp_path: Path
) -> None:
    store = Store(database, retention_days=7, users_hours=24)
    sources: tuple[Source, ...] = ("organic", "replay", "file", "organic")
    for number, source in enumerate(sources):
        at = T0 + (20 if number == 3 else 0) * HOUR
        judged = a_round(number, [a_reply(1, text=f"canary told {number}"), a_reply(2)], at=at)
        asked = replace(judged.challenge, source=source, request=Request(prompt=f"canary asked {number}"))
        verdicts = tuple(replace(one, reasons=("says canary",)) for one in judged.judgement.verdicts)
        judged = replace(judged, challenge=asked, judgement=replace(judged.judgement, verdicts=verdicts))
        await store.record(judged, netuid=NETUID, history=None, cursor=None)
    await store.prune(T0 + 12 * HOUR)
    kept = [await recorded(store, f"round-{number}") for number in range(4)]
    assert [one.challenge.request.question for one in kept if one] == [
        "canary asked 0", "", "canary asked 2", "canary asked 3",
    ]  # fmt: skip
    await store.prune(T0 + 24 * HOUR)
    first = await recorded(store, "round-0")
    assert first is not None
    assert first.replies[0].text == ""
    assert first.judgement.verdicts[0].reasons == ()
    assert first.judgement.verdicts[0].score == a_round(0).judgement.verdicts[1].score, "what was earned stays"
    await store.close()
    held = (tmp_path / "store.db").read_bytes()
    assert b"canary asked 0" not in held
    assert b"canary told 1" not in held
    assert b"canary asked 2" in held
    assert b"canary told 3" in held


async def test_the_file_gives_the_space_back(database: Database, tmp_path: Path) -> None:
    store = Store(database, retention_days=1)
    for number in range(30):
        replies = [a_reply(uid, text="word " * 2000) for uid in range(8)]
        await store.record(a_round(number, replies), netuid=NETUID, history=None, cursor=None)
    before = await pages(database)
    await store.prune(T0 + 10 * DAY)
    assert await pages(database) < before / 10


async def size(database: Database) -> int:
    return await database.read(lambda record: record.retention.size())


async def pages(database: Database) -> int:
    return await database.read(lambda record: int(record.connection.execute("PRAGMA page_count").fetchone()[0]))


@pytest.mark.parametrize("landed", ["ok", "applied"])
async def test_the_journal_keeps_what_is_open_and_what_the_chain_holds(
    database: Database, landed: Literal["ok", "applied"]
) -> None:
    store = Store(database, retention_days=1)
    lost, earlier, on_chain, refused = [await store.journal.intend(a_plan(block)) for block in (1, 2, 3, 4)]
    await store.journal.settle(lost, Outcome(status="unknown"))
    for entry in (earlier, on_chain):
        await store.journal.settle(entry, Outcome(status=landed))
    await store.journal.settle(refused, Outcome(status="rejected"))
    await store.journal.skip(a_plan(5, rows=(), skipped="nobody serves"))
    await store.prune(2e10)
    assert [entry.plan.block for entry in await store.journal.recent(NETUID, 10)] == [3, 1]
    assert [entry.id for entry in await store.journal.open_entries()] == [lost]


async def test_a_commit_that_waits_to_be_revealed_stays_with_its_salt(database: Database) -> None:
    store = Store(database, retention_days=1)
    plan = a_plan(1, salt=(1, 2, 3))
    await store.journal.settle(await store.journal.intend(plan), Outcome(status="committed"))
    await store.prune(2e10)
    assert [entry.plan for entry in await store.journal.committed_entries()] == [plan]


async def test_commands_and_hotkeys_that_left_are_forgotten(database: Database) -> None:
    store = Store(database, retention_days=1)
    await store.log_command(T0, "pause", "", "ok", "")
    await store.log_command(T0 + 2 * DAY, "resume", "", "ok", "")
    await store.note_neurons(NETUID, [(hotkey(1), "", 1, ""), (hotkey(2), "", 2, "")], at=T0)
    await store.note_neurons(NETUID, [(hotkey(1), "", 1, "")], at=T0 + 10)
    await store.prune(T0 + 2 * DAY)
    assert [line.name for line in await store.recent_commands(10)] == ["resume"]
    assert await count(database, "SELECT 1 FROM neurons") == 1


async def test_a_clock_that_jumped_neither_keeps_nor_deletes_a_round_wrongly(database: Database) -> None:
    store = Store(database, retention_days=1)
    ahead, back = T0 + 900 * DAY, 1000.0
    times = {0: T0, 1: ahead, 2: T0 + 60, 3: T0 + 2 * DAY, 4: back, 5: ahead, 6: T0 + 2 * DAY + 60}
    for number, at in times.items():
        await store.record(a_round(number, at=at), netuid=NETUID, history=None, cursor=None)
    assert await store.prune(T0 + 2 * DAY + 120) == 3
    kept = [one.challenge.id for one in await store.recent_rounds(NETUID, 10)]
    assert kept == ["round-6", "round-5", "round-4", "round-3"], "the order is that in which they came"


async def test_a_store_over_its_cap_drops_the_oldest_texts_and_then_rounds(database: Database, tmp_path: Path) -> None:
    store = Store(database, retention_days=1000, cap_mb=8)
    for number in range(60):
        replies = [a_reply(uid, text="word " * 10_000) for uid in range(5)]
        await store.record(a_round(number, replies), netuid=NETUID, history=None, cursor=None)
    dropped = await store.shrink()
    assert 0 < dropped < 60 and await size(database) <= 8_000_000
    assert await store.shrink() == 0
    assert await store.count_rounds(NETUID) == 60, "what was earned is kept"
    oldest, newest = await recorded(store, "round-0"), await recorded(store, "round-59")
    assert oldest is not None and {reply.text for reply in oldest.replies} == {""}
    assert newest is not None and {reply.text for reply in newest.replies} == {"word " * 10_000}
    with open_record(tmp_path / "store.db") as record:
        assert record.rounds.ids(NETUID, 0.0) == [f"round-{number}" for number in range(dropped, 60)], (
            "no empty text is judged"
        )
    tiny = Store(database, retention_days=1000, cap_mb=0.8)
    await tiny.shrink()
    assert await size(database) <= 800_000 and await store.has_round("round-59")


async def test_a_round_is_averaged_with_those_that_came_before_it_whatever_the_clock_said(
    database: Database, tmp_path: Path
) -> None:
    store = Store(database, retention_days=1000)
    await store.set_score_rule(NETUID, Exponential(alpha=0.5, window_s=10 * DAY), PROFILE)
    for number, at in enumerate((T0 + DAY, T0, T0 + 60)):
        replies = [a_reply(1)]
        verdicts = [a_verdict(replies[0], emission=float(number))]
        await store.record(a_round(number, replies, verdicts, at=at), netuid=NETUID, history=None, cursor=None)
    [step] = FolderRecord(tmp_path).round("round-1").emas
    assert (step.before, step.after) == (0.0, 0.5)
