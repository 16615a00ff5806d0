"""The engine's thread ends by itself or when told to, and says what went wrong."""

import asyncio
import sys
import threading
from pathlib import Path

import pytest
import uvloop

from console.record.folder import FolderRecord
from engine.doors import EngineState
from engine.logs import LogRing
from engine.node.in_process import InProcessEngine
from engine.node.thread import EngineThread, serving_loop
from tests.unit.engine_helpers import a_feed


async def _wait_for_ever() -> None:
    await asyncio.Event().wait()


def test_it_stops_when_told_to_from_another_thread() -> None:
    begun = threading.Event()

    async def begin_and_wait() -> None:
        begun.set()
        await _wait_for_ever()

    engine = EngineThread(begin_and_wait)
    engine.start()
    assert begun.wait(30)
    engine.stop()
    assert engine.join(30)
    assert engine.error is None
    assert engine.stop_asked


def test_a_stop_before_the_start_is_not_lost() -> None:
    engine = EngineThread(_wait_for_ever)
    engine.stop()
    engine.start()
    assert engine.join(30)


def test_an_error_is_kept_for_whoever_asks() -> None:
    async def fails() -> None:
        raise ValueError("no such thing")

    engine = EngineThread(fails)
    engine.start()
    assert engine.join(30)
    assert isinstance(engine.error, ValueError)


def test_its_loop_is_the_one_that_it_is_given() -> None:
    ran_on: list[type] = []

    async def look() -> None:
        ran_on.append(type(asyncio.get_running_loop()))

    for engine in (EngineThread(look), EngineThread(look, new_loop=serving_loop)):
        engine.start()
        assert engine.join(30)
    assert ran_on == [asyncio.SelectorEventLoop, uvloop.Loop]


def test_where_there_is_no_uvloop_a_miner_is_served_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = serving_loop()
    loop.close()
    assert isinstance(loop, asyncio.SelectorEventLoop)


def test_a_cancellation_that_nobody_asked_for_is_an_error() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    engine = EngineThread(cancelled)
    engine.start()
    assert engine.join(30)
    assert isinstance(engine.error, asyncio.CancelledError)


@pytest.mark.parametrize(("error", "state"), [(None, "ended"), (ValueError("oh"), "failed")])
def test_whoever_looks_is_told_that_it_ended_or_failed(
    error: Exception | None, state: EngineState, tmp_path: Path
) -> None:
    go_on = threading.Event()

    async def works() -> None:
        await asyncio.to_thread(go_on.wait)
        if error is not None:
            raise error

    engine = InProcessEngine(a_feed(), LogRing(), FolderRecord(tmp_path), EngineThread(works))
    assert engine.state == "running"
    engine.thread.start()
    assert engine.state == "running"
    go_on.set()
    assert engine.thread.join(30)
    assert engine.state == state
