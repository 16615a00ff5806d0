"""The keys of a screen, and a field to find one in."""

from textual import on
from textual.app import ComposeResult

from console.screens.dialogs import Dialog
from console.screens.help.content import help_lines
from console.screens.registry import actions_of
from console.widgets.lines import Reading
from console.widgets.option_list import Field
from console.widgets.panel import Panel


class HelpDialog(Dialog[None]):
    """`screen` is the name of the one that is asked about."""

    DEFAULT_CSS = """
    HelpDialog > Panel { width: 90%; max-width: 100; height: 90%; }
    HelpDialog Reading { height: 1fr; margin-top: 1; }
    """

    def __init__(self, screen: str) -> None:
        super().__init__()
        self._title = f"Keys of {screen}"
        self._actions = tuple(actions_of(screen))

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
        keymap = self.host.keymap
        self.query_one(Reading).read(find, lambda width, _height: help_lines(self._actions, keymap, width, find))

    def do_nav_down(self) -> None:
        self.query_one(Reading).do_nav_down()

    def do_nav_up(self) -> None:
        self.query_one(Reading).do_nav_up()

    def do_nav_page_down(self) -> None:
        self.query_one(Reading).do_nav_page_down()

    def do_nav_page_up(self) -> None:
        self.query_one(Reading).do_nav_page_up()
