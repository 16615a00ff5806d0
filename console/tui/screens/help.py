"""The keys of a screen, and a field to find one in."""

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult

from console.present.text import Line
from console.tui.screens.dialog import Dialog
from console.tui.widgets.lines import Reading
from console.tui.widgets.options import Field
from console.tui.widgets.panel import Panel


class HelpOverlay(Dialog[None]):
    """`lines` gives the help for what was typed, in so many columns."""

    DEFAULT_CSS = """
    HelpOverlay > Panel { width: 90%; max-width: 100; height: 90%; }
    HelpOverlay Reading { height: 1fr; margin-top: 1; }
    """

    def __init__(self, title: str, lines: Callable[[str, int], Sequence[Line]]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        with Panel(self._title) as panel:
            panel.caption(self._title, "↑ ↓ pgup pgdn  esc")
            yield Field(hint="type to find a key")
            yield Reading()

    def on_mount(self) -> None:
        self._read("")

    @on(Field.Changed)
    def _typed(self, message: Field.Changed) -> None:
        self._read(message.value)

    def _read(self, find: str) -> None:
        self.query_one(Reading).read(find, lambda width, _height: self._lines(find, width))

    def do_nav_down(self) -> None:
        self.query_one(Reading).do_nav_down()

    def do_nav_up(self) -> None:
        self.query_one(Reading).do_nav_up()

    def do_nav_page_down(self) -> None:
        self.query_one(Reading).do_nav_page_down()

    def do_nav_page_up(self) -> None:
        self.query_one(Reading).do_nav_page_up()
