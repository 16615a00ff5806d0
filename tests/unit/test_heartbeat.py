"""The engine's heartbeat: snapshots and a status file throughout the run, and the lateness of its loop."""

import asyncio
import os
import stat
import threading
import time
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from engine.feed import Feed
from engine.node import heartbeat
from engine.node.heartbeat import Heartbeat
from engine.snapshot import LoopView, Snapshot
from tests.unit.engine_helpers import a_feed, until


def a_heart(feed: Feed, file: Path) -> Heartbeat:
    return Heartbeat(feed, lambda loop: replace(feed.snapshot, at=feed.snapshot.at + 1, loop=loop), file)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def read(file: Path) -> Snapshot:
    return msgspec.json.decode(file.read_bytes(), type=Snapshot)


@pytest.mark.order
async def test_snapshots_and_the_status_file_are_fresh_from_the_start_and_stay_so(tmp_path: Path) -> None:
    feed, file = a_feed(), tmp_path / "status.json"
    started = asyncio.Event()
    beating = asyncio.create_task(a_heart(feed, file).run(started.set))
    await asyncio.wait_for(started.wait(), 30)
    assert read(file).at == 2.0
    await until(lambda: feed.snapshot.at >= 6.0)
    await until(lambda: read(file).at >= 6.0)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    assert names_in(tmp_path) == ["status.json"]


async def test_the_status_file_is_for_this_user_alone_whatever_lay_there(tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    file.write_text("{}")
    file.chmod(0o644)
    before = os.umask(0)
    try:
        a_heart(a_feed(), file).write_status()
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.order
async def test_a_loop_that_is_held_up_shows(tmp_path: Path) -> None:
    feed = a_feed()
    heart = a_heart(feed, tmp_path / "status.json")
    assert heart.loop_view() == LoopView()
    beating = asyncio.create_task(heart.run(lambda: None))
    for _ in range(3):
        await asyncio.sleep(0.06)
        time.sleep(0.2)  # noqa: ASYNC251 holding the loop up is what is measured
    await asyncio.sleep(0.06)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)
    view = heart.loop_view()
    assert view.p99_ms > 100
    assert view.p50_ms <= view.p99_ms


async def test_a_status_file_that_cannot_be_written_costs_nothing_but_itself(tmp_path: Path) -> None:
    feed = a_feed()
    beating = asyncio.create_task(a_heart(feed, tmp_path / "gone" / "status.json").run(lambda: None))
    await until(lambda: feed.attention)
    await until(lambda: feed.snapshot.at >= 4.0)
    assert not beating.done()
    assert "status file" in feed.attention[0].subject
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


async def test_a_disk_that_hangs_costs_the_status_file_alone_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "STATUS_S", 0.01)
    monkeypatch.setattr(heartbeat, "SILENT_S", 0.1)
    feed, disk = a_feed(), threading.Event()
    beating = asyncio.create_task(a_heart(feed, tmp_path / "status.json").run(lambda: None))
    await until(lambda: (tmp_path / "status.json").exists())
    monkeypatch.setattr(heartbeat, "replace_file", lambda *_, **__: disk.wait(60))
    try:
        await until(lambda: feed.attention)
        assert [(line.level, line.subject) for line in feed.attention] == [("warning", "slow status file")]
        seen = feed.snapshot.at
        await until(lambda: feed.snapshot.at >= seen + 2)
    finally:
        disk.set()
    await until(lambda: not feed.attention)
    beating.cancel()
    await asyncio.gather(beating, return_exceptions=True)


def test_two_who_write_at_once_leave_a_whole_file(tmp_path: Path) -> None:
    feed, file = a_feed(), tmp_path / "status.json"
    feed.publish(replace(feed.snapshot, data_dir="x" * 500_000))
    heart = a_heart(feed, file)

    def write() -> None:
        for _ in range(20):
            heart.write_status()

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        if file.exists():
            assert read(file).data_dir == "x" * 500_000
    assert not feed.attention
