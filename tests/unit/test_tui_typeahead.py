"""Keys that arrive in a burst: none is lost or taken twice, and each finds what the previous one opened."""

import asyncio
import itertools
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from console.screens.dialogs import ChoiceDialog
from console.screens.palette.screen import PaletteDialog
from console.tui import typeahead
from console.tui.app import ConsoleApp
from console.tui.endings import Ending
from console.widgets.live_table import LiveTable
from console.widgets.option_list import Field
from engine.commands import AutoWeights, SetWeights
from engine.snapshot import MinerView
from tests.unit.engine_helpers import until
from tests.unit.tui_helpers import NARROW, Orders, app_of, feed_of, miner, screen_text, snapshot

pytestmark = pytest.mark.order

CHARACTERS = {"slash": "/", "colon": ":", "space": " "}


async def burst(app: ConsoleApp, pilot: Pilot[Ending], *keys: str) -> None:
    """Keys as a terminal hands them over at once; then wait until they are all taken."""
    for key in keys:
        app.post_message(events.Key(key, key if len(key) == 1 else CHARACTERS.get(key)))
    await pilot.pause()


def table_of(app: ConsoleApp) -> "LiveTable[MinerView]":
    return app.screen.query_one(LiveTable)


def uid_under_cursor(app: ConsoleApp) -> int | None:
    current = table_of(app).current
    return current.uid if current is not None else None


@pytest.mark.parametrize("size", [NARROW, (160, 48)])
async def test_a_filter_is_typed_behind_the_digit_of_its_screen(size: tuple[int, int], tmp_path: Path) -> None:
    app = app_of(snapshot(miners=tuple(miner(uid) for uid in range(40))), tmp_path)
    async with app.run_test(size=size) as pilot:
        await burst(app, pilot, "3", "slash", *"miner-17", "enter", "space")
        assert "filter miner-17" in screen_text(app)
        assert [row.uid for row in table_of(app).rows] == [17]
        assert len(table_of(app).marked) == 1


async def test_every_screen_is_walked_through_in_one_burst(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await burst(app, pilot, *"234567654", "3", "j", "j")
        assert app.current_mode == "miners"
        assert uid_under_cursor(app) == 3


async def test_a_letter_right_behind_a_menu_chooses_from_it(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        orders = Orders(feed_of(app))
        await burst(app, pilot, "4", "x", "w", "y", "3", "o", "j", "enter", "j")
        assert orders.taken == [SetWeights()]
        assert not isinstance(app.screen, ChoiceDialog)
        assert table_of(app).view.sort == "change"


async def test_keys_keep_their_order_however_slow_the_screen_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typeahead, "AGAIN_S", 0.001)
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        orders = Orders(feed_of(app))
        await burst(app, pilot, *("4", "x", "w", "y") * 3, "x", "o", "3", "slash", *"miner-2", "enter", "space")
        assert orders.taken == [*(SetWeights(),) * 3, AutoWeights(False)]
        assert [row.uid for row in table_of(app).rows] == [2]
        assert len(table_of(app).marked) == 1


@pytest.mark.parametrize(("stuck_s", "marks_lost"), [(60.0, 3), (0.0, 1_000_000)])
async def test_a_key_waits_neither_for_a_mark_that_was_lost_nor_for_a_screen_that_is_stuck(
    stuck_s: float, marks_lost: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typeahead, "AGAIN_S", 0.01)
    monkeypatch.setattr(typeahead, "STUCK_S", stuck_s)

    app = app_of(snapshot(), tmp_path)
    send, sent = app.typeahead._send, itertools.count()
    monkeypatch.setattr(app.typeahead, "_send", lambda mark: send(mark) if next(sent) >= marks_lost else None)
    async with app.run_test(size=NARROW) as pilot:
        await burst(app, pilot, "3", "j")
        assert uid_under_cursor(app) == 2


async def test_a_quick_escape_closes_what_has_just_been_opened_and_no_more(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await burst(app, pilot, "3", "colon", "escape", "j")
        assert not isinstance(app.screen, PaletteDialog)
        assert app.current_mode == "miners"
        assert uid_under_cursor(app) == 2


async def test_what_is_typed_behind_an_answer_goes_where_the_answer_leads(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await burst(
            app, pilot, "colon", *"weights", "enter", "question_mark", "escape", "colon", *"miner-2", "enter", "j"
        )
        assert app.current_mode == "miners"
        assert uid_under_cursor(app) == 3
        await burst(app, pilot, "q", "q", "G", "enter", "3")
        assert app.return_value is Ending.STOP


async def test_who_leaves_while_a_screen_opens_leaves_as_asked(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW):
        app.post_message(events.Key("4", "4"))
        while app.current_mode == "home":  # noqa: ASYNC110
            await asyncio.sleep(0)
        app.leave(Ending.HUNG_UP)
        await until(lambda: not app.is_running)
    assert (app.return_value, app.crash) == (Ending.HUNG_UP, None)


async def test_a_paste_keeps_its_place_among_keys(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await burst(app, pilot, "3", "slash")
        app.post_message(events.Key("2", "2"))
        app.post_message(events.Paste(" uid"))
        await burst(app, pilot, "colon", "2", "enter")
        assert app.screen.query_one(Field).value == "2 uid:2"
        assert [row.uid for row in table_of(app).rows] == [2]


async def test_what_is_typed_once_the_last_screen_is_gone_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW):
        with monkeypatch.context() as gone:
            gone.setattr(app, "_screen_stacks", {app.current_mode: []})
            await app.typeahead.add(events.Key("j", "j"))
            app.typeahead._send(typeahead.KeyMark(0, 0))
            assert not app.typeahead.is_waiting
