"""Dialogs over a screen: a choice, a question before something that matters, switches, lines to read."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Generic, TypeVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from console.actions.action import Confirmation
from console.present.text import Line, Span, line
from console.screens.host import Host
from console.screens.registry import DIALOG, actions_of
from console.widgets.lines import Lines
from console.widgets.option_list import Field, Option, Options
from console.widgets.panel import Panel

Answer = TypeVar("Answer")

CANCEL = Option("no", line("Cancel"))
READER_WIDTH = 70
"""The width that lines of a `Reader` are made for: it fits 80 columns."""


def bindings_of(screen: str) -> list[BindingType]:
    """The keys of a screen, or of `DIALOG`. A keymap changes them by the action's id, which is also the binding's."""
    return [
        Binding(",".join(action.keys), f"app.act({action.id!r})", action.label, id=action.id, show=False)
        for action in actions_of(screen)
        if action.keys
    ]


class Dialog(ModalScreen[Answer | None], Generic[Answer], inherit_bindings=False):
    """A modal panel. Closed without an answer it gives None."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_of(DIALOG)
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        background: $paper 60%;
        & > Panel { width: auto; max-width: 96%; height: auto; max-height: 96%; background: $paper; padding: 0 1; }
        & Options { width: auto; max-width: 100%; height: auto; max-height: 20; }
    }
    """

    @property
    def host(self) -> Host:
        """The application, as screens know it."""
        return cast(Host, self.app)

    def do_dialog_cancel(self) -> None:
        self.dismiss(None)

    def do_dialog_next(self) -> None:
        self.focus_next()

    def do_dialog_previous(self) -> None:
        self.focus_previous()


class ChoiceDialog(Dialog[str]):
    """Some lines of text above a list; the answer is the id of an option."""

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


class ConfirmDialog(Dialog[tuple[str, str]]):
    """The answer is the text typed into the question's entry and the password ("" if none is asked for); None means
    no.
    """

    def __init__(self, question: Confirmation) -> None:
        super().__init__()
        self._question = question
        self._entered = question.entry.value if question.entry else ""
        self._typed = ""
        self._password = ""

    def compose(self) -> ComposeResult:
        entry = self._question.entry
        with Panel(self._question.title):
            yield Lines(self._question.lines, classes="fitted")
            if entry:
                yield Lines([line(entry.label)], classes="fitted")
                yield Field(value=entry.value, id="entry")
            if self._question.password:
                yield Lines([line(f"Password of the {self._question.password}:")], classes="fitted")
                yield Field(id="password", hidden=True)
            if self._question.typed:
                yield Lines([line(f"Type {self._question.typed} to continue:")], classes="fitted")
                yield Field(id="typed")
            yield Options([CANCEL, self._yes()])

    def on_mount(self) -> None:
        for text in self.query(Lines):
            text.can_focus = False
        self.query_one(Options).focus()

    def _yes(self) -> Option:
        """The option to proceed, with what is still missing."""
        _, missing = self._missing()
        content = line(Span(f"{self._question.yes}  ✗ {missing}", "muted")) if missing else line(self._question.yes)
        return Option("yes", content, "y")

    def _missing(self) -> tuple[str, str]:
        """The field that is not valid yet and why; two empty texts if all are."""
        entry, typed = self._question.entry, self._question.typed
        reason = entry.check(self._entered) if entry else ""
        if reason:
            return "#entry", reason
        if self._question.password and not self._password:
            return "#password", "enter the password first"
        return ("#typed", f"type {typed} first") if typed and self._typed.strip() != typed else ("", "")

    @on(Field.Changed, "#entry")
    def _enter(self, message: Field.Changed) -> None:
        self._entered = message.value
        self._show_yes()

    @on(Field.Changed, "#password")
    def _unlock(self, message: Field.Changed) -> None:
        self._password = message.value
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
            self.dismiss((self._entered.strip(), self._password))

    @on(Field.Submitted)
    def _next(self) -> None:
        self.focus_next()


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


class TogglesDialog(Dialog[frozenset[str]]):
    """Enter toggles an option; the answer, once closed, are the ids that are off. `choices` are texts by id."""

    def __init__(self, title: str, choices: Mapping[str, str], *, off: frozenset[str]) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._off = off

    def compose(self) -> ComposeResult:
        with Panel(self._title) as panel:
            panel.caption(self._title, "enter on or off  esc done")
            yield Options(self._options())

    def _options(self) -> list[Option]:
        return [
            Option(id, line(Span("○ off  ", "muted") if id in self._off else Span("● on   ", "ok"), text))
            for id, text in self._choices.items()
        ]

    @on(Options.Chosen)
    def _switch(self, message: Options.Chosen) -> None:
        off = self._off ^ {message.option_id}
        if len(off) < len(self._choices):
            self._off = off
            self.query_one(Options).show(self._options())

    def do_dialog_cancel(self) -> None:
        self.dismiss(self._off)
