"""A replay through the keyboard: every screen at a given moment, the timeline, and what needs an engine."""

import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from console.record.folder import FolderRecord
from console.record.player import Player, playing
from console.screens.challenge.screen import ChallengeScreen
from console.screens.keymap import Keymap
from console.tui.app import ConsoleApp
from console.tui.endings import Ending
from console.widgets.live_table import LiveTable
from engine.commands import Pause
from engine.snapshot import LogLine, MinerView
from engine.store.schema import FILE_NAME
from tests.unit.recorded_helpers import (
    app_with,
    folder_with,
    record_suspects,
    rounds_split,
    shows,
    snapshot_of,
    split_round,
    until,
)
from tests.unit.store_helpers import T0
from tests.unit.tui_helpers import NARROW, WIDE, app_of, attention, feed_of, screen_text, toasts

ROUNDS = 12
LAST = "2026-02-02 02:51:00 UTC  round 12 of 12"
Sized = pytest.mark.parametrize("size", [NARROW, WIDE])


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    folder = await folder_with(tmp_path, rounds_split(ROUNDS))
    lines = [LogLine(T0 + 60 * number, "INFO", "engine", f"record {number}") for number in range(ROUNDS)]
    (folder / "logs").mkdir()
    (folder / "logs" / "console.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, lines)) + b"\n")
    return folder


@pytest.fixture
def player(folder: Path) -> Iterator[Player]:
    with playing(Player(FolderRecord(folder))) as started:
        yield started


@pytest.fixture
def app(player: Player, tmp_path_factory: pytest.TempPathFactory) -> ConsoleApp:
    own = tmp_path_factory.mktemp("own")
    return ConsoleApp(player, folder=own, keymap=Keymap(), terminal=1, past=player)


async def brought(pilot: Pilot[Any], app: ConsoleApp, holds: Callable[[], bool]) -> None:
    """Wait for what the player brings."""

    def pulled() -> bool:
        app.pull()
        return holds()

    await until(pilot, pulled)


async def seen(pilot: Pilot[Any], app: ConsoleApp, text: str) -> None:
    await brought(pilot, app, shows(app, text))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


@Sized
async def test_the_header_says_that_it_is_a_replay_and_where_it_is(app: ConsoleApp, size: tuple[int, int]) -> None:
    async with app.run_test(size=size) as pilot:
        await seen(pilot, app, LAST)
        assert "REPLAY sn78" in screen_text(app)
        for keys, place in (("[", 11), ("{", 1), ("]", 2), ("}", 12), ("(", 1), (")", 12)):
            await pilot.press(keys)
            await seen(pilot, app, f"round {place} of 12")
        await pilot.press("]")
        await brought(pilot, app, lambda: "this is the last recorded round" in toasts(app))
        assert re.search(r"━+●  \[ \] one  { } ten  \( \) ends  \. play  \+ pace  :at", screen_text(app))


async def test_every_screen_shows_the_instant_and_says_what_is_not_recorded(app: ConsoleApp) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("(", "]", "]")
        await seen(pilot, app, "round 3 of 12")
        assert "3 of 12 in 11m00s" in screen_text(app)
        assert "not recorded: the log has what was said then" in screen_text(app)
        await pilot.press("2")
        await until(pilot, shows(app, "Challenges  sort TIME ▼  3 "))
        await pilot.press("3")
        await until(pilot, shows(app, "Miners  sort EMA ▼  7 "))
        await pilot.press("4")
        await until(pilot, shows(app, "scores at that time"))
        assert "not in a replay" in screen_text(app)
        await pilot.press("5")
        await until(pilot, shows(app, "Not recorded: servers, services"))
        await pilot.press("6")
        await until(pilot, shows(app, "record 2"))
        assert "record 3" not in screen_text(app)
        await pilot.press("[")
        await seen(pilot, app, "round 2 of 12")
        await brought(pilot, app, lambda: "record 2" not in screen_text(app))
        await pilot.press("7")
        await until(pilot, shows(app, "12 rounds of netuid 78"))
        await until(pilot, shows(app, "schema"))


@Sized
async def test_suspects_are_shown_of_the_last_round_and_said_not_to_be_recorded_before(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    await record_suspects(tmp_path, rounds_split(ROUNDS))
    with playing(Player(FolderRecord(tmp_path))) as player:
        app = ConsoleApp(player, folder=tmp_path, keymap=Keymap(), terminal=1, past=player)
        async with app.run_test(size=size) as pilot:
            await pilot.press("3")
            await seen(pilot, app, "▲ 1 sybil group  a evidence")
            await pilot.press("a")
            await seen(pilot, app, "● copy   1.00 2 ← 1")
            assert "○ waived    - 3" in screen_text(app)
            assert "as of the last recorded round; the penalty rule is not recorded" in screen_text(app)
            await pilot.press("b")
            assert toasts(app)[-1].endswith("not in a replay")
            await pilot.press("[")
            await seen(pilot, app, "suspects of this round are not recorded")
            assert "● copy" not in screen_text(app)
            await pilot.press("escape")
            await seen(pilot, app, "not recorded: stake, incentive, suspects")
            await pilot.press("enter")
            await seen(pilot, app, "stake not recorded")


async def test_a_miner_has_no_rounds_of_later(app: ConsoleApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("(", "]", "]", "3", "enter")
        await seen(pilot, app, "round 3 of 12")
        await until(pilot, shows(app, "Rounds  sort TIME ▼  3 "))
        await pilot.press("]")
        await seen(pilot, app, "Rounds  sort TIME ▼  4 ")


async def test_an_open_challenge_and_the_instant_go_together(app: ConsoleApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await seen(pilot, app, LAST)
        await pilot.press("2", "j", "j", "enter")
        await until(pilot, shows(app, "scored  round 10 of 12"))
        await pilot.press("[")
        await seen(pilot, app, "UTC  round 9 of 12")
        await until(pilot, shows(app, "scored  round 9 of 12"))
        await pilot.press("(")
        await seen(pilot, app, "scored  round 1 of 12")
        await pilot.press(":", *"live", "enter")
        await seen(pilot, app, "scored  round 12 of 12")


async def test_it_plays_and_stops(app: ConsoleApp, player: Player) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("(")
        await seen(pilot, app, "‖ 1x")
        await pilot.press("+", "+", "+", ".")
        await seen(pilot, app, "round 12 of 12")
        await seen(pilot, app, "‖ max")


@pytest.mark.parametrize(
    ("typed", "where"),
    [
        ("at -2m", "02:49:00 UTC  round 10 of 12"),
        ("at -90s", "02:49:30 UTC  round 10 of 12"),
        ("at 2026-02-02T02:45:10Z", "02:45:10 UTC  round 6 of 12"),
        ("at 1999-01-01", "02:40:00 UTC  round 1 of 12"),
        ("at now", LAST),
    ],
)
async def test_the_palette_leads_to_an_instant(app: ConsoleApp, typed: str, where: str) -> None:
    async with app.run_test(size=WIDE) as pilot:
        await seen(pilot, app, LAST)
        await pilot.press(":", *typed)
        await until(pilot, shows(app, "go to "))
        await pilot.press("enter")
        await seen(pilot, app, where)


async def test_what_is_not_a_time_is_said_while_it_is_typed(app: ConsoleApp) -> None:
    async with app.run_test(size=WIDE) as pilot:
        app.act("time.at")
        await pilot.press(*"soon")
        await until(pilot, shows(app, "✗ 'soon' is not a time: use 14:05"))
        await pilot.press("enter")
        assert "'soon' is not a time" in toasts(app)[-1]


async def test_nothing_is_sent_and_leaving_asks_nothing(app: ConsoleApp, player: Player) -> None:
    async with app.run_test(size=NARROW) as pilot:
        for action in ("chain.set_weights", "chain.register", "engine.pause", "attention.ack_all"):
            app.act(action)
            await pilot.pause()
            assert toasts(app)[-1].endswith("not in a replay")
        await pilot.press("q")
    assert not player.submit(Pause(), "1")
    assert app.return_value is Ending.DONE


async def test_exports_stay_out_of_the_folder(app: ConsoleApp, folder: Path) -> None:
    before = names(folder)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "e", "S")
        await until(pilot, lambda: any("screen-" in toast for toast in toasts(app)))
        assert not any(str(folder) in toast for toast in toasts(app))
    assert names(folder) == before


async def test_a_round_that_is_damaged_is_reported_and_the_rest_continues(app: ConsoleApp, folder: Path) -> None:
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute("UPDATE rounds SET clusters = 'no JSON' WHERE number = 3")
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("(", "]")
        await seen(pilot, app, "round 2 of 12")
        await pilot.press("]")
        await brought(pilot, app, lambda: any("damaged" in one for one in toasts(app)))
        await pilot.press("[")
        await seen(pilot, app, "round 2 of 12")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE replies SET hotkey = hotkey || char(27) || '[2J' WHERE round = 3",
        "UPDATE replies SET status = 'fine' WHERE round = 3",
        "UPDATE rounds SET profile = char(27) || ']52;c;aGk=' || char(7) WHERE number = 3",
        "UPDATE rounds SET source = char(155) || '2J' WHERE number = 3",
    ],
)
async def test_what_no_version_ever_wrote_is_refused_and_never_painted(
    app: ConsoleApp, folder: Path, change: str
) -> None:
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute(change)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2", "(", "]", "]")
        await brought(pilot, app, lambda: any("damaged" in one for one in toasts(app)))
        app.push_screen(ChallengeScreen("round-2"))
        await until(pilot, shows(app, "damaged"))
        assert all(one.isprintable() or one == "\n" for one in screen_text(app))
        await pilot.press("escape", "]")
        await seen(pilot, app, "round 4 of 12")


