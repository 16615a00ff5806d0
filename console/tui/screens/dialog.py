"""What dialogs share, and the simplest of them: a choice among a few."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.screen import ModalScreen

from console.present.text import Line
from console.tui.screens.keys import bindings_of
from console.tui.widgets.lines import Lines
from console.tui.widgets.options import Option, Options
from console.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from textual.binding import BindingType

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None], Generic[Answer], inherit_bindings=False):
    """A modal panel. Closed without an answer it gives None."""

    BINDINGS: ClassVar[list["BindingType"]] = [*bindings_of("dialog")]
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $paper 60%;
        & > Panel { width: auto; max-width: 96%; height: auto; max-height: 96%; background: $paper; padding: 0 1; }
        & Options { width: auto; max-width: 100%; height: auto; max-height: 20; }
    }
    """

    def do_dialog_cancel(self) -> None:
        self.dismiss(None)

    def do_dialog_next(self) -> None:
        self.focus_next()

    def do_dialog_previous(self) -> None:
        self.focus_previous()


class ChoiceDialog(Dialog[str]):
    """Some lines of text and a list under them; the answer is the id of an option."""

    def __init__(self, title: str, options: Sequence[Option], text: Sequence[Line] = (), *, current: str = "") -> None:
        super().__init__()
        self._current = current
        self._title = title
        self._options = options
        self._text = text

    def compose(self) -> ComposeResult:
        with Panel(self._title):
            if self._text:
                yield Lines(self._text, classes="fitted")
            yield Options(self._options)

    def on_mount(self) -> None:
        options = self.query_one(Options)
        options.show(self._options, self._current)
        options.focus()

    @on(Options.Chosen)
    def _choose(self, message: Options.Chosen) -> None:
        self.dismiss(message.option_id)
