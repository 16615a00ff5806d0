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


class ConfirmDialog(Dialog[str]):
    """The answer is what was typed into the question's entry, "" without one; None is a no."""

    def __init__(self, question: Question) -> None:
        super().__init__()
        self._question = question
        self._entered = question.entry.value if question.entry else ""
        self._typed = ""

    def compose(self) -> ComposeResult:
        entry = self._question.entry
        with Panel(self._question.title):
            yield Lines(self._question.lines, classes="fitted")
            if entry:
                yield Lines([line(entry.label)], classes="fitted")
                yield Field(value=entry.value, id="entry")
            if self._question.typed:
                yield Lines([line(f"Type {self._question.typed} to go on:")], classes="fitted")
                yield Field(id="typed")
            yield Options([CANCEL, self._yes()])

    def on_mount(self) -> None:
        for text in self.query(Lines):
            text.can_focus = False
        self.query_one(Options).focus()

    def _yes(self) -> Option:
        """The option to go on, with what is still missing."""
        _, missing = self._missing()
        content = line(Span(f"{self._question.yes}  ✗ {missing}", "muted")) if missing else line(self._question.yes)
        return Option("yes", content, "y")

    def _missing(self) -> tuple[str, str]:
        """The field that is not right yet and why, two empty texts when all is."""
        entry, typed = self._question.entry, self._question.typed
        reason = entry.check(self._entered) if entry else ""
        if reason:
            return "#entry", reason
        return ("#typed", f"type {typed} first") if typed and self._typed.strip() != typed else ("", "")

    @on(Field.Changed, "#entry")
    def _enter(self, message: Field.Changed) -> None:
        self._entered = message.value
        self._show_yes()

    @on(Field.Changed, "#typed")
    def _type(self, message: Field.Changed) -> None:
        self._typed = message.value
        self._show_yes()

    def _show_yes(self) -> None:
        options = self.query_one(Options)
        options.show([CANCEL, self._yes()])
        options.refresh(layout=True)

    @on(Options.Chosen)
    def _choose(self, message: Options.Chosen) -> None:
        field, _ = self._missing()
        if message.option_id == "no":
            self.dismiss(None)
        elif field:
            self.query_one(field, Field).focus()
        else:
            self.dismiss(self._entered.strip())

    @on(Field.Submitted)
    def _next(self) -> None:
        self.focus_next()
