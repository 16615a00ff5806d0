"""Suspects through the keyboard."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from console.screens.miner.screen import MinerScreen
from console.screens.suspects.screen import SuspectsScreen
from engine.commands import HoldPenalty
from tests.unit.suspects_helpers import WORDING, hotkey, suspecting
from tests.unit.tui_helpers import NARROW, WIDE, Orders, app_of, feed_of, screen_text, snapshot, toasts


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_from_miners_one_key_leads_to_groups_members_and_evidence(tmp_path: Path, size: tuple[int, int]) -> None:
    app = app_of(suspecting("applied", "planned"), tmp_path)
    async with app.run_test(size=size) as pilot:
        await pilot.press("3")
        assert "▲ 1 sybil group  a evidence" in screen_text(app)
        await pilot.press("a")
        shown = screen_text(app)
        assert "[3 Miners]" in shown
        for words in ("● group  0.90 1 2 ← 3", "○ hint   0.40 4 5", f"• {WORDING[:18]}", "✗ applied", "▲ next window"):
            assert words in shown
        await pilot.press("j")
        assert "• same wrong answer" in screen_text(app)
        await pilot.press("escape")
        assert not isinstance(app.screen, SuspectsScreen)


async def test_a_penalty_is_waived_and_reinstated_after_a_question(tmp_path: Path) -> None:
    app = app_of(suspecting("applied", "held"), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "a", "b")
        assert "miner-1" in screen_text(app)
        await pilot.press("enter")
        assert orders.taken == []
        await pilot.press("b", "y")
        assert orders.taken == [HoldPenalty(hotkey(1), held=True)]
        await pilot.press("enter", "j", "b")
        assert "is already waived" in toasts(app)[-1]
        await pilot.press("u", "y")
        assert orders.taken[1:] == [HoldPenalty(hotkey(2), held=False)]


async def test_a_hint_has_no_penalty_to_waive_and_a_read_only_run_reports_it(tmp_path: Path) -> None:
    app = app_of(suspecting("applied"), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "a", "j", "b")
        assert "has no penalty" in toasts(app)[-1]
    app = app_of(replace(suspecting("applied"), read_only=True), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "a", "b")
        assert "not while --read-only is on" in toasts(app)[-1]


async def test_enter_goes_to_the_members_and_on_to_the_miner(tmp_path: Path) -> None:
    app = app_of(suspecting("applied", "planned"), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("3", "a", "enter", "enter")
        assert isinstance(app.screen, MinerScreen)
        assert "✗ applied -80%  suspicion 0.90, sybil group with uid 2 3" in screen_text(app)


async def test_without_suspects_the_screen_reports_it(tmp_path: Path) -> None:
    quiet = suspecting()
    assert quiet.sybil is not None
    app = app_of(replace(quiet, sybil=replace(quiet.sybil, groups=(), pairs=())), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "a")
        assert "no suspects" in screen_text(app).replace("\n", " ")
        await pilot.press("b")
        assert "nothing under the cursor" in toasts(app)[-1]
    app = app_of(snapshot(role="miner", miners=()), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "a")
        assert "only a validator compares miners" in toasts(app)[-1]
