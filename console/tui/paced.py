"""An application that takes what is typed key by key, and draws frame by frame, each once the one before it is done."""

from typing import Any, TypeVar

from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.screen import Screen

from console.tui.driver import OperatorDriver
from console.tui.painter import Painter
from console.tui.typeahead import KeyMark, TypeAhead

Result = TypeVar("Result")


class PacedApp(App[Result], inherit_bindings=False):
    """Textual's, between its driver and its screens."""

    def __init__(self) -> None:
        super().__init__(driver_class=OperatorDriver)
        self.painter = Painter(self)
        self.typeahead = TypeAhead(self)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, (events.Key, events.Paste)) and not event.is_forwarded:
            self.painter.key()
            await self.typeahead.add(event)
            return
        if isinstance(event, events.MouseEvent):
            self.painter.touched()
        await super().on_event(event)

    async def on_key_mark(self, mark: KeyMark) -> None:
        await self.typeahead.came_back(mark)
        if not self.typeahead.is_waiting:
            self.painter.key_done()

    def repaint(self) -> None:
        """Repaint everything."""
        self.painter.forget()
        self.refresh(layout=True)

    def answered(self, column: int) -> None:
        self.painter.answered(column)

    def delay_update(self, delay: float = 0.0) -> None:
        """Nothing: `switch_mode` asks for 50 ms without a paint, to hide a screen that is not ready."""

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        """Textual's way to the terminal."""
        if isinstance(renderable, (LayoutUpdate, ChopsUpdate)) and not self.is_headless:
            if self._running and not self._closed and not self._batch_count:
                self.painter.paint(renderable)
            self.post_display_hook()
        else:
            super()._display(screen, renderable)
