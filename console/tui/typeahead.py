"""Keys that are typed ahead of the screen: each waits until all that the one before it set off has happened.

A key goes from the widget in focus up to the app, and what it sets off, a message, a dialog, a screen, follows the
same way. So a mark is sent that way behind it, a few times over: when it is back, whatever the key opened is there and
has the focus.
"""

import time
from collections import deque
from typing import Any

from textual import events
from textual.app import App
from textual.message import Message
from textual.timer import Timer

LAPS = 6
"""Steps of the longest way: a key, submitted, chosen, dismissed, answered, shown."""

AGAIN_S = 1.0
"""A mark may get lost in a screen that closes: another one follows it after so long."""

STUCK_S = 30.0
"""A screen that deals with nothing for so long, on however busy a machine, is broken: what is typed shall lead out."""


class KeyMark(Message):
    """Comes back to the app when what was before it has been dealt with."""

    def __init__(self, number: int, laps: int) -> None:
        super().__init__()
        self.number = number
        self.laps = laps


class TypeAhead:
    """Has an app take keys and pastes one at a time, in their order. The app hands on what comes, and its marks."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._typed: deque[events.Key | events.Paste] = deque()
        self._taken = 0
        self._taken_at = 0.0
        self._patience: Timer | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether a key is being dealt with."""
        return self._patience is not None

    async def add(self, event: events.Key | events.Paste) -> None:
        """Have it taken when its turn comes."""
        self._typed.append(event)
        if self._patience is None:
            await self._take()

    async def came_back(self, mark: KeyMark) -> None:
        """Once a mark has gone its laps, what was typed before it is dealt with."""
        if mark.number != self._taken or self._patience is None:
            return
        if mark.laps:
            self._send(KeyMark(mark.number, mark.laps - 1))
        else:
            self._patience.stop()
            self._patience = None
            if self._typed:
                await self._take()

    async def _take(self) -> None:
        """Take the key that has waited longest; when the last screen is gone, none is taken any more."""
        if not self._app.screen_stack:
            self._typed.clear()
            return
        self._taken += 1
        self._taken_at = time.monotonic()
        self._patience = self._app.set_interval(AGAIN_S, self._send_again)
        await App.on_event(self._app, self._typed.popleft())
        self._send(KeyMark(self._taken, LAPS))

    async def _send_again(self) -> None:
        if time.monotonic() - self._taken_at < STUCK_S:
            self._send(KeyMark(self._taken, LAPS))
        else:
            await self.came_back(KeyMark(self._taken, 0))

    def _send(self, mark: KeyMark) -> None:
        app = self._app
        if app.is_running and app.screen_stack and not (app.focused or app.screen).post_message(mark):
            app.post_message(mark)
