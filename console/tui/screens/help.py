"""The keys of a screen, and a field to find one in."""

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult

from console.present.text import Line
from console.tui.screens.dialog import Dialog
from console.tui.widgets.field import Field
from console.tui.widgets.lines import Lines
from console.tui.widgets.panel import Panel


class HelpOverlay(Dialog[None]):
    """`lines` gives the help for what was typed."""

    DEFAULT_CSS = """
    HelpOverlay > Panel { width: 90%; max-width: 100; height: 90%; }
    HelpOverlay Lines { height: 1fr; margin-top: 1; }
    """

    def __init__(self, title: str, lines: Callable[[str], Sequence[Line]]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        with Panel(self._title) as panel:
            panel.caption(self._title, "↑ ↓ pgup pgdn  esc")
            yield Field(hint="type to find a key")
            yield Lines()

    def on_mount(self) -> None:
        self.query_one(Lines).show(self._lines(""))

    @on(Field.Changed)
    def _typed(self, message: Field.Changed) -> None:
        text = self.query_one(Lines)
        text.show(self._lines(message.value))
        text.do_nav_top()

    def do_nav_down(self) -> None:
        self.query_one(Lines).do_nav_down()

    def do_nav_up(self) -> None:
        self.query_one(Lines).do_nav_up()

    def do_nav_page_down(self) -> None:
        self.query_one(Lines).do_nav_page_down()

    def do_nav_page_up(self) -> None:
        self.query_one(Lines).do_nav_page_up()
