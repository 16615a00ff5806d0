"""A write that failed or was cancelled leaves nothing behind, and the store continues."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.errors import StoreError
from engine.store.database import Database
from engine.store.errors import StoreFull
from engine.store.record import Record
from engine.store.store import Store
from engine.values import Round
from tests.unit.store_helpers import NETUID, a_plan, a_reply, a_round, recorded


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "store.db")
    yield database
    await database.close()


def big_round(number: int) -> Round:
    return a_round(number, [a_reply(uid, text="word " * 2000) for uid in range(4)])


async def fill(store: Store) -> int:
    """Record rounds until the disk is full. Returns the number of the first that does not fit."""
    for number in range(1000):
        try:
            await store.record(big_round(number), netuid=NETUID, history=b"h", cursor=("synthetic", number + 1))
        except StoreFull:
            return number
    raise AssertionError("1000 rounds fit")


async def check_full(store: Store, first_missing: int) -> None:
    """A full store answers reads, refuses writes with the same words, and holds whole rounds only."""
    with pytest.raises(StoreFull, match=r"no space left for .*store\.db"):
        await store.record(big_round(first_missing), netuid=NETUID, history=b"h", cursor=("synthetic", 99))
    with pytest.raises(StoreFull):
        await store.journal.intend(a_plan(uids=range(1000)))
    assert not await store.has_round(f"round-{first_missing}")
    assert await recorded(store, f"round-{first_missing - 1}") == big_round(first_missing - 1)
    assert await store.cursor("synthetic") == first_missing
    assert await store.journal.open_entries() == ()


async def check_room_again(store: Store, number: int) -> None:
    await store.record(big_round(number), netuid=NETUID, history=b"h", cursor=("synthetic", number + 1))
    entry = await store.journal.intend(a_plan(uids=range(250)))
    assert [open_entry.id for open_entry in await store.journal.open_entries()] == [entry]
    assert await recorded(store, f"round-{number}") == big_round(number)


async def limit_pages(database: Database, most: int) -> None:
    await database.read(lambda record: record.connection.execute(f"PRAGMA max_page_count = {most}").fetchall())


async def test_a_full_database_keeps_what_it_has(database: Database) -> None:
    store = Store(database, retention_days=7)
    await limit_pages(database, 60)
    first_missing = await fill(store)
    await check_full(store, first_missing)
    await limit_pages(database, 1000)
    await check_room_again(store, first_missing)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 600 KB; skipped where this user cannot mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("no permission to mount a small file system")
    yield disk
    subprocess.run(["umount", disk], check=True)


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=8m", disk], check=True)


async def test_a_full_disk_keeps_what_it_has_and_may_be_enlarged(small_disk: Path) -> None:
    store = await Store.open(small_disk / "store.db", retention_days=7)
    try:
        first_missing = await fill(store)
        await check_full(store, first_missing)
        enlarge(small_disk)
        await check_room_again(store, first_missing)
    finally:
        await store.close()


async def test_no_room_for_a_new_database_is_a_full_disk(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * 590_000)
    with pytest.raises(StoreFull):
        await Store.open(small_disk / "store.db", retention_days=7)


@pytest.mark.parametrize("steps", range(12))
async def test_a_cancelled_record_is_whole_or_not_there(database: Database, steps: int) -> None:
    store = Store(database, retention_days=7)
    writing = asyncio.create_task(store.record(big_round(0), netuid=NETUID, history=b"h", cursor=("synthetic", 1)))
    for _ in range(steps):
        await asyncio.sleep(0.0005)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    stored = await recorded(store, "round-0")
    assert stored in (None, big_round(0))
    assert await store.cursor("synthetic") == (1 if stored else None)
    await store.record(big_round(1), netuid=NETUID, history=b"h", cursor=("synthetic", 2))
    assert await recorded(store, "round-1") == big_round(1)


async def test_writes_at_the_same_time_take_turns(database: Database) -> None:
    store = Store(database, retention_days=7)
    await asyncio.gather(
        *(store.record(a_round(number), netuid=NETUID, history=None, cursor=None) for number in range(10)),
        *(store.set_cursor("file", number) for number in range(10)),
        *(store.nonces.remember(f"nonce {number}", until=2e9) for number in range(10)),
    )
    assert len(await store.recent_rounds(NETUID, 100)) == 10


async def test_an_error_of_the_caller_rolls_back(database: Database) -> None:
    def change(record: Record) -> None:
        record.carried.set_cursor("file", 1)
        raise KeyError("the caller's")

    with pytest.raises(KeyError):
        await database.write(change)
    assert await Store(database, retention_days=7).cursor("file") is None


async def test_a_file_that_vanished_is_not_replaced_by_an_empty_one(tmp_path: Path, database: Database) -> None:
    store = Store(database, retention_days=7)
    with pytest.raises(StoreError):
        await database.read(lambda record: record.connection.execute("SELECT no_such_column FROM rounds"))
    (tmp_path / "store.db").unlink()
    with pytest.raises(StoreError, match="was deleted or moved while it was in use: put it back"):
        await store.cursor("file")
    assert not (tmp_path / "store.db").exists()
