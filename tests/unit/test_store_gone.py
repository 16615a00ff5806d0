"""A record that is deleted or replaced during a run is reported, nothing is written where nobody will find it, and it
continues once it is put back."""

import asyncio
import logging
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from engine.chain.embedded import EmbeddedChain
from engine.chain.interface import ChainUnavailable
from engine.challenges.sources.source import Cursor
from engine.errors import StoreGone, StoreLocked
from engine.feed import Feed
from engine.files import Whereabouts
from engine.logs import FILE, FOLDER, open_log
from engine.node import heartbeat, record_watch
from engine.node.heartbeat import Heartbeat
from engine.node.record_watch import RecordWatch
from engine.sqlite import beside
from engine.store import database
from engine.store.record import open_record
from engine.store.store import Store
from engine.validator.backlog import Backlog, UnstoredRound
from tests.unit.store_helpers import NETUID, a_plan, a_round
from tests.unit.tui_helpers import snapshot

PATIENCE_S = 60.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data" / "store.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = await Store.open(path, retention_days=7)
    yield store
    await store.close()


async def record(store: Store, number: int) -> None:
    await store.record(a_round(number), netuid=NETUID, history=b"h", cursor=("synthetic", number + 1))


def found(path: Path) -> list[str]:
    """What another process reads of the store."""
    with open_record(path) as kept:
        return kept.rounds.newest_ids(10)


def is_there(path: Path) -> bool:
    return path.exists()


def delete(path: Path) -> None:
    for file in (path, beside(path, "wal"), beside(path, "shm")):
        file.unlink()


