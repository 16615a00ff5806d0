"""Setup: the doctor and the settings on the screen."""

from pathlib import Path

import pytest
from textual.pilot import Pilot

from console.config import shown
from console.doctor import examination
from console.findings import Result, ok, warning
from console.screens.setup.content import SETTINGS
from console.screens.setup.screen import SetupScreen
from console.tui.app import ConsoleApp
from console.tui.endings import Ending
from console.widgets.live_table import LiveTable
from engine.settings import configure
from engine.settings.setting import Given
from tests.unit.tui_helpers import NARROW, NOW, WIDE, app_of, screen_text, snapshot, toasts

KEY = "sk-secret0123456789abcdef"
LEAN = warning("disk", "[/foo] 1.2 GB free", why="A week of rounds takes about 1 GB.", do="Free some space.")


@pytest.fixture
def app(tmp_path: Path) -> ConsoleApp:
    given = {"seed": Given("7", "--seed"), "data_dir": Given(str(tmp_path), "--data-dir")}
    configuration = configure(given, environ={"SUBNET_CONSOLE_API_KEY": KEY})
    return app_of(snapshot(), tmp_path, configuration=configuration)


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """What the doctor finds; the checks themselves have tests of their own."""
    found = [ok("python", "3.11"), LEAN]
    monkeypatch.setattr("console.doctor.examination.examine", lambda *_given, **_more: list(found))
    return found


async def test_the_names_of_other_programs_stand_below_the_settings(
    app: ConsoleApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, results: list[Result]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("API_PORT=8000\nTEST_MODE=true\n")
    app.configuration = configure({}, environ={})
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        table = screen.query_one(LiveTable)
        rows = {row.name: (row.value, row.source) for row in table.rows}
    assert rows["API_PORT"] == ("taken as port", ".env:1 API_PORT")
    assert rows["TEST_MODE"] == ("ignored", ".env:2 TEST_MODE")


async def opened(pilot: Pilot[Ending]) -> SetupScreen:
    """Setup, with what the doctor found."""
    await pilot.press("7")
    screen = pilot.app.screen
    assert isinstance(screen, SetupScreen)
    await looked(pilot, screen)
    return screen


async def looked(pilot: Pilot[Ending], screen: SetupScreen) -> None:
    await screen.workers.wait_for_complete()
    await pilot.pause()


async def test_what_is_unwell_stands_first_and_enter_explains_it(app: ConsoleApp, results: list[Result]) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot)
        text = screen_text(app)
        assert "Doctor  ✓ 1 OK  ▲ 1 WARNING" in text
        assert text.index("[/foo]") < text.index("python")
        await pilot.press("enter")
        assert "A week of rounds takes about 1 GB." in screen_text(app) and "What to do" in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert "What to do" not in screen_text(app)


async def test_r_looks_again(app: ConsoleApp, results: list[Result]) -> None:
    async with app.run_test(size=NARROW) as pilot:
        screen = await opened(pilot)
        results[1] = ok("disk", "90 GB free")
        await pilot.press("r")
        await looked(pilot, screen)
        assert "Doctor  ✓ 2 OK" in screen_text(app) and "90 GB free" in screen_text(app)


async def test_the_explanation_follows_the_cursor_where_there_is_room(app: ConsoleApp, results: list[Result]) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await opened(pilot)
        assert "A week of rounds takes about 1 GB." in screen_text(app)
        await pilot.press("j")
        assert "A week of rounds" not in screen_text(app)


async def test_settings_have_their_sources_and_secrets_are_never_shown(app: ConsoleApp, results: list[Result]) -> None:
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        await pilot.press("tab", "/", *"api", "enter")
        text = screen_text(app)
        assert "SUBNET_CONSOLE_API_KEY" in text and "******" in text and KEY not in text
        await pilot.press("escape", "/", *"--seed", "enter")
        table = screen.query_one(LiveTable)
        assert [(row.name, row.value, row.source) for row in table.rows] == [("seed", "7", "--seed")]


async def test_the_report_is_copied_and_written(app: ConsoleApp, results: list[Result], tmp_path: Path) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await opened(pilot)
        await pilot.press("Y")
        assert app.clipboard.splitlines()[0].startswith("▲ WARNING  disk")
        await pilot.press("y")
        assert app.clipboard.count("\n") == 0
        await pilot.press("e", "tab", "e")
    names = sorted(path.name.partition("-")[0] for path in (tmp_path / "exports").iterdir())
    assert names == ["doctor", "settings"]


async def test_the_real_doctor_runs_beside_the_screen(app: ConsoleApp) -> None:
    async with app.run_test(size=WIDE) as pilot:
        screen = await opened(pilot)
        assert {"python", "terminal", "wallet", "chain"} <= {result.name for result in screen.results}
        assert not toasts(app)


def test_the_table_holds_every_setting(app: ConsoleApp) -> None:
    assert app.configuration is not None
    rows = shown(app.configuration)
    assert {"role", "api_key", "miners"} <= {row.name for row in rows}
    for row in rows:
        cells = [column.cell(row, NOW).text for column in SETTINGS.columns]
        assert all(cells) and KEY not in cells
    assert examination.examine(lambda: app.configuration or pytest.fail(), environ={})
