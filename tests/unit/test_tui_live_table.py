"""The live table as an operator sees it: exact text, the cursor, what is repainted."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.geometry import Region

from console.present.table import GAP
from console.tui.app import ConsoleApp
from console.widgets.live_table import LiveTable
from engine.snapshot import MinerView
from tests.unit.tui_helpers import NARROW, NOW, WIDE, app_of, feed_of, miner, screen_text, snapshot, text_of

NARROW_MINERS = """\
 UID NAME               EMA▼ CHANGE  CHAIN   PLAN MEDIAN  OK%   SEEN STATE
   1 miner-1          0.9999  =.000  .1000  .1000  201ms  90%     1s ✓ active
   2 miner-2          0.9998  =.000  .1000  .1000  202ms  90%     2s ✓ active
   3 miner-3          0.9997  =.000  .1000  .1000  203ms  90%     3s ✓ active"""

WIDE_MINERS = (
    " UID NAME         HOTKEY        STAKE   EMA▼ CHANGE HISTORY          REWARD  CHAIN   PLAN "
    "INCENTIVE MEDIAN  OK%   SEEN STATE     DIALECT  NOTE"
)


def miners_of(app: ConsoleApp) -> "LiveTable[MinerView]":
    return app.screen.query_one(LiveTable)


def _laid(table: "LiveTable[MinerView]") -> int:
    """The cells that the columns and the gaps between them take."""
    return sum(placed.width + GAP for placed in table._placed) - GAP


async def test_miners_at_both_sizes(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3")
        await pilot.pause()
        assert text_of(miners_of(app)).rstrip() == NARROW_MINERS
        await pilot.resize_terminal(*WIDE)
        await pilot.pause()
        assert text_of(miners_of(app)).splitlines()[0] == WIDE_MINERS


async def test_a_table_without_rows_says_why(tmp_path: Path) -> None:
    app = app_of(snapshot(miners=()), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3")
        table = miners_of(app)
        assert "no miners yet" in text_of(table)
        feed_of(app).publish(snapshot(miners=(miner(1),)))
        app.pull()
        assert "no miners yet" not in text_of(table)
        await pilot.press("/", *"zzz", "enter")
        assert "nothing matches the filter: esc clears it" in text_of(table)
        await pilot.press("escape")
        assert "miner-1" in text_of(table)


async def test_only_rows_that_changed_are_painted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3")
        await pilot.pause()
        table = miners_of(app)
        text_of(table)
        painted: list[Region] = []
        monkeypatch.setattr(table, "refresh", lambda *regions, **_: painted.extend(regions))
        table.show(feed_of(app).snapshot.miners, NOW)
        assert painted == []
        first, second, third = feed_of(app).snapshot.miners
        table.show((first, replace(second, latency_ms=999.0), third), NOW)
        assert [region.y for region in painted] == [2]


async def test_a_row_that_goes_leaves_the_cursor_on_its_place(tmp_path: Path) -> None:
    app = app_of(snapshot(miners=tuple(miner(uid) for uid in range(1, 9))), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "j", "j", "j")
        table = miners_of(app)
        assert [row.uid for row in table.chosen] == [4]
        table.show([miner(uid) for uid in (1, 2, 3, 5, 6)], NOW)
        assert [row.uid for row in table.chosen] == [5]
        table.show([], NOW)
        assert table.chosen == []
        await pilot.press("j", "k", "G", "g", "ctrl+d", "pageup", "enter", "space")


async def test_2500_rows_are_walked_through_from_end_to_end(tmp_path: Path) -> None:
    app = app_of(snapshot(miners=tuple(miner(uid) for uid in range(2500))), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "G")
        await pilot.pause()
        assert "2499 miner-2499" in text_of(miners_of(app)).splitlines()[-1]
        await pilot.press("ctrl+u", "pageup", "g")
        await pilot.pause()
        assert text_of(miners_of(app)).splitlines()[1].startswith("   0 miner-0")
        await pilot.press("O")
        await pilot.pause()
        assert "2 500" not in screen_text(app)
        assert "sort EMA ▲  2500" in screen_text(app)


async def test_the_columns_leave_room_for_the_scrollbar_while_it_shows(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3")
        await pilot.pause()
        table = miners_of(app)
        full = table.size.width
        assert _laid(table) == full
        feed_of(app).publish(snapshot(miners=tuple(miner(uid) for uid in range(60))))
        app.pull()
        await pilot.pause()
        assert table.show_vertical_scrollbar
        assert _laid(table) == full - 1
        feed_of(app).publish(snapshot())
        app.pull()
        await pilot.pause()
        assert _laid(table) == full


async def test_marks_follow_their_rows_and_escape_takes_them_away(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "space", "space")
        table = miners_of(app)
        assert [row.uid for row in table.chosen] == [1, 2]
        await pilot.press("O")
        assert {row.uid for row in table.chosen} == {1, 2}
        assert "2 marked" in screen_text(app)
        await pilot.press("escape")
        assert table.marked == frozenset()
        assert app.current_mode == "miners"


async def test_columns_further_right_are_reached_and_the_first_stays(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", *"l" * 40)
        await pilot.pause()
        assert text_of(miners_of(app)).splitlines()[0].split() == ["UID", "NOTE"]
        await pilot.press(*"h" * 40)
        await pilot.pause()
        assert text_of(miners_of(app)).rstrip() == NARROW_MINERS


async def test_the_mouse_moves_opens_and_sorts(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3")
        await pilot.pause()
        table = miners_of(app)
        await pilot.click(LiveTable, offset=(10, 2))
        assert table.current is not None
        assert table.current.uid == 2
        await pilot.click(LiveTable, offset=(2, 0))
        assert table.view.sort == "uid"


@pytest.mark.parametrize("size", [(160, 48), (80, 24), (60, 16), (40, 10), (20, 5), (5, 3), (1, 1)])
async def test_every_screen_works_at_every_size(size: tuple[int, int], tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=size) as pilot:
        for digit in "1234567":
            await pilot.press(digit)
        for key in ("?", ":", "x", "T", "q"):
            await pilot.press(key)
            await pilot.press("escape")
        await pilot.resize_terminal(80, 24)
        await pilot.press("1")
        await pilot.pause()
        assert "[1 Home]" in screen_text(app)
