"""Brings what an application shows to its terminal: as fast as that takes the frames, and only what changed."""

import time
from asyncio import TimerHandle
from collections.abc import Iterable
from typing import Any

from rich.color import ColorSystem
from rich.control import Control
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.strip import Strip

from console.tui.canvas import Canvas
from console.tui.pace import FramePace

Pieces = dict[int, list[tuple[int, Strip]]]

KEY_FRAME_S, SETTLING_S = 0.05, 1 / 50
"""How long a frame waits at most until a key has set off all that it does, and then until that is laid out: another
screen is one frame."""


class Painter:
    """Draws the updates of an app, or draws everything later in their place."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._canvas = Canvas(app.console._color_system or ColorSystem.TRUECOLOR)
        self._pace = FramePace()
        self._size = app.size
        self._held_until = float("-inf")
        self._held = False
        """Whether something waits for what a key sets off."""
        self._everything = True
        """Whether something was left out that only a look at the whole screen brings back."""
        self._soon: TimerHandle | None = None

    @property
    def lag(self) -> float:
        """For how many seconds what is drawn now will have been on its way before it is seen."""
        return self._pace.age(time.monotonic())

    # -- what happens ----------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """The terminal was written to by somebody else, or lost what it was sent."""
        self._canvas.forget()
        self._pace.restart()
        self._everything = True

    def key(self) -> None:
        """Something was typed; `key_done` says when all that it sets off has happened."""
        now = time.monotonic()
        self._pace.key(now)
        if not self._held:
            self._held_until = now + KEY_FRAME_S

    def key_done(self) -> None:
        now = time.monotonic()
        self._pace.key(now)
        self._held_until = min(self._held_until, now + SETTLING_S)
        self.go_on()

    def touched(self) -> None:
        """Something was done with the mouse."""
        self._pace.key(time.monotonic())

    def answered(self, column: int) -> None:
        """The terminal has what was sent up to this question."""
        self._pace.answered(column, time.monotonic())
        self.go_on()

    # -- frames ----------------------------------------------------------------------------------------------------

    def paint(self, update: LayoutUpdate | ChopsUpdate) -> None:
        """Draw an update, if its time has come."""
        if self._size != self._app.size:
            self._size = self._app.size
            self._canvas.forget()
            self._everything = True
        if self._wait() > 0:
            self._everything = True
            self._held = self._held or time.monotonic() < self._held_until
            self.go_on()
        elif self._everything:
            self._paint_everything()
        else:
            self._send(_pieces(update))

    def go_on(self) -> None:
        """Draw what was left out, now or when its time comes."""
        now = time.monotonic()
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._pace.is_overdue(now):
            self._driver_write(self._pace.question(now))
        if not self._everything or not self._app.is_running:
            return
        wait = self._wait()
        if wait <= 0:
            self._paint_everything()
        elif wait != float("inf") and self._app._loop is not None:
            self._soon = self._app._loop.call_later(wait, self.go_on)

    def _wait(self) -> float:
        now = time.monotonic()
        return max(self._pace.wait(now), self._held_until - now)

    def _paint_everything(self) -> None:
        app = self._app
        if app._batch_count or not app._screen_stack:
            return
        try:
            with app._context():
                update = app.screen._compositor.render_update(full=True, screen_stack=app._background_screens)
                self._send(_pieces(update))
        except Exception as error:  # a widget's: it ends the screen as anywhere else
            app._handle_exception(error)
        self._everything = False

    def _send(self, pieces: Pieces) -> None:
        app, self._held = self._app, False
        text = self._canvas.difference(pieces)
        if not text:
            return
        begin, end = (SYNC_START, SYNC_END) if app._sync_available else ("", "")
        cursor = Control.move_to(*app.screen.outer_size.clamp_offset(app.cursor_position)).segment.text
        self._driver_write(begin + text + end + self._pace.question(time.monotonic()) + cursor)

    def _driver_write(self, text: str) -> None:
        if self._app._driver is not None:
            self._app._driver.write(text)


def _pieces(update: Any) -> Pieces:
    """What an update has for each row, from column to column."""
    found: Pieces = {}
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            found[y] = list(_side_by_side(update.region.x, strips))
    elif isinstance(update, ChopsUpdate):
        for y, first, last in update.spans:
            for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
                if strip is not None and x < last and end > first:
                    begin = max(x, first)
                    found.setdefault(y, []).append((begin, strip.crop(begin - x, min(end, last) - x)))
    return found


def _side_by_side(x: int, strips: Iterable[Strip]) -> Iterable[tuple[int, Strip]]:
    for strip in strips:
        yield x, strip
        x += strip.cell_length
