"""Titled frames around panes, and rules above them."""

from collections.abc import Iterable
from typing import Generic

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from console.present.table import Row, Table
from console.present.text import BLANK, Line, ruled
from console.widgets.lines import Lines
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


class Heading(Lines):
    """The line at the top of an open panel: a rule with a title at its left and figures at its right. It is heavy
    while the panel has the focus."""

    DEFAULT_CSS = """
    Heading { dock: top; height: 1; color: $frame; scrollbar-size-vertical: 0; }
    """

    title = ""
    figures: Line = BLANK
    is_heavy = False

    def rule(self) -> None:
        """Draw it anew."""
        self.show([ruled(self.title, self.figures, self.size.width, heavy=self.is_heavy)])

    def on_resize(self) -> None:
        self.rule()


class OpenPanel(Vertical, inherit_bindings=False):
    """A pane under a rule, without a frame."""

    DEFAULT_CSS = """
    OpenPanel > Lines, OpenPanel > Options, OpenPanel > LiveTable { padding: 0 1; }
    OpenPanel > Heading { padding: 0; }
    OpenPanel:focus-within > Heading { color: $frame-focus; }
    """

    def __init__(self, title: str, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._heading = Heading()
        self._heading.title = title

    def compose(self) -> ComposeResult:
        yield self._heading

    def caption(self, title: str, figures: Line = BLANK) -> None:
        """Set the title, and what stands at the right of it."""
        heading = self._heading
        if (title, figures) != (heading.title, heading.figures):
            heading.title, heading.figures = title, figures
            heading.rule()

    def on_descendant_focus(self) -> None:
        self._heading.is_heavy = True
        self._heading.rule()

    def on_descendant_blur(self) -> None:
        self._heading.is_heavy = False
        self._heading.rule()