async def test_a_cluster_that_hides_text_is_refused_where_it_would_be_shown(app: ConsoleApp, folder: Path) -> None:
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute("UPDATE replies SET cluster = char(8238) || 'A' WHERE round = 3")
    async with app.run_test(size=WIDE) as pilot:
        app.push_screen(ChallengeScreen("round-2"))
        await until(pilot, shows(app, "damaged"))
        app.pop_screen()
        await pilot.press("3", "enter")
        await until(pilot, shows(app, "damaged"))
        assert all(one.isprintable() or one == "\n" for one in screen_text(app))


# -- beside a running engine -------------------------------------------------------------------------------------------


async def test_a_running_console_looks_back_and_returns(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(ROUNDS))
    async with app.run_test(size=WIDE) as pilot:
        assert "PAST" not in screen_text(app)
        await pilot.press("]")
        assert toasts(app)[-1] == "already at the present: there is nothing newer"
        await pilot.press("[")
        await seen(pilot, app, "PAST sn78  2026-02-02 02:50:00 UTC  round 11 of 12")
        assert ":live returns" in screen_text(app)
        feed_of(app).publish(replace(feed_of(app).snapshot, attention=(attention(1),)))
        await seen(pilot, app, "1 Home ▲1")
        app.act("engine.pause")
        await pilot.pause()
        assert toasts(app)[-1] == "pause challenges: this is the past: :live returns to the present"
        feed_of(app).publish(snapshot_of(tmp_path, rounds_split(ROUNDS + 1)))
        await pilot.press("2")
        await until(pilot, shows(app, "Challenges  sort TIME ▼  11 "))
        await pilot.press(":", *"live", "enter")
        await until(pilot, shows(app, "Challenges  sort TIME ▼  13 "))
        assert "PAST" not in screen_text(app)


