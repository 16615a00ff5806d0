"""A pilot for screen tests, which waits for pending work rather than for an idle processor."""

import asyncio
from typing import Any

from textual.message_pump import MessagePump
from textual.pilot import Pilot

from console.tui.app import ConsoleApp

PATIENCE_S = 60.0
QUIET_LAPS = 2
"""A handler that waits for another one's is in no queue: what it leads to shows one lap later."""


class PatientPilot(Pilot[Any]):
    """Returns when every key is taken, every message dealt with and everything painted.

    Textual's own pilot returns when the process has used little CPU for 20 ms: on an idle machine that is long after
    the work is done, on a busy one in the midst of it.
    """

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.app._press_keys([key])
            await self._settle()

    async def pause(self, delay: float | None = None) -> None:
        await (self._settle() if delay is None else super().pause(delay))

    async def _settle(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            quiet = 0
            while quiet < QUIET_LAPS and not self.app._exit and await self._wait_for_screen():
                self.app.screen._on_timer_update()
                quiet = quiet + 1 if self._is_quiet() else 0

    def _is_quiet(self) -> bool:
        app, screen = self.app, self.app.screen
        pumps: list[MessagePump] = [app, *screen.walk_children(with_self=True)]
        waits = (isinstance(app, ConsoleApp) and app.typeahead.is_waiting) or app._resize_event is not None
        dirty = screen._layout_required or screen._repaint_required or screen._recompose_required
        return not (waits or dirty or screen._dirty_widgets or screen._callbacks or any(map(_has_work, pumps)))


def _has_work(pump: MessagePump) -> bool:
    return bool(pump._next_callbacks) or not pump._message_queue.empty()


async def no_guess(min_sleep: float = 0, max_sleep: float = 0) -> None:
    """Stands in for Textual's guess, by the CPU time that was used, that there is nothing left to be done."""
