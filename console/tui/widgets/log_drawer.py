"""The log under any screen."""

from collections.abc import Callable

from textual.app import ComposeResult

from console.screens.logs import content as logs
from console.tui.widgets.log_view import LogView
from console.tui.widgets.panel import Panel
from engine.logs import Log

PULL_S = 0.25


class LogDrawer(Panel, inherit_bindings=False):
    """It takes the records itself, so that the screen that it lies under knows nothing of it."""

    DEFAULT_CSS = "LogDrawer { height: 8; }"

    def __init__(self, log: Callable[[], Log]) -> None:
        super().__init__("Logs")
        self._log = log
        self._view = LogView()

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self.set_interval(PULL_S, self._pull)
        self.call_after_refresh(self._pull)

    def _pull(self) -> None:
        view = self._view
        if not view.is_attached or not self.screen.is_current:
            return
        view.read(self._log())
        self.caption(logs.title(view.look, follow=view.follow, shown=view.records), "tab goes there  L closes")
