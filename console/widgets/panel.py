"""Titled frames around panes."""

from collections.abc import Iterable
from typing import Generic

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console.present.table import Row, Table
from console.widgets.live_table import LiveTable


class Panel(Vertical, inherit_bindings=False):
    """A titled frame. Titles are plain text, never markup."""

    DEFAULT_CSS = """
    Panel {
        border: solid $frame;
        border-title-color: $tone-accent;
        border-title-style: $tone-title-style;
        border-subtitle-color: $tone-muted;
        &:focus-within { border: heavy $frame-focus; }
    }
    """

    def __init__(self, title: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._shown = ("", "")
        self.caption(title)

    def caption(self, title: str, subtitle: str = "") -> None:
        """Set the title, and the text at the bottom right."""
        if (title, subtitle) != self._shown:
            self._shown = (title, subtitle)
            self.border_title = Content(title)
            self.border_subtitle = Content(subtitle) if subtitle else None


class TablePanel(Panel, Generic[Row], inherit_bindings=False):
    """A frame around a live table, whose sort order and filter its title shows.

    `hint` is shown at the bottom right.
    """

    def __init__(self, title: str, table: Table[Row], *, id: str, hint: str = "", classes: str | None = None) -> None:
        super().__init__(title, id=id, classes=classes)
        self.table = LiveTable(table)
        self._title = title
        self._hint = hint

    def compose(self) -> ComposeResult:
        yield self.table

    def show(self, rows: Iterable[Row], now: float, note: str = "") -> None:
        """Show these rows; `note` is appended to the title."""
        self.table.show(rows, now)
        self.caption("  ".join(part for part in (self._title, note, self.table.caption) if part), self._hint)