async def test_at_leads_out_of_the_present(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(ROUNDS))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(":", *"at 2026-02-02T02:43:30Z", "enter")
        await seen(pilot, app, "PAST sn78  2026-02-02 02:43:30 UTC  round 4 of 12")
        await pilot.press("p")
        await pilot.press("]")
        await until(pilot, lambda: app.viewpoint.known.rounds_done == 5)
        assert "round 4 of 12" in screen_text(app)
        assert "FROZEN" in screen_text(app)


async def test_an_open_challenge_follows_into_the_past(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(ROUNDS))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "scored  round 12 of 12"))
        await pilot.press("(")
        await seen(pilot, app, "PAST")
        await seen(pilot, app, "scored  round 1 of 12")


async def test_where_nothing_is_recorded_the_present_stays(tmp_path: Path) -> None:
    app = app_of(snapshot_of(tmp_path, [split_round()]), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("[")
        await until(pilot, lambda: any("nothing has been stored yet" in toast for toast in toasts(app)))
        assert "PAST" not in screen_text(app)
    miner = app_of(replace(snapshot_of(tmp_path, []), role="miner"), tmp_path)
    async with miner.run_test(size=NARROW) as pilot:
        await pilot.press("[")
        assert toasts(miner)[-1] == "older: a miner records no rounds"


async def test_large_tables_keep_their_cursor_through_time(app: ConsoleApp) -> None:
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "j", "j")
        table: LiveTable[MinerView] = app.screen.query_one(LiveTable)
        chosen = table.current
        await pilot.press("[")
        await seen(pilot, app, "round 11 of 12")
        assert chosen is not None and table.current is not None
        assert (table.current.hotkey, table.current.rounds) == (chosen.hotkey, chosen.rounds - 1)