def replace(path: Path) -> None:
    delete(path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE other (one INTEGER)")


@pytest.mark.parametrize(("lose", "how"), [(delete, "deleted or moved"), (replace, "replaced")])
async def test_nothing_is_written_where_nobody_will_find_it(
    store: Store, path: Path, lose: Callable[[Path], None], how: str
) -> None:
    await record(store, 0)
    assert store.gone == ""
    lose(path)
    assert store.gone == f"{path} was {how} while it was in use"
    for _ in range(2):
        with pytest.raises(StoreGone, match=f"{how} while it was in use: put it back, or end this run"):
            await record(store, 1)
    with pytest.raises(StoreGone):
        await store.journal.intend(a_plan())
    assert await store.has_round("round-0"), "what is open still answers"
    assert is_there(path) == (how == "replaced"), "no new file takes its place"


async def test_a_file_that_is_put_back_continues(store: Store, path: Path, tmp_path: Path) -> None:
    await record(store, 0)
    shutil.move(path.parent, tmp_path / "away")
    with pytest.raises(StoreGone):
        await record(store, 1)
    shutil.move(tmp_path / "away", path.parent)
    await record(store, 1)
    assert store.gone == "" and found(path) == ["round-1", "round-0"]


@pytest.mark.parametrize("names", [["wal"], ["shm"], ["wal", "shm"]])
async def test_a_log_that_is_deleted_costs_no_round(store: Store, path: Path, names: list[str]) -> None:
    await record(store, 0)
    for name in names:
        beside(path, name).unlink()
    await record(store, 1)
    assert (
        f"store.db-{names[0]} was deleted or moved while it was in use: its content was merged into store.db"
        in await store.mend()
    )
    assert await store.mend() == ""
    assert found(path) == ["round-1", "round-0"]
    await store.close()
    assert found(path) == ["round-1", "round-0"]


async def test_a_log_that_is_deleted_after_the_last_round_is_mended_without_another(store: Store, path: Path) -> None:
    await record(store, 0)
    beside(path, "wal").unlink()
    assert await store.mend()
    assert found(path) == ["round-0"]


async def test_a_chain_does_not_continue_in_a_file_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "chain.sqlite3"
    chain = await EmbeddedChain.open(path, netuid=NETUID)
    block = await chain.tick()
    shutil.move(path.parent, tmp_path / "away")
    with pytest.raises(ChainUnavailable, match=r"chain\.sqlite3 was deleted or moved while it was in use: put it back"):
        await chain.tick()
    assert chain.gone and await chain.block() == block
    shutil.move(tmp_path / "away", path.parent)
    beside(path, "wal").unlink()
    assert await chain.tick() == block + 1
    await chain.close()
    chain = await EmbeddedChain.open(path, netuid=NETUID)
    assert await chain.block() == block + 1
    await chain.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 files have no events
            await asyncio.sleep(0.01)


async def test_what_is_gone_is_told_until_it_is_back_and_what_waits_is_stored_then(
    store: Store, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_watch, "LOOK_S", 0.01)
    feed, backlog = Feed(snapshot()), Backlog(store, NETUID)
    gone = {"data folder": Whereabouts(path.parent).lost, "store.db": lambda: store.gone}
    service = asyncio.create_task(RecordWatch(feed, store, gone, [backlog.flush]).run(lambda: None))
    shutil.move(path.parent, tmp_path / "away")
    await until(lambda: bool(feed.attention))
    with suppress(StoreGone):
        await backlog.add(UnstoredRound(a_round(0), b"h", Cursor("synthetic", 1)))
    assert [line.subject for line in feed.attention] == ["data folder"], "one cause, one line"
    assert len(backlog) == backlog.unstored == 1
    shutil.move(tmp_path / "away", path.parent)
    await until(lambda: not feed.attention and not backlog)
    assert found(path) == ["round-0"]
    service.cancel()


async def test_a_store_that_another_process_holds_is_waited_for_once_and_read_meanwhile(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_watch, "LOOK_S", 0.01)
    monkeypatch.setattr(database, "BUSY_PAUSE_S", 0.01)
    feed, backlog = Feed(snapshot()), Backlog(store, NETUID)
    service = asyncio.create_task(RecordWatch(feed, store, {}, [backlog.flush]).run(lambda: None))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.create_task(backlog.add(UnstoredRound(a_round(0), b"h", Cursor("synthetic", 1))))
        assert not await store.has_round("round-0") and not first.done(), (
            "who waits for the lock keeps nobody from reading"
        )
        with pytest.raises(StoreLocked, match="is locked by another process"):
            await first
        await until(lambda: bool(feed.attention))
        monkeypatch.setattr(database, "BUSY_PAUSE_S", "nobody waits again")
        with pytest.raises(StoreLocked):
            await store.record(a_round(1), netuid=NETUID, history=None, cursor=None)
        assert len(backlog) == 1
        other.execute("ROLLBACK")
        await until(lambda: not backlog and not feed.attention)
    assert found(path) == ["round-0"]
    service.cancel()


async def test_a_locked_store_is_reported_although_nothing_waits_to_be_stored(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_watch, "LOOK_S", 0.01)
    monkeypatch.setattr(database, "WRITE_PATIENCE_S", 0.05)
    feed = Feed(snapshot())
    service = asyncio.create_task(RecordWatch(feed, store, {}, []).run(lambda: None))
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await until(lambda: bool(feed.attention))
        [line] = feed.attention
        assert (line.level, line.subject) == ("error", "store")
        assert "store.db is locked by another process" in line.text
        other.execute("ROLLBACK")
        await until(lambda: not feed.attention)
    service.cancel()


async def test_a_store_that_hangs_while_it_takes_what_waited_is_reported(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_watch, "LOOK_S", 0.01)
    monkeypatch.setattr(record_watch, "SILENT_S", 0.2)
    feed, answers = Feed(snapshot()), asyncio.Event()

    async def hangs() -> None:
        await answers.wait()

    service = asyncio.create_task(RecordWatch(feed, store, {}, [hangs]).run(lambda: None))
    await until(lambda: [line.subject for line in feed.attention] == ["slow store"])
    answers.set()
    await until(lambda: not feed.attention)
    service.cancel()


async def test_the_log_beside_the_store_is_reported(store: Store, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_watch, "LOOK_S", 0.01)
    feed = Feed(snapshot())
    service = asyncio.create_task(RecordWatch(feed, store, {"store.db": lambda: store.gone}, []).run(lambda: None))
    beside(path, "wal").unlink()
    await until(lambda: any("store.db-wal was deleted" in line.text for line in feed.attention))
    service.cancel()


def test_a_folder_that_took_the_place_of_ours_gets_no_status(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    feed = Feed(snapshot())
    beat = Heartbeat(feed, lambda _loop: snapshot(), folder / "status.json")
    beat.write_status()
    assert (folder / "status.json").exists()
    folder.rename(tmp_path / "away")
    beat.write_status()
    folder.mkdir()
    beat.write_status()
    assert not list(folder.iterdir())
    [line] = feed.attention
    assert (line.subject, line.text) == (heartbeat.STATUS, f"not written: {folder} was replaced while it was in use")


@pytest.mark.parametrize("logs_too", [False, True])
def test_a_deleted_log_is_started_again_although_nothing_is_logged(tmp_path: Path, logs_too: bool) -> None:
    told: list[str] = []
    path = tmp_path / FOLDER / FILE
    with open_log(tmp_path, level="info", cap_mb=1, tell=told.append):
        logging.getLogger("test").info("before")
        asyncio.run(until(lambda: path.exists() and path.stat().st_size > 0))
        shutil.rmtree(path.parent) if logs_too else path.unlink()
        asyncio.run(until(lambda: bool(told)))
        logging.getLogger("test").info("after")
    assert told == [f"{path} was deleted or moved while it was in use: a new one was started"]
    assert "after" in path.read_text() and path.stat().st_mode & 0o077 == 0


def test_no_log_is_begun_in_a_folder_that_is_not_ours(tmp_path: Path) -> None:
    told: list[str] = []
    folder = tmp_path / "data"
    with open_log(folder, level="info", cap_mb=1, tell=told.append) as ring:
        logging.getLogger("test").info("before")
        asyncio.run(until(lambda: (folder / FOLDER / FILE).exists()))
        folder.rename(tmp_path / "away")
        folder.mkdir()
        asyncio.run(until(lambda: bool(told)))
        logging.getLogger("test").info("after")
        asyncio.run(until(lambda: ring.tail().lines[-1].text == "after"))
    assert told[0] == f"nothing is written to the log file: {folder} was replaced while it was in use"


def empty(path: Path) -> None:
    os.truncate(path, 0)


def overwrite(path: Path) -> None:
    """With another sound database."""
    with closing(sqlite3.connect(other := path.with_name("other.db"))) as connection, connection:
        connection.execute("CREATE TABLE other (one INTEGER)")
    path.write_bytes(other.read_bytes())
    beside(path, "wal").write_bytes(b"")


def scribble(path: Path) -> None:
    path.write_bytes(b"x" * path.stat().st_size)
    scribble_log(path)


def empty_log(path: Path) -> None:
    empty(beside(path, "wal"))


def scribble_log(path: Path) -> None:
    log = beside(path, "wal")
    log.write_bytes(b"x" * log.stat().st_size)


@pytest.mark.parametrize("spoil", [empty, overwrite, scribble, empty_log, scribble_log])
async def test_a_store_that_is_emptied_or_overwritten_in_place_takes_no_more_rounds(
    store: Store, path: Path, spoil: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_watch, "LOOK_S", 0.01)
    await record(store, 0)
    assert store.gone == ""
    feed = Feed(snapshot())
    service = asyncio.create_task(RecordWatch(feed, store, {"store.db": lambda: store.gone}, []).run(lambda: None))
    await until(lambda: bool(feed.snapshot) and not service.done())
    assert not feed.attention
    spoil(path)
    await until(lambda: any("emptied or overwritten while it was in use" in line.text for line in feed.attention))
    with pytest.raises(StoreGone, match="emptied or overwritten"):
        await record(store, 1)
    assert [line.subject for line in feed.attention] == ["store.db"]
    service.cancel()


def checkpointed(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA wal_checkpoint(FULL)")
    return path.read_bytes()


def overwrite_with(path: Path, content: bytes) -> None:
    path.write_bytes(content)


async def test_a_store_that_is_overwritten_by_an_older_copy_is_reported(store: Store, path: Path) -> None:
    await record(store, 0)
    older = checkpointed(path)
    await record(store, 1)
    await store.mend()
    assert checkpointed(path) != older
    overwrite_with(path, older)
    with pytest.raises(StoreGone, match="emptied or overwritten"):
        await store.mend()


@pytest.mark.parametrize("spoil", [empty, overwrite, scribble, empty_log, scribble_log])
async def test_a_chain_does_not_continue_in_a_file_that_was_emptied_or_overwritten(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    path = tmp_path / "chain.sqlite3"
    chain = await EmbeddedChain.open(path, netuid=NETUID)
    await chain.tick()
    assert chain.gone == ""
    spoil(path)
    with pytest.raises(ChainUnavailable, match="emptied or overwritten while it was in use"):
        await chain.tick()
    assert chain.gone
    await chain.close()


def test_a_file_that_was_moved_as_soon_as_it_was_open_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("w") as stream:
        path.rename(tmp_path / "away")
        path.touch()
        assert Whereabouts.of_open(path, stream.fileno()).lost() == f"{path} was replaced while it was in use"
