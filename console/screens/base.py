"""What every screen is made of: header, tabs, its own panes, footer; keys from the registry; pictures as they come."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from importlib import import_module
from typing import Any, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.css.query import NoMatches
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen

from console.present.formats import counted
from console.present.picture import Picture
from console.present.table import as_csv, as_json
from console.present.text import Span, fit, line
from console.screens import chrome
from console.screens.dialogs import ChoiceDialog, TogglesDialog, bindings_of
from console.screens.host import Host
from console.screens.registry import SCREENS, actions_of
from console.widgets.lines import Bar
from console.widgets.live_table import LiveTable
from console.widgets.option_list import Option, PopUpField

WIDE, TALL, LOW = 120, 36, 20
"""The sizes from which there is room for more at the side, for more below, or for more at all."""


OVER = ("help.screen", "palette.screen", "theme_picker.screen", "logs.widgets")
"""What opens over any screen."""


class FilterField(PopUpField):
    """Where the filter of a table is typed; the up arrow brings the last one back."""

    class Recalled(Message):
        """The operator asks for the last filter."""

    def on_key(self, event: events.Key) -> None:
        if event.key == "up":
            event.stop()
            event.prevent_default()
            self.post_message(self.Recalled())

    def write(self, text: str) -> None:
        """Set a text as if it had been typed."""
        self.value = text
        self.cursor_position = len(text)


class ConsoleScreen(Screen[None], inherit_bindings=False):
    """A screen of the registry. A subclass says `NAME`, and defines `body` and `show`.

    Actions on tables apply to the table that has the focus or had it last.
    """

    NAME: ClassVar[str]
    """Its name in `console.screens.registry.SCREENS`, which decides its keys and its tab."""

    AUTO_FOCUS = "LiveTable"

    has_panes = False
    """Whether it is composed; earlier pictures cannot be shown."""

    _table: LiveTable[Any] | None = None
    _last_filter = ""

    def __init_subclass__(cls, **arguments: Any) -> None:
        if "NAME" in cls.__dict__:
            cls.BINDINGS = bindings_of(cls.NAME)
        super().__init_subclass__(**arguments)

    @property
    def host(self) -> Host:
        """The application, as screens know it."""
        return cast(Host, self.app)

    # -- panes -----------------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        self.fit(self.app.size)
        yield Bar(id="header")
        yield Bar(id="tabs")
        timeline = Bar(id="timeline")
        timeline.display = self.host.picture.snapshot.replay is not None
        yield timeline
        with Vertical(id="body"):
            yield from self.body()
        yield FilterField(hint="words  !word  uid:88  state:stale  ema:>0.5")
        yield Bar(id="footer")

    def body(self) -> ComposeResult:
        """The panes of this screen."""
        raise NotImplementedError

    def show(self, picture: Picture) -> None:
        """Fill the panes from a picture. Called a few times a second, and only for the screen in front."""
        raise NotImplementedError

    def row_name(self, _action_id: str) -> str:
        """The name of the row under the cursor, for an action on one; "" if there is none."""
        return ""

    def no_row(self, _action_id: str) -> str:
        """Why there is no row to apply an action to that needs one."""
        return "nothing under the cursor to apply it to"

    def receive(self, picture: Picture) -> None:
        """Show a picture, with header, tabs and footer."""
        width = self.app.size.width
        self.query_one("#header", Bar).show([chrome.header(picture, width)])
        present = picture.snapshot if picture.snapshot.replay is None else self.host.engine.snapshot
        waiting = sum(not one.acknowledged for one in present.attention)
        here, watching = SCREENS[self.NAME].under or self.NAME, present.role == "watch"
        self.query_one("#tabs", Bar).show([chrome.tabs(here, waiting, width, watching=watching)])
        bar, replay = self.query_one("#timeline", Bar), picture.snapshot.replay
        bar.display = replay is not None
        if replay is not None:
            bar.show([chrome.timeline(replay, self.host.keymap.shown, width)])
        self.query_one("#footer", Bar).show([chrome.footer(self._hints(), width)])
        self.show(picture)

    def _hints(self) -> list[tuple[str, str]]:
        shown = sorted((action for action in actions_of(self.NAME) if action.footer), key=lambda one: one.footer)
        if self.host.picture.snapshot.role == "watch":  # without an engine, many can never be taken, and no row opens
            shown = [action for action in shown if action.id != "nav.open" and not self.host.why_not(action.id)]
        away = {} if self.host.first_place == self.NAME else {"app.quit": "back"}
        return [(self.host.keymap.shown(action.id), away.get(action.id, action.label)) for action in shown]

    def on_resize(self, event: events.Resize) -> None:
        self.fit(event.size)

    def fit(self, size: Size) -> None:
        """Say in classes how much room there is: before the panes are there, so that they are laid out once."""
        wide, tall, low = size.width >= WIDE, size.height >= TALL, size.height < LOW
        classes = {"-wide": wide, "-narrow": not wide, "-tall": tall, "-short": not tall, "-low": low}
        self.update_classes(classes, animate=False)

    def on_mount(self) -> None:
        if not self.app.is_running:
            return  # the app ends: there are no panes any more
        self.has_panes = True
        for table in self.query(LiveTable):
            table.look(self.host.view_of(table.table))
        self.receive(self.host.picture)

    @on(LiveTable.Rearranged)
    def _remember(self, message: LiveTable.Rearranged) -> None:
        self.host.remember(message.table.table, message.table.view)
        self.host.pull()

    @on(LiveTable.Opened)
    def _open_row(self, message: LiveTable.Opened) -> None:
        table, row = message.table.table, message.table.current
        if table.opens and row is not None:
            self.host.open(table.opens, table.key(row))

    def make_ready(self, size: Size, css: int) -> None:
        """Lay the panes out and render them before anybody sees them; `css` counts the app's style sheets so far."""
        self._css_update_count = css
        self._screen_resized(size)
        self.call_later(self._compositor.render_strips)

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        event.refresh_styles = False
        self.host.pull()

    # -- what can be done on every screen --------------------------------------------------------------------------

    def do_focus_next(self) -> None:
        self.focus_next()

    def do_focus_previous(self) -> None:
        self.focus_previous()

    def do_nav_back(self) -> None:
        """Leave the innermost of: a filter, marks, the zoom, this screen."""
        if isinstance(self.focused, FilterField) and self.table is not None:
            self.table.focus()
        if any(table.clear() for table in self.query(LiveTable)):
            return
        if self.maximized is not None:
            self.minimize()
        else:
            self.host.back()

    def do_view_zoom(self) -> None:
        if self.maximized is not None:
            self.minimize()
        elif self.focused is not None:
            self.maximize(self.focused, container=True)

    # -- what can be done with a table -----------------------------------------------------------------------------

    @property
    def table(self) -> LiveTable[Any] | None:
        """The table to which actions apply."""
        if isinstance(self.focused, LiveTable):
            self._table = self.focused
        return self._table or next(iter(self.query(LiveTable)), None)

    def select(self, key: str) -> None:
        """Put the cursor on the row of this key, wherever it is, and let it through the filter."""
        for table in self.query(LiveTable):
            if table.reveal(key):
                table.focus()
                return

    def do_view_filter(self) -> None:
        if self.table is not None:
            self.query_one(FilterField).open("")

    @on(FilterField.Changed, "FilterField")
    def _filter(self, message: FilterField.Changed) -> None:
        if self.table is not None:
            self.table.look_with(filter=message.value)

    @on(FilterField.Recalled)
    def _recall_filter(self) -> None:
        self.query_one(FilterField).write(self._last_filter)

    @on(FilterField.Submitted, "FilterField")
    def _keep_filter(self) -> None:
        if self.table is not None:
            self._last_filter = self.table.view.filter or self._last_filter
            self.table.focus()

    def do_view_sort(self) -> None:
        table = self.table
        if table is not None:
            options = [
                Option(column.id, line(fit(column.title, 10), Span(column.about, "muted")))
                for column in table.table.columns
            ]
            self.app.push_screen(ChoiceDialog("Sort by", options, current=table.view.sort), self._sort)

    def _sort(self, column_id: str | None) -> None:
        if column_id is not None and self.table is not None:
            self.table.sort_by(column_id)

    def do_view_columns(self) -> None:
        table = self.table
        if table is not None:
            choices = {column.id: f"{fit(column.title, 10)}{column.about}" for column in table.table.columns}
            self.app.push_screen(TogglesDialog("Columns", choices, off=table.view.hidden), self._hide)

    def _hide(self, hidden: frozenset[str] | None) -> None:
        if hidden is not None and self.table is not None:
            self.table.look_with(hidden=hidden)

    def do_copy_cell(self) -> None:
        if self.table is not None and self.table.current is not None:
            self.host.copy(self.table.table.key(self.table.current), "its name")

    def do_copy_row(self) -> None:
        if self.table is not None and self.table.chosen:
            rows = self.table.chosen
            text = as_json(self.table.table, rows, self.table.view, self.table.now)
            self.host.copy(text, f"{counted(len(rows), 'row')} as JSON")

    def do_export_view(self) -> None:
        table = self.table
        if table is not None:
            rows = table.chosen if table.marked else table.rows
            self.host.save(f"{table.table.name}.csv", _csv(table, rows), f"the CSV of {counted(len(rows), 'row')}")


def _csv(table: LiveTable[Any], rows: Sequence[Any]) -> str:
    return as_csv(table.table, rows, table.view, table.now)


def while_shown() -> AbstractContextManager[None]:
    """For what a worker shows once it has its data: the screen may have been taken down meanwhile."""
    return suppress(NoMatches)


def screen_of(name: str, *subject: str) -> ConsoleScreen:
    """A new screen of the registry; `subject` is what it is about. Its module is loaded when it is first made."""
    module = import_module(f"console.screens.{name}.screen")
    screen: ConsoleScreen = getattr(module, SCREENS[name].class_name)(*subject)
    return screen


def load_screens() -> None:
    """Load the modules of all screens, and what opens over them, so that the first way there is as short as any."""
    for module in (*(f"{name}.screen" for name in SCREENS), *OVER):
        import_module(f"console.screens.{module}")


def in_front(stack: Sequence[Screen[Any]]) -> ConsoleScreen | None:
    """The screen in front, dialogs left aside."""
    return next((one for one in reversed(stack) if isinstance(one, ConsoleScreen)), None)
