"""What opening a database finds: nothing, an old one, a newer one, a damaged one, or somebody else's."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from engine.errors import StoreError, StoreUnusable
from engine.store import database
from engine.store.errors import StoreTooNew
from engine.store.record import open_record
from engine.store.schema import LATEST, MIGRATIONS
from engine.store.store import Store
from engine.weights.averages import Exponential
from tests.unit.store_helpers import NETUID, T0, a_round, hotkey, recorded


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


async def use(path: Path) -> None:
    """Open the store, write to each of its parts and close it."""
    store = await Store.open(path, retention_days=7)
    try:
        await store.record(a_round(), netuid=NETUID, history=b"h", cursor=("synthetic", 1))
        await store.log_command(T0, "pause", "", "ok", "")
        assert await store.nonces.remember("nonce", until=T0)
        assert await store.journal.recent(NETUID, 5) == ()
    finally:
        await store.close()


def shape(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        [(version,)] = connection.execute("PRAGMA user_version")
        assert version == LATEST
        return connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


async def test_a_new_file_gets_the_newest_schema(path: Path) -> None:
    await use(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
        assert connection.execute("PRAGMA user_version").fetchone() == (LATEST,)


@pytest.mark.parametrize("version", range(LATEST))
async def test_each_earlier_schema_is_brought_up_to_date(path: Path, tmp_path: Path, version: int) -> None:
    fresh = tmp_path / "fresh.db"
    await use(fresh)
    with closing(sqlite3.connect(path)) as connection:
        for script in MIGRATIONS[:version]:
            connection.executescript(script)
        if version:
            connection.execute("INSERT INTO cursors VALUES ('file', 41)")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
    await use(path)
    assert shape(path) == shape(fresh)
    store = await Store.open(path, retention_days=7)
    assert await store.cursor("file") == (41 if version else None)
    await store.close()


async def test_what_counted_and_the_rule_of_scores_are_carried_over(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        for script in MIGRATIONS[:4]:
            connection.executescript(script)
        connection.execute("INSERT INTO ema VALUES (78, 0.25, 7200.0)")
        connection.execute(
            "INSERT INTO rounds VALUES (1, 'r', 78, 1.0, 1.0, 1, 'chat', 'file', 1.0, 'text', NULL, 'loosh', 0, 0,"
            " NULL, '[]', '{}')"
        )
        for position, (status, sample) in enumerate((("ok", 1), ("timeout", 0), ("cancelled", 0))):
            connection.execute(
                "INSERT INTO replies VALUES (1, ?, 78, 1.0, ?, ?, '', '', ?, 0, 0, 0, 0, '', '', '', '{}', '[]', '{}',"
                " '[]', '', ?)",
                (position, position, hotkey(position), status, sample),
            )
        connection.execute("PRAGMA user_version = 4")
        connection.commit()
    await use(path)
    with open_record(path) as record:
        assert record.carried.score_rule(78) == Exponential(alpha=0.25, window_s=7200.0)
        replies = [reply for reply in record.replies.since(0.0) if reply.round_id == "r"]
        assert record.carried.profile(78) == "loosh"
        assert record.carried.profile(1) == ""
    assert [reply.counted for reply in replies] == ["yes", "ignored", "cancelled"]
    assert {reply.profile for reply in replies} == {"loosh"}


async def test_a_migration_that_fails_leaves_the_old_schema(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await use(path)
    before = shape(path)
    broken = (*MIGRATIONS, "CREATE TABLE extra (a);\nCREATE TABLE rounds (a);\n")
    monkeypatch.setattr("engine.store.schema.MIGRATIONS", broken)
    monkeypatch.setattr("engine.store.schema.LATEST", len(broken))
    with pytest.raises(StoreError, match="rounds already exists"):
        await Store.open(path, retention_days=7)
    assert shape(path) == before


async def test_two_that_open_a_new_file_at_once_migrate_it_once(path: Path) -> None:
    stores = await asyncio.gather(*(Store.open(path, retention_days=7) for _ in range(3)))
    for number, store in enumerate(stores):
        await store.record(a_round(number), netuid=NETUID, history=None, cursor=None)
    assert (await stores[0].tallies(NETUID))[hotkey(0)].rounds == 3
    for store in stores:
        await store.close()


async def test_a_new_file_that_another_is_writing_is_waited_for(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.executescript("CREATE TABLE others (x); BEGIN IMMEDIATE")
        opening = asyncio.create_task(Store.open(path, retention_days=7))
        await asyncio.sleep(0.2)
        assert not opening.done()
        other.execute("ROLLBACK")
        await (await opening).close()


async def test_a_newer_schema_is_refused_with_both_versions(path: Path) -> None:
    await use(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {LATEST + 3}")
    with pytest.raises(StoreTooNew) as refusal:
        await Store.open(path, retention_days=7)
    for part in (str(path), f"schema {LATEST + 3}", f"up to {LATEST}", "update subnet-console", "restore FILE"):
        assert part in str(refusal.value)


def test_a_file_that_is_not_a_database_is_refused_and_left_alone(path: Path) -> None:
    path.write_text("hello, I am the operator's shopping list\n" * 200)
    with pytest.raises(StoreUnusable, match=f"{path} is damaged"):
        asyncio.run(Store.open(path, retention_days=7))
    assert path.read_text().startswith("hello")


def damage(path: Path) -> None:
    """Overwrite the page where the table of rounds begins."""
    with closing(sqlite3.connect(path)) as connection:
        ((page,),) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rounds'")
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(os.urandom(4096))


async def test_a_damaged_page_is_reported_and_the_repaired_file_used_again(path: Path, tmp_path: Path) -> None:
    await use(path)
    whole = tmp_path / "whole.db"
    shutil.copy(path, whole)
    damage(path)
    store = await Store.open(path, retention_days=7)
    with pytest.raises(StoreUnusable, match=r"damaged.*move it away"):
        await recorded(store, "round-0")
    shutil.copy(whole, path)
    assert await recorded(store, "round-0") == a_round()
    await store.close()


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreUnusable, match=r"nowhere.*check that its folder is there"):
        await Store.open(tmp_path / "nowhere" / "store.db", retention_days=7)


async def test_a_file_that_another_process_keeps_locked_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await use(path)
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.executescript("CREATE TABLE others (x); BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked by another process"):
            await Store.open(path, retention_days=7)
        other.execute("ROLLBACK")
    await use_again(path)


async def use_again(path: Path) -> None:
    store = await Store.open(path, retention_days=7)
    assert await store.has_round("round-0")
    await store.close()


async def test_a_write_that_finds_the_file_locked_fails_and_the_next_one_works(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    store = await Store.open(path, retention_days=7)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.executescript("CREATE TABLE others (x); BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await store.set_cursor("file", 1)
        other.execute("ROLLBACK")
    await store.set_cursor("file", 2)
    assert await store.cursor("file") == 2
    await store.close()


READ_ONLY = """
import asyncio, os, sys
from pathlib import Path
from engine.errors import StoreUnusable
from engine.store.store import Store
if os.geteuid() == 0:
    os.setuid(65534)
