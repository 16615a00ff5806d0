"""Stories through the keyboard: an operator presses keys and reads the screen."""

import csv
import json
from pathlib import Path

import pytest
from msgspec.structs import replace
from textual.screen import Screen
from textual.widget import Widget

from console.actions.action import Action
from console.screens.base import load_screens
from console.screens.dialogs import ConfirmDialog
from console.screens.help.screen import HelpDialog
from console.screens.keymap import Keymap
from console.screens.registry import ACTIONS, DIALOG, SCREENS, actions_of
from console.tui.app import ConsoleApp
from console.tui.copies import Copies
from console.tui.endings import Ending
from console.tui.overlays import Overlays
from console.tui.travel import Travel
from console.widgets.live_table import LiveTable
from console.widgets.panel import OpenPanel, Panel
from engine.commands import Acknowledge, Pause, SetWeights
from engine.snapshot import ChainView
from tests.unit.suspects_helpers import suspecting
from tests.unit.tui_helpers import (
    NARROW,
    WIDE,
    Orders,
    app_of,
    attention,
    feed_of,
    miner,
    screen_text,
    snapshot,
    toasts,
)


def current_uid(app: ConsoleApp) -> int:
    """The uid under the cursor."""
    row = app.screen.query_one(LiveTable).current
    assert row is not None
    return int(row.uid)


