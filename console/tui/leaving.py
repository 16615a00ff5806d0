"""Out of the console by keys: what `q` asks, and ctrl+c, which asks once."""

import time
from typing import TYPE_CHECKING

from console.present.text import line
from console.tui.ending import Ending
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.dialog import ChoiceDialog
from console.tui.widgets.options import Option

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

TWICE_S = 2.0
"""Two ctrl+c within this time stop the engine."""

CHOICES = (
    Option("stay", line("Stay")),
    Option("detach", line("Detach: close the screen, the engine goes on")),
    Option("stop", line("Stop the engine and quit")),
)
ENDINGS = {"detach": Ending.DETACH, "stop": Ending.STOP}


class Leaving:
    """Has the app leave as the operator wants it."""

    def __init__(self, app: "ConsoleApp") -> None:
        self._app = app
        self._interrupted_at = float("-inf")

    def quit(self) -> None:
        """Back by one place; from Home, ask how to leave. Without a running engine there is no choice."""
        app = self._app
        if app.current_mode != "home" or len(app.screen_stack) > 1:
            app.back()
        elif app.picture.mode == "ended" or app.viewing.is_replay:
            app.leave(Ending.DONE)
        else:
            app.push_screen(ChoiceDialog("Leave", CHOICES), self._leave_as_chosen)

    def interrupt(self) -> None:
        """The first time as `quit`, the second time stop all."""
        now = time.monotonic()
        if now - self._interrupted_at < TWICE_S:
            self._app.leave(Ending.STOP)
            return
        self._interrupted_at = now
        if isinstance(self._app.screen, ConsoleScreen):
            self.quit()

    def _leave_as_chosen(self, choice: str | None) -> None:
        if choice in ENDINGS:
            self._app.leave(ENDINGS[choice])
