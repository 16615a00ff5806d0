"""What waits until after the first frame."""

import asyncio
import gc
from pathlib import Path

import pytest

from console import garbage
from console.record.folder import FolderRecord
from console.screens.keymap import Keymap
from console.screens.registry import PLACES
from console.tui.app import ConsoleApp
from engine.feed import Feed
from engine.logs import LogRing
from engine.node.in_process import InProcessEngine
from engine.node.thread import EngineThread
from tests.unit.tui_helpers import NARROW, app_of, screen_text, snapshot


async def test_the_engine_and_the_collector_begin_with_the_first_frame(tmp_path: Path) -> None:
    thread = EngineThread(lambda: asyncio.sleep(60))
    engine = InProcessEngine(Feed(snapshot()), LogRing(), FolderRecord(tmp_path), thread)
    app = ConsoleApp(engine, begin=thread.start, folder=tmp_path, keymap=Keymap(), terminal=1)
    garbage.begin()
    try:
        assert not gc.isenabled()
        async with app.run_test(size=NARROW) as pilot:
            await pilot.pause()
            assert "[1 Home]" in screen_text(app)
            assert gc.isenabled()
            assert thread.running
    finally:
        garbage.go_on()
        gc.unfreeze()
        thread.stop()
        thread.join()


@pytest.mark.parametrize("name", [place.name for place in PLACES])
async def test_a_place_may_be_made_while_the_app_ends(name: str, tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW):
        app.switch_mode(name)
    assert app.crash is None