async def test_digits_go_to_screens_and_minus_comes_back(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3")
        assert "[3 Miners]" in screen_text(app)
        await pilot.press("-")
        assert "[1 Home]" in screen_text(app)
        await pilot.press("3", "q")
        assert "[1 Home]" in screen_text(app)


async def test_a_filter_narrows_while_it_is_typed_and_escape_takes_it_away(tmp_path: Path) -> None:
    miners = (miner(1), miner(2, state="silent"), miner(88))
    app = app_of(snapshot(miners=miners), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "/", *"uid:88")
        table = app.screen.query_one(LiveTable)
        assert [row.uid for row in table.rows] == [88]
        await pilot.press("enter")
        assert "filter uid:88  1 of 3" in screen_text(app)
        await pilot.press("/", *("backspace",) * 10, *"!state:silent", "enter")
        assert [row.uid for row in table.rows] == [1, 88]
        await pilot.press("escape")
        assert len(table.rows) == 3
        assert app.current_mode == "miners"


async def test_the_cursor_stays_on_its_miner_while_the_order_changes(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "j")
        table = app.screen.query_one(LiveTable)
        assert current_uid(app) == 2
        better = tuple(replace(one, ema=one.uid / 10) for one in feed_of(app).snapshot.miners)
        feed_of(app).publish(replace(feed_of(app).snapshot, miners=(*better, miner(9, ema=0.99))))
        app.pull()
        assert [row.uid for row in table.rows] == [9, 3, 2, 1]
        assert current_uid(app) == 2
        await pilot.press("O")
        assert current_uid(app) == 2


async def test_pause_freezes_the_picture_and_not_the_engine(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("p")
        feed_of(app).publish(snapshot(rounds_done=77))
        app.pull()
        assert "FROZEN" in screen_text(app)
        assert "after 77 rounds" not in screen_text(app)
        await pilot.press("p")
        assert "after 77 rounds" in screen_text(app)


async def test_help_lists_the_keys_of_the_screen_and_finds_one(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("?")
        assert isinstance(app.screen, HelpDialog)
        assert "Freeze the picture" in screen_text(app)
        await pilot.press(*"mouse")
        assert "Release the mouse to the terminal" in screen_text(app)
        assert "Freeze the picture" not in screen_text(app)
        await pilot.press("escape")
        assert not isinstance(app.screen, HelpDialog)


async def test_the_palette_finds_an_action_a_theme_and_a_miner(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(":", *"miners", "enter")
        assert app.current_mode == "miners"
        await pilot.press("1", ":", *"uid 3", "enter")
        await pilot.pause()
        assert current_uid(app) == 3
        await pilot.press(":", *"theme night", "enter")
        assert app.theme == "night"


async def test_the_menu_shows_what_cannot_be_done_and_why(tmp_path: Path) -> None:
    app = app_of(snapshot(read_only=True), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("x")
        assert "not while --read-only is on" in screen_text(app)
        await pilot.press("escape")
        app.act("chain.set_weights")
        await pilot.pause()
        assert toasts(app)[-1] == "set weights now…: not while --read-only is on"
    assert orders.taken == []


async def test_setting_weights_asks_first_with_cancel_under_the_cursor(tmp_path: Path) -> None:
    miners = (miner(1, planned=0.2), miner(2))
    app = app_of(snapshot(miners=miners), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        app.act("chain.set_weights")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmDialog)
        assert "▲ 0.1000" in screen_text(app)
        await pilot.press("enter")
        assert orders.taken == []
        app.act("chain.set_weights")
        await pilot.pause()
        await pilot.press("j", "enter")
        assert orders.taken == [SetWeights()]


async def test_on_a_real_network_the_netuid_has_to_be_typed(tmp_path: Path) -> None:
    chain = ChainView(network="finney", netuid=42, registered=True, reachable=True, validator_permit=True)
    app = app_of(snapshot(chain=chain), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        app.act("chain.set_weights")
        await pilot.pause()
        await pilot.press("j", "enter", *"41", "enter", "j", "enter")
        assert orders.taken == []
        await pilot.press("backspace", "2", "enter", "G", "enter")
        assert orders.taken == [SetWeights()]


async def test_attention_is_acknowledged_line_by_line_and_at_once(tmp_path: Path) -> None:
    app = app_of(snapshot(attention=(attention(1), attention(2))), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        app.pull()
        assert "Attention 2" in screen_text(app)
        assert "▲2" in screen_text(app)
        await pilot.press("a", "A")
        assert orders.taken == [Acknowledge(2), Acknowledge()]


async def test_the_palette_can_take_what_the_screen_behind_it_can(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", ":", *"reverse")
        shown = screen_text(app)
        assert "Reverse the order." in shown
        assert "nothing here" not in shown


@pytest.mark.parametrize("place", ["1", "3", "4", "5"])
async def test_tab_stops_at_panes_only(place: str, tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(place)
        for _ in range(8):
            await pilot.press("tab")
            assert app.focused is not None
            assert any(isinstance(around, (Panel, OpenPanel)) for around in app.focused.ancestors), app.focused


@pytest.mark.parametrize("place", ["1", "2", "3", "4"])
async def test_the_footer_names_the_export_and_the_menu(place: str, tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(place)
        footer = screen_text(app).splitlines()[-1]
        assert "e export" in footer
        assert "x actions" in footer


async def test_no_sentence_of_the_help_is_cut(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4", "?", *"commit to the planned")
        assert "they are revealed." in screen_text(app)


def test_a_key_and_a_letter_of_a_menu_never_are_the_same() -> None:
    for screen in (*SCREENS, DIALOG):
        menu = [action for action in actions_of(screen) if action.group in ("act", "take")]
        shown = [action.letter or action.keys[0] for action in menu]
        assert len(shown) == len(set(shown)), screen


async def test_challenges_are_paused_from_the_palette(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(":", *"pause challenges", "enter")
        assert orders.taken == [Pause()]
        elsewhere = {"command": "stop", "detail": "", "outcome": "ok", "reason": ""}
        feed_of(app).emit("command", **elsewhere, id="of another terminal")
        orders.answer(command="pause", detail="", outcome="ok", reason="")
        app.pull()
        await pilot.pause()
        assert toasts(app) == ["pause: ok"]


async def test_quitting_at_home_asks_and_the_first_choice_is_to_stay(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("q", "enter")
        assert app.is_running
        await pilot.press("q", "j", "enter")
    assert app.return_value is Ending.DETACH


async def test_control_c_twice_stops_from_anywhere(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "ctrl+c")
        assert app.is_running
        await pilot.press("ctrl+c")
    assert app.return_value is Ending.STOP


async def test_another_key_from_the_keymap_replaces_the_usual_one(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path, keymap=Keymap({"view.pause": ("f5",)}))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("p")
        assert "PAUSED" not in screen_text(app)
        await pilot.press("f5")
        assert "FROZEN" in screen_text(app)
        assert "f5 pause" in screen_text(app)


async def test_what_the_table_shows_is_written_as_csv(tmp_path: Path) -> None:
    app = app_of(snapshot(miners=(miner(1), miner(2, name="=evil"), miner(3))), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "j", "space", "e")
        (file,) = (tmp_path / "exports").glob("miners-*.csv")
    header, row = file.read_text().splitlines()
    assert header.startswith("uid,name,hotkey")
    assert row.startswith("2,'=evil,")


async def test_what_is_taken_along_is_data_and_not_its_display(tmp_path: Path) -> None:
    shown = miner(2, stake=12_410.25, weight=0.25, last_answer_at=1_700_000_000.0, ema=0.123456789)
    app = app_of(snapshot(miners=(shown,)), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "e")
        (file,) = (tmp_path / "exports").glob("miners-*.csv")
        await pilot.press("Y")
        copied = json.loads(app.clipboard)
    (row,) = csv.DictReader(file.read_text().splitlines())
    assert (row["hotkey"], row["stake"], row["weight"]) == (shown.hotkey, "12410.25", "0.25")
    assert (row["seen"], row["state"], row["ema"]) == ("2023-11-14T22:13:20Z", "active", "0.123457")
    assert copied["hotkey"] == shown.hotkey
    assert (copied["uid"], copied["stake"], copied["ok"]) == (2, 12_410.25, 0.9)


async def test_the_digit_of_the_screen_in_front_goes_to_its_top(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "enter")
        await pilot.pause()
        assert len(app.screen_stack) == 2
        await pilot.press("3")
        await pilot.pause()
        assert len(app.screen_stack) == 1
        assert "Miners  sort EMA" in screen_text(app)


async def test_a_filter_starts_empty_and_the_up_arrow_brings_the_last_one_back(tmp_path: Path) -> None:
    app = app_of(snapshot(miners=(miner(1), miner(88))), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "/", *"uid:88", "enter", "/", *"uid:1", "enter")
        table = app.screen.query_one(LiveTable)
        assert [row.uid for row in table.rows] == [1]
        await pilot.press("escape", "/", "up", "enter")
        assert [row.uid for row in table.rows] == [1]
        assert table.view.filter == "uid:1"


async def test_home_turns_to_its_other_two_panels_where_there_is_no_room_for_four(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.pause()
        assert "Leaderboard" in screen_text(app)
        assert "Consensus" not in screen_text(app)
        await pilot.press("t")
        await pilot.pause()
        assert "Leaderboard" not in screen_text(app)
        assert "Consensus" in screen_text(app) and "Weights ─" in screen_text(app)
        await pilot.press("t")
        await pilot.pause()
        assert "Leaderboard" in screen_text(app)
    wide = app_of(snapshot(), tmp_path)
    async with wide.run_test(size=WIDE) as pilot:
        await pilot.press("t")
        assert toasts(wide)[-1] == "all panels are on this screen"
        assert all(
            title in screen_text(wide) for title in ("Challenge in flight", "Consensus", "Leaderboard", "Weights ─")
        )


async def test_the_screen_is_taken_as_picture_and_as_text(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("S")
        (text,) = (tmp_path / "exports").glob("screen-*.txt")
        (picture,) = (tmp_path / "exports").glob("screen-*.svg")
    assert "[1 Home]" in text.read_text()
    assert picture.read_text().startswith("<svg")


async def test_columns_are_switched_off_and_sorting_is_chosen(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "v", "j", "enter", "escape")
        table = app.screen.query_one(LiveTable)
        assert table.view.hidden == {"name"}
        assert "miner-1" not in screen_text(app)
        await pilot.press("o", "g", "enter")
        assert table.view.sort == "uid"
        await pilot.press(">")
        assert table.view.sort == "hotkey"


async def test_a_pane_takes_the_whole_screen_and_gives_it_back(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("z")
        await pilot.pause()
        assert "Challenge in flight" not in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert "Challenge in flight" in screen_text(app)
        assert app.current_mode == "home"


def parts_of_the_screen() -> list[type]:
    """Every screen, dialog and widget of ours, and the app."""
    load_screens()
    found: list[type] = []
    waiting: list[type] = [ConsoleApp, Screen, Widget]
    while waiting:
        part = waiting.pop()
        found.append(part)
        waiting += part.__subclasses__()
    return [*(part for part in found if part.__module__.startswith("console.")), Overlays, Copies, Travel]


@pytest.mark.parametrize("action", ACTIONS.values(), ids=ACTIONS)
def test_somebody_responds_to_every_action(action: Action) -> None:
    name = "do_" + action.id.replace(".", "_")
    assert action.is_for_the_engine or action.opens or any(hasattr(part, name) for part in parts_of_the_screen())


@pytest.mark.parametrize(
    ("keys", "panes"),
    [
        (["1"], ("Challenge in flight", "Attention", "Leaderboard")),
        (["1", "t"], ("Consensus", "Attention", "Weights")),
        (["4"], ("last set", "Plan vs chain", "Submissions")),
        (["7"], ("Doctor", "SETTING ")),
        (["3", "a"], ("Sybil groups", "Members")),
        (["3", "enter"], ("state ", "Rounds", "Why")),
    ],
)
@pytest.mark.parametrize("size", [(60, 16), (40, 10)])
async def test_tab_leads_to_every_pane_of_a_small_screen(
    keys: list[str], panes: tuple[str, ...], size: tuple[int, int], tmp_path: Path
) -> None:
    app = app_of(suspecting("applied"), tmp_path)
    async with app.run_test(size=size) as pilot:
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        seen = ""
        for _ in range(6):
            await pilot.pause()
            seen += screen_text(app)
            await pilot.press("tab")
        assert [pane for pane in panes if pane not in seen] == []
