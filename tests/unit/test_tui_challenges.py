"""Rounds through the keyboard: the list, one round in full, back and forth in time."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console.screens.challenge.screen import ChallengeScreen
from console.screens.miner.screen import MinerScreen
from console.tui.app import ConsoleApp
from console.widgets.live_table import LiveTable
from engine.snapshot.round_view import round_view
from tests.unit.recorded_helpers import (
    app_with,
    folder_with,
    hotkey,
    rounds_split,
    shows,
    snapshot_of,
    split_round,
    until,
)
from tests.unit.tui_helpers import NARROW, WIDE, app_of, feed_of, screen_text, toasts

Sized = pytest.mark.parametrize("size", [NARROW, WIDE])


def table_of(app: ConsoleApp) -> LiveTable[Any]:
    return app.screen.query_one(LiveTable)


def current(app: ConsoleApp) -> Any:
    return table_of(app).current


def place(app: ConsoleApp) -> type[object]:
    return type(app.screen)


@Sized
async def test_enter_opens_the_round_under_the_cursor(tmp_path: Path, size: tuple[int, int]) -> None:
    app = await app_with(tmp_path, rounds_split(3))
    async with app.run_test(size=size) as pilot:
        await pilot.press("2", "j", "enter")
        await until(pilot, shows(app, "round 2 of 3"))
        text = screen_text(app)
        assert "[2 Challenges]" in text
        assert "A   3  ████████          50%" in text
        assert "1 repeats the question, 1 timeout: no answer in 9 s" in text
        assert "• equals the known answer" in text
        await pilot.press("escape")
        assert current(app).id == "round-1"


async def test_home_turned_opens_a_round_as_well_and_escape_leads_back_there(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(3))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("t", "left", "enter")
        await until(pilot, shows(app, "round 2 of 3"))
        await pilot.press("escape")
        assert "[1 Home]" in screen_text(app)


async def test_a_wide_screen_shows_all_that_the_consensus_saw(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(1))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "Likeness  of the answers' vectors"))
        await until(pilot, shows(app, "▸A   1 ████▓▓"))
        text = screen_text(app)
        assert "What is 41 plus 1?" in text
        assert "◉" in text
        await pilot.press("j")
        assert " A   1 ████▓▓" in screen_text(app)
        assert "▸A   2 ████▓▓" in screen_text(app)


async def test_a_narrow_screen_shows_one_after_the_other(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(1))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 1 of 1"))
        assert "Likeness" not in screen_text(app)
        for expected in (
            "What is 41 plus 1?",
            "▸A   1 ████▓▓",
            "Map  of the answers' vectors",
            "• equals the known answer",
        ):
            await pilot.press("s")
            await until(pilot, shows(app, expected))


async def test_the_picture_of_a_round_is_written_and_its_place_said(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(1))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 1 of 1"))
        await pilot.press("E")
        await until(pilot, lambda: any("saved the picture of this round" in toast for toast in toasts(app)))
        (written,) = (tmp_path / "exports").iterdir()
        assert written.match("round-round-0-*.svg")
        assert "★ winner uid 1 miner-1" in written.read_text(encoding="utf-8")


async def test_a_round_of_an_earlier_version_has_no_picture(tmp_path: Path) -> None:
    app = await app_with(tmp_path, [replace(split_round(), likeness=None)])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "before likeness was kept"))
        await pilot.press("E")
        await until(pilot, lambda: any("not compared yet" in toast for toast in toasts(app)))
        assert not (tmp_path / "exports").exists()


async def test_clusters_are_gone_through_and_escape_shows_all_again(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(1))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 1 of 1"))
        table = table_of(app)
        await pilot.press("c", "c")
        assert [row.reply.uid for row in table.rows] == [4, 5]
        assert "filter cl:B  2 of 7" in screen_text(app)
        await pilot.press("C")
        assert [row.reply.uid for row in table.rows] == [1, 2, 3]
        await pilot.press("escape")
        assert len(table.rows) == 7
        assert place(app) is ChallengeScreen


async def test_brackets_step_through_time_and_say_where_it_ends(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(12))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 12 of 12"))
        assert "PAST" not in screen_text(app)
        await pilot.press("[", "[", "[")
        await until(pilot, shows(app, "round 9 of 12"))
        assert "PAST" in screen_text(app)
        await pilot.press("{")
        await until(pilot, shows(app, "round 1 of 12"))
        await pilot.press("[")
        await until(pilot, lambda: "there is no older round in the store" in toasts(app))
        await pilot.press("]")
        await until(pilot, shows(app, "round 2 of 12"))
        await pilot.press("}")
        await until(pilot, shows(app, "round 12 of 12"))


@pytest.mark.order
async def test_live_returns_to_the_newest_round_and_follows(tmp_path: Path) -> None:
    known = rounds_split(3)
    app = await app_with(tmp_path, known)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "G", "enter")
        await until(pilot, shows(app, "round 1 of 3"))
        await pilot.press(":", *"live", "enter")
        await until(pilot, shows(app, "round 3 of 3"))
        await folder_with(tmp_path, [split_round(3)])
        shown = feed_of(app).snapshot
        feed_of(app).publish(replace(shown, rounds=(*shown.rounds, round_view(split_round(3), recorded=True))))
        await until(pilot, shows(app, "round 4 of 4"))
        await pilot.press("[")
        await until(pilot, shows(app, "round 3 of 4"))


async def test_a_paused_picture_does_not_follow(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(2))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 2 of 2"))
        app.act("time.live")
        await pilot.press("p")
        await folder_with(tmp_path, [split_round(2)])
        feed_of(app).publish(snapshot_of(tmp_path, rounds_split(3)))
        app.pull()
        await pilot.pause()
        assert "round 2 of 2" in screen_text(app)
        await pilot.press("p")
        await until(pilot, shows(app, "round 3 of 3"))


async def test_a_reply_leads_to_its_miner_and_back_to_the_round(tmp_path: Path) -> None:
    app = await app_with(tmp_path, rounds_split(2))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 2 of 2"))
        await pilot.press("G")
        last = current(app)
        await pilot.press("enter")
        assert place(app) is MinerScreen
        await until(pilot, shows(app, f"Miner uid {last.reply.uid}"))
        await pilot.press("escape")
        assert place(app) is ChallengeScreen
        assert current(app) == last


async def test_long_answers_are_wrapped_until_the_operator_says_otherwise(tmp_path: Path) -> None:
    long = split_round()
    told = replace(long.replies[0], text="word " * 40 + "last")
    app = await app_with(tmp_path, [replace(long, replies=(told, *long.replies[1:]))])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "word last"))
        await pilot.press("w")
        await until(pilot, lambda: "word last" not in screen_text(app))
        await pilot.press("w")
        await until(pilot, shows(app, "word last"))


async def test_the_preview_follows_the_cursor(tmp_path: Path) -> None:
    first, second = rounds_split(2)
    asked = replace(second.challenge, request=replace(second.challenge.request, prompt="And what is 2 plus 2?"))
    app = await app_with(tmp_path, [first, replace(second, challenge=asked)])
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until(pilot, shows(app, "And what is 2 plus 2?"))
        assert "A   3  ████████          50%" in screen_text(app)
        assert f"   7 {'miner-7':<12} -" in screen_text(app)
        await pilot.press("j")
        await until(pilot, shows(app, "What is 41 plus 1?"))


@Sized
async def test_a_round_that_is_not_stored_is_marked(tmp_path: Path, size: tuple[int, int]) -> None:
    known = rounds_split(1)
    await folder_with(tmp_path, [])
    app = app_of(snapshot_of(tmp_path, known), tmp_path)
    async with app.run_test(size=size) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round round-0 is not in the store:"))
        assert app.is_running


async def test_an_unreadable_store_is_reported(tmp_path: Path) -> None:
    app = app_of(snapshot_of(tmp_path / "gone", rounds_split(1)), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2")
        await until(pilot, shows(app, "does not exist: nothing"))
        await pilot.press("3", "j", "enter")
        await until(pilot, shows(app, "nothing has been stored yet"))
        await until(pilot, shows(app, hotkey(2)))


@pytest.mark.order
@Sized
async def test_the_answers_of_two_clusters_are_compared_word_by_word(tmp_path: Path, size: tuple[int, int]) -> None:
    app = await app_with(tmp_path, rounds_split(1))
    async with app.run_test(size=size) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 1 of 1"))
        await pilot.press("d")
        await until(pilot, shows(app, "words in both"))
        text = screen_text(app)
        assert "[-No, the year 1800-] has" in text
        assert "{+Yes, it+} has {+one.+}" in text
        assert (" │ uid 4" in text) == (size == WIDE)
        await pilot.press("j", "escape")
        await pilot.pause()
        assert place(app) is ChallengeScreen


@pytest.mark.order
async def test_two_marked_answers_are_compared_and_three_are_one_too_many(tmp_path: Path) -> None:
    known = rounds_split(1)
    long = replace(known[0].replies[3], text="b a " * 250_000)
    known[0] = replace(known[0], replies=(*known[0].replies[:3], long, *known[0].replies[4:]))
    app = await app_with(tmp_path, known)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("2", "enter")
        await until(pilot, shows(app, "round 1 of 1"))
        await pilot.press("o", "g", "enter", "O", "g", *("j",) * 3, "space", "space")
        assert {row.reply.uid for row in table_of(app).chosen} == {4, 5}
        await pilot.press("d")
        await until(pilot, shows(app, "only the first 1,000 words"))
        await pilot.press("G", "escape", "space", "d")
        await pilot.pause()
        assert toasts(app)[-1] == "compare: mark two replies, not 3"
