"""The places that have a digit, and the ways between them."""

import asyncio
from functools import partial
from typing import Any, ClassVar

from console.screens.registry import PLACES
from console.tui.screens import load_all, screen_of
from console.tui.screens.base import in_front
from console.tui.typeahead import TypeAheadApp
from console.tui.viewing import Viewing

FIRST_S = 1.0
"""Seconds after the first frame in which only the place in front is made."""

PAUSE_S = 0.25


class PlacesApp(TypeAheadApp, inherit_bindings=False):
    """An app that is always at one of the places; screens that are opened on top belong to it."""

    viewing: Viewing
    MODES: ClassVar[dict[str, Any]] = {place.name: partial(screen_of, place.name) for place in PLACES}
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
        for place in PLACES:
            await asyncio.sleep(PAUSE_S)
            if not self.is_running:
                return
            await self._init_mode(place.name)
            made = in_front(self._screen_stacks[place.name])
            if made is not None:
                made.call_later(made.make_ready, self.size, self._css_update_count)

    def go(self, name: str) -> None:
        """Go to a place. Before it is painted it has the picture of now in it and the size of the terminal."""
        if name == self.current_mode:
            return
        self._last_place = self.current_mode
        coming = in_front(self._screen_stacks.get(name, ()))
        if coming is not None and coming.has_panes:
            coming.fit(self.size)
            coming.receive(self.viewing.picture)
        self.switch_mode(name)

    def delay_update(self, delay: float = 0.0) -> None:
        """Nothing: `switch_mode` asks for 50 ms without a paint, lest one see a screen that is not ready."""

    def open(self, name: str, *subject: str) -> None:
        """Go to a place, or open another screen on top of the one in front; `subject` is what that is about."""
        if name in self.MODES:
            self.go(name)
        else:
            self.push_screen(screen_of(name, *subject))

    def back(self) -> None:
        """Out of a screen: to the one below it, else to Home."""
        if len(self.screen_stack) > 1:
            self.pop_screen()
        else:
            self.go("home")

    def do_nav_last(self) -> None:
        self.go(self._last_place)
