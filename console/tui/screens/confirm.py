"""Asks before something that matters: what would change, Cancel first, and the netuid typed on a real network."""

from textual import on
from textual.app import ComposeResult

from console.present.questions import Question
from console.present.text import Span, line
from console.tui.screens.dialog import Dialog
from console.tui.widgets.field import Field
from console.tui.widgets.lines import Lines
from console.tui.widgets.options import Option, Options
from console.tui.widgets.panel import Panel

CANCEL = Option("no", line("Cancel"))


class ConfirmDialog(Dialog[bool]):
    """The answer is True only for a yes."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question

    def compose(self) -> ComposeResult:
        with Panel(self._question.title):
            yield Lines(self._question.lines, classes="fitted")
            if self._question.typed:
                yield Lines([line(f"Type {self._question.typed} to go on:")], classes="fitted")
                yield Field(id="typed")
            yield Options([CANCEL, self._yes()])

    def on_mount(self) -> None:
        self.query_one(Options).focus()

    def _yes(self) -> Option:
        """The option to go on, which says so when something has to be typed before."""
        ready = not self._question.typed or self._typed == self._question.typed
        return Option("yes", line(Span(self._question.yes, "" if ready else "muted")))

    @property
    def _typed(self) -> str:
        return self.query_one(Field).value.strip() if self.is_mounted else ""

    @on(Field.Changed)
    def _retype(self) -> None:
        self.query_one(Options).show([CANCEL, self._yes()])

    @on(Options.Chosen)
    def _choose(self, message: Options.Chosen) -> None:
        if message.option_id == "no":
            self.dismiss(False)
        elif self._question.typed and self._typed != self._question.typed:
            self.query_one(Field).focus()
        else:
            self.dismiss(True)

    @on(Field.Submitted)
    def _typed_it(self) -> None:
        self.query_one(Options).focus()
