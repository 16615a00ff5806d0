"""The palette: type a few letters of anything, and take it."""

from collections.abc import Callable, Sequence

from textual import on
from textual.app import ComposeResult

from console.screens.palette.content import Found
from console.tui.screens.dialog import Dialog
from console.tui.widgets.options import Field, Option, Options
from console.tui.widgets.panel import Panel


class Palette(Dialog[Found]):
    """Shows what `find` finds for what is typed."""

    DEFAULT_CSS = """
    Palette { align: center top; }
    Palette > Panel { width: 90%; max-width: 110; margin-top: 2; }
    Palette Options { width: 1fr; max-height: 16; }
    """

    def __init__(self, find: Callable[[str], Sequence[Found]], typed: str = "") -> None:
        super().__init__()
        self._find = find
        self._typed_before = typed
        self._found: Sequence[Found] = ()

    def compose(self) -> ComposeResult:
        with Panel("Command") as panel:
            panel.caption("Command", "↑ ↓ enter  esc")
            yield Field(hint="a few letters, uid 88, at 14:05, theme night, q")
            yield Options()

    def on_mount(self) -> None:
        field = self.query_one(Field)
        field.value = self._typed_before
        field.cursor_position = len(self._typed_before)
        self._show(self._typed_before)

    @on(Field.Changed)
    def _typed(self, message: Field.Changed) -> None:
        self._show(message.value)

    def _show(self, typed: str) -> None:
        self._found = self._find(typed)
        options = self.query_one(Options)
        options.show([Option(str(index), one.line) for index, one in enumerate(self._found)], "0")
        options.refresh(layout=True)

    def do_nav_down(self) -> None:
        self.query_one(Options).do_nav_down()

    def do_nav_up(self) -> None:
        self.query_one(Options).do_nav_up()

    @on(Field.Submitted)
    def do_nav_open(self) -> None:
        self.query_one(Options).do_nav_open()

    @on(Options.Chosen)
    def _choose(self, message: Options.Chosen) -> None:
        self.dismiss(self._found[int(message.option_id)])
