"""A frame around one live table, which says in its title how the table is looked at."""

from collections.abc import Iterable
from typing import Generic

from textual.app import ComposeResult

from console.present.table import Row, Table
from console.tui.widgets.live_table import LiveTable
from console.tui.widgets.panel import Panel


class TablePanel(Panel, Generic[Row], inherit_bindings=False):
    """`hint` stands at the lower right."""

    def __init__(self, title: str, table: Table[Row], *, id: str, hint: str = "", classes: str | None = None) -> None:
        super().__init__(title, id=id, classes=classes)
        self.table = LiveTable(table)
        self._title = title
        self._hint = hint

    def compose(self) -> ComposeResult:
        yield self.table

    def show(self, rows: Iterable[Row], now: float, note: str = "") -> None:
        """Take the rows of this moment; `note` is put behind the title."""
        self.table.show(rows, now)
        self.caption("  ".join(part for part in (self._title, note, self.table.caption) if part), self._hint)
