"""A list of things that are on or off."""

from collections.abc import Mapping

from textual import on
from textual.app import ComposeResult

from console.present.text import Span, line
from console.tui.screens.dialog import Dialog
from console.tui.widgets.options import Option, Options
from console.tui.widgets.panel import Panel


class TogglesDialog(Dialog[frozenset[str]]):
    """Enter switches one; the answer, when it is closed, is what is off. `choices` are texts by id."""

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
