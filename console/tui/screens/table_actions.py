"""What every screen with live tables can do with them: filter, sort, columns, copy, export."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import on
from textual.screen import Screen

from console.present.table import as_csv
from console.present.text import Span, fit, line
from console.tui.screens.dialog import ChoiceDialog, TogglesDialog
from console.tui.widgets.live_table import LiveTable
from console.tui.widgets.options import Field, Option

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp


class FilterField(Field):
    """Where a filter is typed; it is only there while it is."""

    DEFAULT_CSS = """
    FilterField { display: none; padding: 0 1; background: $panel; }
    FilterField.-open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(hint="words  !word  uid:88  state:stale  ema:>0.5")

    def open(self, filter: str) -> None:
        with self.prevent(Field.Changed):
            self.value = filter
        self.cursor_position = len(filter)
        self.add_class("-open")
        self.focus()

    def on_blur(self) -> None:
        self.remove_class("-open")


class TableActions(Screen[None], inherit_bindings=False):
    """The actions on the table that has the focus, or had it last."""

    _table: LiveTable[Any] | None = None

    @property
    def host(self) -> "ConsoleApp":
        """The app under its own type."""
        return self.app  # type: ignore[return-value]

    @property
    def table(self) -> LiveTable[Any] | None:
        """The table that the actions are for."""
        if isinstance(self.focused, LiveTable):
            self._table = self.focused
        return self._table or next(iter(self.query(LiveTable)), None)

    def do_view_filter(self) -> None:
        if self.table is not None:
            self.query_one(FilterField).open(self.table.view.filter)

    @on(Field.Changed, "FilterField")
    def _filter(self, message: Field.Changed) -> None:
        if self.table is not None:
            self.table.look_with(filter=message.value)

    @on(Field.Submitted, "FilterField")
    def _keep_filter(self) -> None:
        if self.table is not None:
            self.table.focus()

    def do_view_sort(self) -> None:
        table = self.table
        if table is not None:
            options = [
                Option(column.id, line(fit(column.title, 10), Span(column.about, "muted")))
                for column in table.table.columns
            ]
            self.host.push_screen(ChoiceDialog("Sort by", options, current=table.view.sort), self._sort)

    def _sort(self, column_id: str | None) -> None:
        if column_id is not None and self.table is not None:
            self.table.sort_by(column_id)

    def do_view_columns(self) -> None:
        table = self.table
        if table is not None:
            choices = {column.id: f"{fit(column.title, 10)}{column.about}" for column in table.table.columns}
            self.host.push_screen(TogglesDialog("Columns", choices, off=table.view.hidden), self._hide)

    def _hide(self, hidden: frozenset[str] | None) -> None:
        if hidden is not None and self.table is not None:
            self.table.look_with(hidden=hidden)

    def do_copy_cell(self) -> None:
        if self.table is not None and self.table.current is not None:
            self.host.takeaway.copy(self.table.table.key(self.table.current), "its name")

    def do_copy_row(self) -> None:
        if self.table is not None and self.table.chosen:
            rows = self.table.chosen
            self.host.takeaway.copy(_csv(self.table, rows), f"the CSV of {len(rows)} rows")

    def do_export_view(self) -> None:
        table = self.table
        if table is not None:
            rows = table.chosen if table.marked else table.rows
            self.host.takeaway.keep(f"{table.table.name}.csv", _csv(table, rows), f"the CSV of {len(rows)} rows")


def _csv(table: LiveTable[Any], rows: Sequence[Any]) -> str:
    return as_csv(table.table, rows, table.view, table.now)
