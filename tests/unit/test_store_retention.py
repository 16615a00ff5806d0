"""What is older than the retention goes, with what hangs on it; what still counts stays."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest

from engine.store import retention
from engine.store.database import Database
from engine.store.store import Store
from engine.values import Outcome
from tests.unit.store_helpers import NETUID, T0, a_plan, a_reply, a_round, hotkey

DAY = 86400.0


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "store.db")
    yield database
    await database.close()


async def count(database: Database, query: str) -> int:
    async with database.read() as connection:
        return len(list(await connection.execute_fetchall(query)))


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
    assert await store.round("round-8") == a_round(8)
    assert (await store.tallies(NETUID))[hotkey(0)].rounds == 10
    assert await store.cursor("synthetic") == 10
    assert await store.history(NETUID, "robust") == b"h"
    assert await store.prune(T0 + DAY + 8 * 60) == 0


async def test_the_file_gives_the_space_back(database: Database, tmp_path: Path) -> None:
    store = Store(database, retention_days=1)
    for number in range(30):
        replies = [a_reply(uid, text="word " * 2000) for uid in range(8)]
        await store.record(a_round(number, replies), netuid=NETUID, history=None, cursor=None)
    before = await pages(database)
    await store.prune(T0 + 10 * DAY)
    assert await pages(database) < before / 10


async def pages(database: Database) -> int:
    async with database.read() as connection:
        [(number,)] = await connection.execute_fetchall("PRAGMA page_count")
    return int(number)


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
    assert [plan.block for plan in await store.journal.recent(NETUID, 10)] == [3, 1]
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
