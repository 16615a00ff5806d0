"""Texts that miners send to harm a terminal, in every pane that shows them: none gets through, and the screen
survives."""

import unicodedata
from pathlib import Path

import pytest
from textual.geometry import Region
from textual.widget import Widget

from console.tui.app import ConsoleApp
from tests.unit.recorded_helpers import app_with, foul_round, shows, until
from tests.unit.tui_helpers import NARROW, WIDE

FOUL = (
    "\x1b]52;c;aGVsbG8=\x07",
    "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x1b[2J\x1b[H\x1b[31mred",
    "\x9b2J\x9d52;c;aGVsbG8=\x9c",
    "\u202etxt.exe\u2066 \u200b\u200f\ufeff",
    "[/foo] [bold red]markup[/] [@click=app.quit]x[/]",
    "a" + "\u0301" * 5000,
    "x" * 1_000_000,
    "\r\roverwritten\b\b\b\x00\x7f",
    "\t\ttabs\x0b\x0c\u2028\u2029lines",
    "日本語" * 5000,
    "=cmd|' /C calc'!A0",
)


def characters(app: ConsoleApp) -> set[str]:
    """All that is painted, by every widget and by the screen as a whole."""
    painted = [strip.text for strip in app.screen._compositor.render_strips()]
    for widget in app.screen.query(Widget):
        if widget.display and widget.size.area:
            painted += [strip.text for strip in widget.render_lines(Region(0, 0, *widget.size))]
    return set("".join(painted))


def foreign(app: ConsoleApp) -> set[str]:
    """Those that control a terminal, hide, or change direction."""
    return {one for one in characters(app) if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Zl", "Zp")}


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_foul_answers_reach_no_pane_of_a_round(tmp_path: Path, size: tuple[int, int]) -> None:
    app = await app_with(tmp_path, [foul_round(0, FOUL)])
    async with app.run_test(size=size) as pilot:
        await pilot.press("2")
        await until(pilot, shows(app, "round-0" if size == WIDE else "chat"))
        assert foreign(app) == set()
        await pilot.press("enter")
        await until(pilot, shows(app, "round 1 of 1"))
        await pilot.press("o", "g", "enter", "g")
        for _view in range(4 if size == NARROW else 1):
            for _reply in FOUL:
                assert foreign(app) == set()
                await pilot.press("j")
            await pilot.press("w", "s", "g")
        assert app.is_running


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_foul_reasons_reach_no_pane_of_a_miner(tmp_path: Path, size: tuple[int, int]) -> None:
    app = await app_with(tmp_path, [foul_round(number, (text,)) for number, text in enumerate(FOUL)])
    async with app.run_test(size=size) as pilot:
        await pilot.press("3", "enter")
        await until(pilot, shows(app, f"Rounds  sort TIME ▼  {len(FOUL)}"))
        for _round in FOUL:
            assert foreign(app) == set()
            await pilot.press("j")
        assert app.is_running
