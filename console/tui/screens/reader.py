"""A few lines to read, over the screen that they belong to."""

from collections.abc import Sequence

from textual.app import ComposeResult

from console.present.text import Line
from console.tui.screens.dialog import Dialog
from console.tui.widgets.lines import Lines
from console.tui.widgets.panel import Panel

READER_WIDTH = 70
"""The width that lines for it are made for: it fits 80 columns."""


class Reader(Dialog[None]):
    """Closed with escape."""

    def __init__(self, title: str, content: Sequence[Line]) -> None:
        super().__init__()
        self._title = title
        self._content = content

    def compose(self) -> ComposeResult:
        with Panel(self._title) as panel:
            panel.caption(self._title, "esc")
            yield Lines(self._content, classes="fitted")
