"""One miner through the keyboard: its state, its rounds and why they went as they did."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console.screens.challenge.screen import ChallengeScreen
from console.screens.miner.screen import MinerScreen
from console.widgets.live_table import LiveTable
from tests.unit.recorded_helpers import app_with, folder_with, hotkey, rounds_split, shows, snapshot_of, until
from tests.unit.tui_helpers import NARROW, WIDE, app_of, feed_of, miner, screen_text, snapshot

Sized = pytest.mark.parametrize("size", [NARROW, WIDE])


def table_of(app: Any) -> LiveTable[Any]:
    table: LiveTable[Any] = app.screen.query_one(LiveTable)
    return table


def current(app: Any) -> Any:
    return table_of(app).current


def place(app: Any) -> type[object]:
    return type(app.screen)


@Sized
async def test_enter_on_miners_shows_one_with_its_rounds(tmp_path: Path, size: tuple[int, int]) -> None:
    app = await app_with(tmp_path, rounds_split(3))
    async with app.run_test(size=size) as pilot:
        await pilot.press("3", *("j",) * 3, "enter")
        await until(pilot, shows(app, "Rounds  sort TIME ▼  3"))
        await until(pilot, shows(app, hotkey(4)))
        text = screen_text(app)
        assert "[3 Miners]" in text
        assert "Miner uid 4  miner-4" in text
        assert "address  10.0.0.7:8091  since block 12" in text
        assert ".1000 on chain  .1000 planned unchanged" in text
        assert "last 3: ✓ 0 won  ▲ 3 unpaid  ✗ 0 failed" in text
        await until(pilot, shows(app, "• copied from uid"))
        await pilot.press("escape")
        assert current(app).uid == 4


async def test_a_wide_screen_draws_the_course_of_the_average(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(3))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "enter")
        await until(pilot, shows(app, "1.00 ┤███"))
        assert "EMA over its last rounds" in screen_text(app)


async def test_a_round_of_a_miner_opens_with_the_cursor_on_its_reply(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(3))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", *("j",) * 6, "enter")
        await until(pilot, shows(app, "Rounds  sort TIME ▼  3"))
        await pilot.press("j", "enter")
        await until(pilot, shows(app, "round 2 of 3"))
        assert current(app).reply.uid == 7
        assert "▲ timeout" in screen_text(app)
        await pilot.press("escape", "escape")
        assert table_of(app).table.name == "miners"


async def test_a_new_round_is_read_when_it_was_judged(tmp_path: Path) -> None:
    known = rounds_split(4)
    app = await app_with(tmp_path, known[:3])
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "enter")
        await until(pilot, shows(app, "Rounds  sort TIME ▼  3"))
        await folder_with(tmp_path, known[3:])
        feed_of(app).publish(snapshot_of(tmp_path, known))
        await until(pilot, shows(app, "Rounds  sort TIME ▼  4"))


async def test_failures_are_found_with_a_filter(tmp_path: Path) -> None:
    rounds = rounds_split(3)
    late = replace(rounds[1].replies[1], status="timeout", reason="no answer in 9 s")
    rounds[1] = replace(rounds[1], replies=(rounds[1].replies[0], late, *rounds[1].replies[2:]))
    app = await app_with(tmp_path, rounds)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "j", "enter")
        await until(pilot, shows(app, "Rounds  sort TIME ▼  3"))
        await pilot.press("/", *"status:timeout", "enter")
        assert [row.round_id for row in table_of(app).rows] == ["round-1"]
        await until(pilot, shows(app, "• no answer in 9 s"))


async def test_a_miner_that_left_is_reached_from_its_old_reply(tmp_path: Path) -> None:
    known = rounds_split(1)
    app = await app_with(tmp_path, known)
    feed_of(app).publish(replace(feed_of(app).snapshot, miners=(), metagraph=None))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 1 of 1"))
        assert place(app) is ChallengeScreen
        await pilot.press("enter")
        assert place(app) is MinerScreen
        await until(pilot, shows(app, "✗ not on the subnet"))
        await until(pilot, shows(app, "last 1: ✓ 1 won"))


async def test_a_roomy_screen_follows_the_cursor_with_the_miner_and_its_last_rounds(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(3))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await until(pilot, shows(app, "✓ winner      1.0000  equals the"))
        assert "Miner uid 1  miner-1" in screen_text(app)
        assert "last 3: ✓ 3 won" in screen_text(app)
        await pilot.press("j", "j", "j")
        await until(pilot, shows(app, "0.0000  copied from uid 4"))
        assert "Miner uid 4  miner-4" in screen_text(app)
        assert "EMA over its last rounds" in screen_text(app)
        await pilot.press("G")
        await until(pilot, shows(app, "▲ timeout"))
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: "Its last rounds" not in screen_text(app))


async def test_a_record_that_cannot_be_read_says_why_beside_the_miner(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(1))
    (tmp_path / "store.db").write_bytes(b"no database" * 400)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "enter")
        await until(pilot, shows(app, "   ✗ "))
        assert "miner-1" in screen_text(app)


async def test_the_preview_has_the_lines_that_the_table_does_not_need(tmp_path: Path) -> None:
    app = app_of(snapshot(miners=tuple(miner(uid) for uid in range(1, 11))), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3")
        await pilot.pause()
        table, preview = app.screen.query_one(LiveTable), app.screen.query_one("#preview")
        assert (table.size.height, preview.size.height) == (11, 48 - 3 - 13)
        feed_of(app).publish(snapshot(miners=tuple(miner(uid) for uid in range(1, 100))))
        app.pull()
        await pilot.pause()
        assert preview.size.height == 11


async def test_a_record_that_comes_when_its_screen_has_gone_is_not_an_error(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "enter")
        await pilot.pause()
        gone = app.screen
        assert isinstance(gone, MinerScreen)
        await pilot.press("escape")
        await pilot.pause()
        gone._show_record()
        assert "Miners" in screen_text(app)
