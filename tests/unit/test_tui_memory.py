"""What the screen remembers from one run to the next."""

from pathlib import Path

import msgspec
import pytest

from console.present.log_look import LogLook
from console.present.table import View
from console.screens.miners.content import MINERS
from console.tui.app import ConsoleApp
from console.tui.endings import Ending
from console.tui.screen_memory import ScreenMemory, keep, memory_path, recall
from console.widgets.live_table import LiveTable
from tests.unit.tui_helpers import NARROW, app_of, screen_text, snapshot


def app_with(path: Path) -> ConsoleApp:
    return app_of(snapshot(), path.parent, memory=path)


async def test_the_next_run_begins_where_the_last_one_ended(tmp_path: Path) -> None:
    path = tmp_path / "state" / "screen.json"
    app = app_with(path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "O", "/", *"miner-2", "enter")
        app.theme = next(iter(app.theme_files()))
        app.leave(Ending.STOP)
    kept = recall(path)
    assert (kept.place, kept.theme) == ("miners", app.theme)

    app = app_with(path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.pause()
        assert app.theme == kept.theme
        table = app.screen.query_one(LiveTable)
        assert table.view == View("ema", not MINERS.descending, "miner-2")
        assert "[3 Miners]" in screen_text(app) and "filter miner-2" in screen_text(app)


async def test_a_theme_and_a_place_that_are_gone_are_as_none(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    keep(path, ScreenMemory(place="attic", theme="gone"))
    app = app_with(path)
    async with app.run_test(size=NARROW):
        assert app.current_mode == "home" and app.theme != "gone"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{" * 10_000, b'{"version": 2}', b'{"views": {"miners": {"sort": 7}}}']
)
def test_a_file_that_makes_no_sense_is_as_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "screen.json"
    path.write_bytes(content)
    assert recall(path) == ScreenMemory()


def test_columns_that_a_table_no_longer_has_are_forgotten() -> None:
    every = frozenset(column.id for column in MINERS.columns)
    assert ScreenMemory(views={"miners": View("gone")}).view(MINERS) == MINERS.usual()
    kept = ScreenMemory(views={"miners": View("uid", hidden=frozenset({"ema", "gone"}))}).view(MINERS)
    assert kept == View("uid", hidden=frozenset({"ema"}))
    assert ScreenMemory(views={"miners": View("uid", hidden=every)}).view(MINERS).hidden == frozenset()


def test_a_folder_that_cannot_be_written_costs_only_the_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep(tmp_path / "file" / "screen.json", ScreenMemory())
    assert recall(tmp_path / "file" / "screen.json") == ScreenMemory()


def test_each_role_has_its_own(own_home: Path) -> None:
    assert memory_path("miner") == own_home / ".local/state/subnet-console/screen-miner.json"
    assert msgspec.json.decode(msgspec.json.encode(ScreenMemory()))["version"] == 1


async def test_the_log_is_looked_at_as_in_the_last_run(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    app = app_with(path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("6", "v", "w", "/", *"word", "enter")
        app.leave(Ending.STOP)
    assert recall(path).log == LogLook(level="INFO", wrap=True)

    app = app_with(path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("6")
        assert "level ≥ INFO  source all  FOLLOW  wrap" in screen_text(app)


def test_an_invalid_log_level_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    path.write_bytes(b'{"log": {"level": "LOUD"}}')
    assert recall(path) == ScreenMemory()
