"""Switching between screens: each is ready in advance, and is painted with the current picture."""

from pathlib import Path

import pytest
from textual.screen import Screen

from console.screens.base import ConsoleScreen
from console.screens.registry import PLACES
from console.tui import app as application
from tests.unit.tui_helpers import NARROW, WIDE, app_of, feed_of, miner, screen_text, snapshot


async def test_every_place_is_made_before_somebody_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "PRELOAD_S", 0.0)
    monkeypatch.setattr(application, "BETWEEN_S", 0.0)
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW):
        await app.workers.wait_for_complete()
        for name in (place.name for place in PLACES):
            app.go(name)
            assert isinstance(app.screen, ConsoleScreen)
            assert app.screen.has_panes


async def test_the_footer_says_where_q_leads(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        assert "q quit…" in screen_text(app)
        await pilot.press("3")
        await pilot.pause()
        assert "q back" in screen_text(app)
        assert "q quit…" not in screen_text(app)


async def test_a_place_that_is_made_ahead_examines_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "PRELOAD_S", 0.0)
    monkeypatch.setattr(application, "BETWEEN_S", 0.0)
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await app.workers.wait_for_complete()
        assert not [worker for worker in app.workers if worker.group == "doctor"]
        await pilot.press("7")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "checking everything" not in screen_text(app)


async def test_a_place_is_not_painted_before_the_picture_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(snapshot(miners=(miner(1, name="seen-first"),)), tmp_path)
    painted = []
    display = app._display

    def paint(screen: Screen[object], update: object) -> None:
        display(screen, update)
        painted.append(screen_text(app))

    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3", "1")
        await pilot.pause()
        feed_of(app).publish(snapshot(miners=(miner(1, name="seen-next"),)))
        monkeypatch.setattr(app, "_display", paint)
        await pilot.press("3")
        await pilot.pause()
        assert painted
        assert not any("seen-first" in text for text in painted if "[3 Miners]" in text)


async def test_a_place_is_not_painted_for_the_size_that_the_terminal_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_of(snapshot(), tmp_path)
    painted = []
    display = app._display

    def paint(screen: Screen[object], update: object) -> None:
        if update is not None and not app._batch_count:
            painted.append(screen_text(app))
        display(screen, update)

    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("2", "1")
        await pilot.resize_terminal(*NARROW)
        await pilot.pause()
        monkeypatch.setattr(app, "_display", paint)
        await pilot.press("2")
        await pilot.pause()
        assert painted
        assert not any("Consensus" in text for text in painted)


async def test_a_theme_that_is_changed_elsewhere_is_seen_at_a_place_that_was_visited_before(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("3")
        await pilot.pause()
        before = app.screen.styles.background
        await pilot.press("1")
        app.theme_files()
        app.theme = "day"
        await pilot.pause()
        await pilot.press("3")
        await pilot.pause()
        assert app.screen.styles.background != before