try:
    asyncio.run(Store.open(Path(sys.argv[1]), retention_days=7))
except StoreUnusable as error:
    print(error)
"""


def test_a_read_only_file_is_refused(path: Path, tmp_path: Path) -> None:
    asyncio.run(use(path))
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    path.chmod(0o444)
    tried = subprocess.run([sys.executable, "-c", READ_ONLY, path], capture_output=True, text=True, timeout=30)
    assert f"{path} cannot be opened or written" in tried.stdout, tried.stderr


async def test_a_closed_store_reports_that_it_is_closed(path: Path) -> None:
    store = await Store.open(path, retention_days=7)
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.cursor("file")


async def test_who_is_stopped_while_it_opens_leaves_no_thread_behind(tmp_path: Path) -> None:
    before = threading.active_count()
    for pause in (0.0, 0.001, 0.003, 0.01):
        opening = asyncio.create_task(Store.open(tmp_path / "store.db", retention_days=7))
        await asyncio.sleep(pause)
        opening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await (await opening).close()
        await asyncio.to_thread(_wait_for_threads, before)


def _wait_for_threads(most: int) -> None:
    deadline = time.monotonic() + 30
    while threading.active_count() > most + 1:
        assert time.monotonic() < deadline, "a thread of the store is left"
        time.sleep(0.01)
