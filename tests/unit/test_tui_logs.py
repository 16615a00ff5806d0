"""The log on the screen, through the keyboard."""

import json
from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.screens.logs.widgets import LogDrawer, LogView
from console.tui.app import ConsoleApp
from console.tui.endings import Ending
from engine.logs import RING
from engine.snapshot import LogLine
from tests.unit.recorded_helpers import shows, until
from tests.unit.tui_helpers import NARROW, NOW, WIDE, app_of, logs_of, screen_text, snapshot, text_of, toasts

TRACE = "the store failed\nTraceback (most recent call last):\n  line 7\nStoreError: disk"


def said(number: int, *, level: str = "INFO", logger: str = "engine.validator.loop", text: str = "") -> LogLine:
    return LogLine(NOW + number, level, logger, text or f"record {number}")


@pytest.fixture
def app(tmp_path: Path) -> ConsoleApp:
    """An app whose log has a few records of each kind."""
    app = app_of(snapshot(), tmp_path)
    for number in range(4):
        logs_of(app).add(said(number))
    logs_of(app).add(said(4, level="WARNING", logger="miner_server.app", text="a slow caller"))
    logs_of(app).add(said(5, level="ERROR", logger="engine.store.store", text=TRACE))
    return app


def view_of(app: ConsoleApp) -> LogView:
    return app.screen.query_one(LogView)


def current(app: ConsoleApp) -> str:
    record = view_of(app).current
    assert record is not None
    return record.line.text


async def press(pilot: Pilot[Ending], *keys: str) -> str:
    await pilot.press(*keys)
    await pilot.pause()
    return screen_text(pilot.app)  # type: ignore[arg-type]


async def test_the_newest_record_is_followed_until_the_operator_goes_up(app: ConsoleApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        assert "FOLLOW" in await press(pilot, "6")
        logs_of(app).add(said(6))
        app.pull()
        assert current(app) == "record 6"
        assert "PAUSED" in await press(pilot, "k", "k")
        logs_of(app).add(said(7))
        app.pull()
        assert current(app) == "a slow caller"
        assert "FOLLOW" in await press(pilot, "f")
        assert current(app) == "record 7"
        await press(pilot, "g")
        assert current(app) == "record 0"
        assert "FOLLOW" in await press(pilot, "G")


async def test_a_traceback_is_folded_and_enter_shows_it(app: ConsoleApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        shown = await press(pilot, "6")
        assert "▸ 3 more lines, enter to show" in shown and "StoreError" not in shown
        shown = await press(pilot, "enter")
        assert "StoreError: disk" in shown and "▸" not in shown
        assert "StoreError" not in await press(pilot, "t")
        assert "StoreError" in await press(pilot, "t")


async def test_level_and_source_choose_what_is_shown(app: ConsoleApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await press(pilot, "6", "v", "v")
        assert [record.line.level for record in view_of(app).records] == ["WARNING", "ERROR"]
        assert "level ≥ WARN" in screen_text(app)
        await press(pilot, "v", "v")
        assert len(view_of(app).records) == 6
        shown = await press(pilot, "s")
        assert "engine.validator.loop  4" in shown and "miner_server  1" in shown
        await press(pilot, "j", "enter")
        assert {record.line.logger.partition(".")[0] for record in view_of(app).records} == {"engine"}
        logs_of(app).add(said(6, logger="miner_server.app"))
        app.pull()
        assert len(view_of(app).records) == 5
        assert "5 of 7 kept" in screen_text(app)


async def test_a_word_is_found_and_gone_to(app: ConsoleApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await press(pilot, "6", "/", *"record")
        assert "find record (4)" in screen_text(app)
        await press(pilot, "enter")
        assert current(app) == "record 3"
        await press(pilot, "N")
        assert current(app) == "record 2"
        await press(pilot, "n", "n")
        assert current(app) == "record 0"
        assert "find" not in (await press(pilot, "escape")).splitlines()[2]
        assert app.current_mode == "logs"
        await press(pilot, "/", *"nowhere", "enter")
        assert toasts(app) == ["no match for nowhere"]


async def test_long_lines_are_cut_or_wrapped(app: ConsoleApp) -> None:
    logs_of(app).add(said(6, text=" ".join(f"word{number}" for number in range(30))))
    async with app.run_test(size=NARROW) as pilot:
        assert "word29" not in await press(pilot, "6")
        assert "word29" in await press(pilot, "w")


async def test_a_record_is_copied_and_what_is_shown_is_saved(app: ConsoleApp, tmp_path: Path) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await press(pilot, "6", "y")
        assert app.clipboard.endswith(f"ERROR engine.store.store {TRACE}")
        await press(pilot, "Y")
        assert json.loads(app.clipboard)["level"] == "ERROR"
        await press(pilot, "v", "v", "e")
    [path] = (tmp_path / "exports").iterdir()
    assert [json.loads(line)["level"] for line in path.read_text().splitlines()] == ["WARNING", "ERROR"]


async def test_records_that_were_lost_are_counted(app: ConsoleApp) -> None:
    logs_of(app).add_lost(1200)
    async with app.run_test(size=NARROW) as pilot:
        assert "▲ 1,200 lost" in await press(pilot, "6")


async def test_the_record_under_the_cursor_is_explained_where_there_is_room(app: ConsoleApp) -> None:
    async with app.run_test(size=WIDE) as pilot:
        shown = await press(pilot, "6")
        assert "source  engine.store.store" in shown and "StoreError: disk" in shown


async def test_a_paused_picture_pauses_the_log(app: ConsoleApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await press(pilot, "6", "p")
        logs_of(app).add(said(6))
        app.pull()
        assert current(app) == TRACE
        await press(pilot, "p")
        assert current(app) == "record 6"


async def test_a_standing_log_stands_still_while_old_records_go(app: ConsoleApp) -> None:
    for number in range(6, RING):
        logs_of(app).add(said(number))
    async with app.run_test(size=NARROW) as pilot:
        await press(pilot, "6", "pageup", "pageup")
        before, shown = current(app), text_of(view_of(app))
        for number in range(RING, RING + 50):
            logs_of(app).add(said(number))
        app.pull()
        await pilot.pause()
        assert current(app) == before
        assert text_of(view_of(app)) == shown


async def test_the_drawer_shows_the_log_under_any_screen(app: ConsoleApp) -> None:
    for number in range(30):
        logs_of(app).add(said(number, text=f"old {number}"))
    logs_of(app).add(said(30, text="a late caller"))
    async with app.run_test(size=NARROW) as pilot:
        await press(pilot, "3", "L")
        drawer = app.screen.query_one(LogDrawer)
        await until(pilot, lambda: "a late caller" in text_of(drawer.query_one(LogView)))
        assert str(drawer.border_title).startswith("Logs") and "Miners  sort" in screen_text(app)
        logs_of(app).add(said(6))
        await until(pilot, shows(app, "record 6"))
        await press(pilot, "L")
        assert not app.screen.query(LogDrawer)
        await press(pilot, *"LLLLLL")
        assert not app.screen.query(LogDrawer)
        await press(pilot, "6", "L")
        assert "already on the Logs screen" in toasts(app)[-1]


async def test_hostile_records_are_only_text(app: ConsoleApp) -> None:
    logs_of(app).add(said(6, text="[/foo] [bold]x[/] ␛]52;c;eA==␇ " + "é" * 9000))
    async with app.run_test(size=NARROW) as pilot:
        assert "[/foo] [bold]x[/]" in await press(pilot, "6")
        assert "[/foo]" in await press(pilot, "w", "enter", "g")
