"""The places that have a digit, and the ways between them."""

import asyncio
from contextlib import ExitStack
from functools import partial
from typing import Any, ClassVar

from console.tui.screens import SCREENS, load_all, screen_of
from console.tui.typeahead import TypeAheadApp

FIRST_S = 1.0
"""Seconds after the first frame in which only the place in front is made."""

PAUSE_S = 0.25


class PlacesApp(TypeAheadApp, inherit_bindings=False):
    """An app that is always at one of the places; screens that are opened on top belong to it."""

    MODES: ClassVar[dict[str, Any]] = {name: partial(screen_of, name) for name in SCREENS}
    DEFAULT_MODE = "home"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._last_place = self.DEFAULT_MODE

    def on_ready(self) -> None:
        self.run_worker(self._make_all())

    async def _make_all(self) -> None:
        """Make the other places while nobody waits for one, so that the first way there is as short as any."""
        await asyncio.sleep(FIRST_S)
        await asyncio.to_thread(load_all)
        for name in SCREENS:
            await asyncio.sleep(PAUSE_S)
            if not self.is_running:
                return
            await self._init_mode(name)

    def go(self, name: str) -> None:
        """Go to a place, which is painted when it has the picture in it."""
        if name != self.current_mode:
            self._last_place = self.current_mode
            until_it_has = ExitStack()
            until_it_has.enter_context(self.batch_update())
            self.switch_mode(name)
            self.screen.call_later(until_it_has.close)

    def delay_update(self, delay: float = 0.0) -> None:
        """Nothing: `switch_mode` asks for 50 ms without a paint, and `go` knows when there is something to paint."""

    def back(self) -> None:
        """Out of a screen: to the one below it, else to Home."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.go("home")

    def do_nav_last(self) -> None:
        self.go(self._last_place)
