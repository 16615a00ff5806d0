"""From the attention list to what it is about, through the keyboard."""

from pathlib import Path
from typing import Any

from console.screens.base import ConsoleScreen, in_front
from console.screens.logs.widgets import LogView
from console.screens.suspects.screen import SuspectsScreen
from console.tui.app import ConsoleApp
from console.widgets.live_table import LiveTable
from engine.commands import BringBack
from engine.snapshot import About, LogLine, ServiceView, SuspectsView, SybilView
from tests.unit.tui_helpers import (
    NARROW,
    NOW,
    Orders,
    app_of,
    attention,
    feed_of,
    logs_of,
    miner,
    snapshot,
    toasts,
)


def front(app: ConsoleApp) -> ConsoleScreen:
    found = in_front(app.screen_stack)
    assert found is not None
    return found


def cursor(app: ConsoleApp) -> Any:
    """The row on which the cursor of the focused table is."""
    assert isinstance(app.focused, LiveTable)
    return app.focused.current


def suspected(app: ConsoleApp) -> Any:
    """Who is under the cursor among the suspects."""
    current: Any = front(app).query_one("#found LiveTable", LiveTable).current
    return current.suspects.uids


async def test_enter_opens_the_subject_with_the_cursor_on_it(tmp_path: Path) -> None:
    services = tuple(ServiceView(name=name, state="running", since=NOW) for name in ("axons", "chain watch", "feed"))
    lines = (attention(1, about=About("service", "chain watch")),)
    app = app_of(snapshot(services=services, attention=lines), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        app.screen.query_one("#waiting").focus()
        await pilot.press("enter")
        assert front(app).NAME == "server"
        assert cursor(app).service.name == "chain watch"


async def test_the_evidence_against_a_group_is_one_key_away(tmp_path: Path) -> None:
    groups = tuple(
        SuspectsView(
            uids=uids,
            hotkeys=tuple(miner(uid).hotkey for uid in uids),
            copied_uids=(),
            suspicion=0.9,
            evidence=("same",),
        )
        for uids in ((1, 2), (3, 4), (5, 6))
    )
    lines = (attention(1, subject="sybil", about=About("suspects", miner(6).hotkey)),)
    shown = snapshot(
        miners=tuple(map(miner, range(1, 8))), sybil=SybilView(rounds=9, verdict=0.6, groups=groups), attention=lines
    )
    app = app_of(shown, tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        app.screen.query_one("#waiting").focus()
        await pilot.press("enter")
        assert isinstance(front(app), SuspectsScreen)
        assert suspected(app) == (5, 6)
        await pilot.press("k")
        app.pull()
        assert suspected(app) == (3, 4)


async def test_a_line_without_a_subject_leads_to_what_the_log_says_of_it(tmp_path: Path) -> None:
    app = app_of(snapshot(attention=(attention(1, subject="store", text="disk full"),)), tmp_path)
    for text in ("started", "store: disk full", "stopped"):
        logs_of(app).add(LogLine(NOW, "ERROR", "engine.feed", text))
    async with app.run_test(size=NARROW) as pilot:
        app.screen.query_one("#waiting").focus()
        await pilot.press("enter")
        current = front(app).query_one(LogView).current
        assert current is not None
        assert current.line.text == "store: disk full"


async def test_acknowledge_can_be_undone_by_a_key(tmp_path: Path) -> None:
    app = app_of(snapshot(attention=(attention(1, acknowledged=True),)), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("u")
        assert orders.taken == [BringBack()]


async def test_without_anything_acknowledged_the_key_says_so(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("u")
        assert any("no acknowledged line is left" in said for said in toasts(app))
