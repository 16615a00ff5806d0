"""The weights journal: what is about to be sent is on disk first."""

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.store.database import Database
from engine.store.store import Store
from engine.values import Outcome
from engine.weights.journal import WeightJournal
from tests.unit.store_helpers import NETUID, a_plan


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(tmp_path / "store.db", retention_days=7)
    yield store
    await store.close()


@pytest.fixture
def journal(store: Store) -> WeightJournal:
    return store.journal


async def test_an_intent_is_open_until_it_is_settled(journal: WeightJournal) -> None:
    first = await journal.intend(a_plan(100))
    second = await journal.intend(a_plan(200))
    assert [(entry.id, entry.plan) for entry in await journal.open_entries()] == [
        (first, a_plan(100)),
        (second, a_plan(200)),
    ]
    await journal.settle(first, Outcome(status="ok", block=101, reference="0xab"))
    await journal.settle(second, Outcome(status="rejected", reason="SettingWeightsTooFast: 12 blocks left"))
    assert await journal.open_entries() == ()


async def test_an_unknown_outcome_stays_open_and_a_later_one_replaces_it(store: Store) -> None:
    entry = await store.journal.intend(a_plan())
    await store.journal.settle(entry, Outcome(status="unknown", reason="no answer in 120 s", block=7))
    [open_entry] = await store.journal.open_entries()
    assert (open_entry.id, open_entry.block) == (entry, 7)
    await store.journal.settle(entry, Outcome(status="ok"))
    await store.journal.settle(entry, Outcome(status="rejected", reason="too late"))
    [shown] = await store.journal.recent(NETUID, 5)
    assert (shown.outcome, shown.reason) == ("ok", "")


async def test_a_commit_is_kept_with_its_salt_until_it_is_applied_or_lost(store: Store) -> None:
    hidden = a_plan(salt=(1, 65535))
    entry = await store.journal.intend(hidden)
    await store.journal.settle(entry, Outcome(status="committed"))
    assert await store.journal.open_entries() == ()
    assert [kept.plan for kept in await store.journal.committed_entries()] == [hidden]
    await store.journal.settle(entry, Outcome(status="applied"))
    await store.journal.settle(entry, Outcome(status="lost"))
    assert await store.journal.committed_entries() == ()
    assert [shown.outcome for shown in await store.journal.recent(NETUID, 5)] == ["applied"]


async def test_recent_entries_are_newest_first_with_skipped_plans(store: Store) -> None:
    entry = await store.journal.intend(a_plan(100, uids=(1, 2)))
    await store.journal.settle(entry, Outcome(status="ok"))
    await store.journal.skip(a_plan(200, rows=(), skipped="no miner serves", mode="degraded"))
    await store.journal.intend(a_plan(300, netuid=1))
    skipped, sent = await store.journal.recent(NETUID, 5)
    assert (skipped.plan.block, skipped.plan.mode, skipped.plan.rows) == (200, "degraded", ())
    assert (skipped.outcome, skipped.reason) == ("skipped", "no miner serves")
    assert (sent.plan, sent.outcome) == (a_plan(100, uids=(1, 2)), "ok")
    assert await store.journal.recent(NETUID, 1) == (skipped,)
    assert [entry.plan.netuid for entry in await store.journal.open_entries()] == [1]


INTEND_AND_DIE = """
import asyncio, os, signal, sys
from pathlib import Path
from engine.store.store import Store
from tests.unit.store_helpers import a_plan
async def main():
    store = await Store.open(Path(sys.argv[1]), retention_days=7)
    await store.journal.intend(a_plan(100))
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""


def intend_and_die(path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", INTEND_AND_DIE, path], capture_output=True, timeout=30)
    assert killed.returncode == -signal.SIGKILL, killed.stderr


async def test_an_intent_outlives_a_killed_process(tmp_path: Path) -> None:
    path = tmp_path / "killed.db"
    intend_and_die(path)
    store = await Store.open(path, retention_days=7)
    assert [entry.plan for entry in await store.journal.open_entries()] == [a_plan(100)]
    await store.close()


async def test_an_intent_is_committed_through_to_the_disk_and_other_writes_are_not(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "traced.db")
    store = Store(database, retention_days=7)
    statements: list[str] = []
    await database.read(lambda record: record.connection.set_trace_callback(statements.append))
    await store.journal.intend(a_plan())
    await store.set_cursor("file", 1)
    await database.close()
    assert [statement for statement in statements if not statement.lstrip().startswith("INSERT")] == [
        *("PRAGMA synchronous = FULL", "BEGIN IMMEDIATE", "COMMIT", "PRAGMA synchronous = NORMAL"),
        *("BEGIN IMMEDIATE", "COMMIT"),
    ]
