"""The log of every part of the program, live."""

from typing import Any

from textual import on
from textual.app import ComposeResult

from console.present.log_look import LEVELS
from console.present.picture import Picture
from console.present.text import Span, line
from console.screens.base import ConsoleScreen
from console.screens.dialogs import ChoiceDialog
from console.screens.logs import content as logs
from console.screens.logs.widgets import FindField, LogView
from console.widgets.lines import Lines
from console.widgets.option_list import Option
from console.widgets.panel import Panel

EVERYTHING = "all"


class LogsScreen(ConsoleScreen):
    """The log, and below it, where there is room, the record under the cursor in full."""

    NAME = "logs"

    DEFAULT_CSS = """
    LogsScreen {
        & #log { height: 1fr; }
        & #record { height: 14; padding: 0 1; }
        &.-short #record { display: none; }
    }
    """

    AUTO_FOCUS = "LogView"

    def body(self) -> ComposeResult:
        view = LogView()
        view.look = self.host.log_look
        with Panel("Logs", id="log"):
            yield view
        with Panel("Record", id="record"):
            yield Lines()
        yield FindField(hint="a word to find")

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    def show(self, picture: Picture) -> None:
        if picture.mode != "paused":
            self.view.read(self.host.logs)
        self._describe()

    @on(LogView.Changed)
    def _describe(self) -> None:
        view = self.view
        title = logs.title(view.look, follow=view.follow, shown=view.records)
        self.query_one("#log", Panel).caption(title, logs.kept(view.tail, len(view.records)))
        pane = self.query_one("#record Lines", Lines)
        pane.show(logs.detail(view.current, max(20, pane.size.width)) if view.current else [])

    def select(self, key: str) -> None:
        """Put the cursor on the last record that says this."""
        self.view.look_with(find=key, level=LEVELS[0], source="")
        self._go_to_found(-1)

    def do_log_find(self) -> None:
        self.query_one(FindField).open(self.view.look.find)

    @on(FindField.Changed, "FindField")
    def _find(self, message: FindField.Changed) -> None:
        self.view.look_with(find=message.value)

    @on(FindField.Submitted, "FindField")
    def _found(self) -> None:
        self.view.focus()
        if self.view.look.find:
            self.do_log_find_previous()

    def do_log_find_next(self) -> None:
        self._go_to_found(1)

    def do_log_find_previous(self) -> None:
        self._go_to_found(-1)

    def _go_to_found(self, step: int) -> None:
        find = self.view.look.find
        if not find:
            self.do_log_find()
        elif not self.view.find(step):
            self.host.tell(f"no match for {find}", failed=True)

    def do_log_level(self) -> None:
        at = LEVELS.index(self.view.look.level)
        self._look_with(level=LEVELS[(at + 1) % len(LEVELS)])

    def do_log_source(self) -> None:
        options = [Option(EVERYTHING, line("all"))]
        for name, count in logs.sources(self.view.tail.lines):
            options.append(Option(f"={name}", line(name, Span(f"  {count:,}", "muted"))))
        self.app.push_screen(ChoiceDialog("Source", options, current=f"={self.view.look.source}"), self._from)

    def _from(self, chosen: str | None) -> None:
        if chosen is not None:
            self._look_with(source="" if chosen == EVERYTHING else chosen.removeprefix("="))

    def do_log_wrap(self) -> None:
        self._look_with(wrap=not self.view.look.wrap)

    def _look_with(self, **changes: Any) -> None:
        """Look at the log another way, in the next run too."""
        self.view.look_with(**changes)
        self.host.remember_log(self.view.look)

    def do_log_fold_all(self) -> None:
        self.view.fold_all()

    def do_log_copy(self) -> None:
        if self.view.current is not None:
            self.host.copy(logs.plain(self.view.current.line), "the record")

    def do_log_copy_json(self) -> None:
        if self.view.current is not None:
            self.host.copy(logs.as_json(self.view.current.line), "the record's JSON")

    def do_log_save(self) -> None:
        shown = self.view.records
        text = "".join(f"{logs.as_json(record.line)}\n" for record in shown)
        self.host.save("log.jsonl", text, f"the log, {len(shown)} records,")

    def do_log_drawer(self) -> None:
        self.host.tell("already on the Logs screen", failed=True)

    def do_nav_back(self) -> None:
        """Out of what is innermost: the field, what is searched for, this screen."""
        if isinstance(self.focused, FindField):
            self.view.focus()
        elif self.view.look.find:
            self.view.look_with(find="")
        else:
            super().do_nav_back()
