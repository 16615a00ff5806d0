"""Two answers of a round, word by word, over the screen that they belong to."""

import asyncio

from textual import work
from textual.app import ComposeResult

from console.present.recorded import ReplyRow
from console.present.text import Span, line
from console.screens.challenge import replies
from console.screens.challenge.consensus import answer_of
from console.screens.challenge.difference import compare, view
from console.tui.screens.dialog import Dialog
from console.tui.widgets.lines import Reading
from console.tui.widgets.panel import Panel

TITLE = "Two answers, word by word"


class DifferenceDialog(Dialog[None]):
    """Closed with escape."""

    DEFAULT_CSS = """
    DifferenceDialog > Panel { width: 96%; height: 90%; }
    """

    def __init__(self, one: ReplyRow, other: ReplyRow) -> None:
        super().__init__()
        self._rows = one, other

    def compose(self) -> ComposeResult:
        with Panel(TITLE) as panel:
            panel.caption(TITLE, "↑ ↓ pgup pgdn  esc")
            yield Reading([line(Span("comparing…", "muted"))])

    def on_mount(self) -> None:
        self.query_one(Reading).focus()
        self._compare()

    @work
    async def _compare(self) -> None:
        one, other = self._rows
        found = await asyncio.to_thread(compare, answer_of(one), answer_of(other))
        titles = replies.title(one), replies.title(other)
        self.query_one(Reading).read(found, lambda width, _height: view(found, titles, width))
