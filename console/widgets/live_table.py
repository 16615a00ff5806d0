"""A table of live rows, sorted and filtered by the operator, whose cursor follows its row."""

from collections.abc import Iterable
from typing import Any, ClassVar, Generic, NamedTuple

from msgspec.structs import replace
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from console.present.table import (
    GAP,
    NOTHING_MATCHES,
    Cell,
    Placed,
    Row,
    Table,
    View,
    arrange,
    caption,
    place,
)
from console.present.text import BLANK, Line, Span, cut, fit, line
from console.widgets.paint import Rows

HEADER = 1
"""The rows above the first of a table."""


class RowLine(NamedTuple):
    """What one line shows."""

    cells: tuple[Cell, ...]
    is_current: bool
    is_marked: bool


class Grid(Rows, Generic[Row], can_focus=True):
    """Paints `rows` as set in `view`, with the cursor on row number `at`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "grid--cursor",
        "grid--cursor-blurred",
        "grid--header",
        "grid--mark",
    }

    def __init__(self, table: Table[Row], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.table = table
        self.view: View = table.usual()
        self.rows: list[Row] = []
        self.marked: frozenset[str] = frozenset()
        self.now = 0.0
        self.shift = 0
        self._placed: list[Placed[Row]] = []
        self._painted: dict[int, RowLine] = {}

    @property
    def count(self) -> int:
        return len(self.rows)

    @property
    def page(self) -> int:
        return max(1, self.size.height - HEADER)

    def place_columns(self) -> None:
        """Lay out the columns again, for another width or other columns, and repaint everything."""
        hidden = self.view.hidden
        columns = [column for column in self.table.columns if column.id not in hidden]
        self.shift = max(0, min(self.shift, len(columns) - 2))
        self._placed = place(columns, self.scrollable_content_region.width, self.shift)
        self._painted.clear()
        self.refresh()

    def column_at(self, x: int) -> str:
        """The id of the column at a cell of a line, "" after the last one."""
        for placed in self._placed:
            if x < placed.width + GAP:
                return placed.column.id
            x -= placed.width + GAP
        return ""

    @property
    def nothing(self) -> Line:
        """The lines shown when there are no rows."""
        text = NOTHING_MATCHES if self.view.filter else self.table.empty
        return cut(line(Span(f" {text}", "muted")), self.size.width)

    def refresh_changed(self) -> None:
        """Repaint what changed."""
        changed = [
            Region(0, y, self.size.width, 1)
            for y in range(HEADER, self.size.height)
            if self._painted.get(y) != self._line(y)
        ]
        if changed:
            self.refresh(*changed)

    def _line(self, y: int) -> RowLine | None:
        index = y - HEADER + self.scroll_offset.y
        if index >= len(self.rows):
            return None
        row = self.rows[index]
        cells = tuple(placed.column.cell(row, self.now) for placed in self._placed)
        return RowLine(cells, index == self.at, self.table.key(row) in self.marked)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y < HEADER:
            return self._header(width)
        row = self._line(y)
        if row is None:
            self._painted.pop(y, None)
            return self.painted(self.nothing if y == HEADER and not self.rows else BLANK, width)
        self._painted[y] = row
        over = self._over(row)
        segments = [
            Segment(fit(cell.text, placed.width, placed.column.align) + " " * GAP, over or self.tone(cell.tone))
            for placed, cell in zip(self._placed, row.cells, strict=True)
        ]
        return Strip(segments).adjust_cell_length(width, over or self.plain).simplify()

    def _over(self, line: RowLine) -> Style | None:
        """The style of a row that stands out, for all its cells."""
        if line.is_current:
            return self.get_component_rich_style("grid--cursor" if self.has_focus else "grid--cursor-blurred")
        return self.get_component_rich_style("grid--mark") if line.is_marked else None

    def _header(self, width: int) -> Strip:
        style = self.get_component_rich_style("grid--header")
        arrow = "▼" if self.view.descending else "▲"
        texts = []
        for column, cells in self._placed:
            title = column.title
            if column.id == self.view.sort:
                title = title[: cells - 1] + arrow
            texts.append(fit(title, cells, column.align) + " " * GAP)
        return Strip([Segment("".join(texts), style)]).adjust_cell_length(width, style)


class LiveTable(Grid[Row]):
    """Shows the rows that it is given; the operator's `view` decides which, and in what order."""

    class Moved(Message):
        """The cursor moved to another row."""

        def __init__(self, table: "LiveTable[Any]") -> None:
            super().__init__()
            self.table = table

        @property
        def control(self) -> "LiveTable[Any]":
            return self.table

    class Opened(Moved):
        """The operator opened the row under the cursor."""

    class Rearranged(Moved):
        """The sort order, filter or columns changed."""

    def __init__(self, table: Table[Row], *, id: str | None = None) -> None:
        super().__init__(table, id=id)
        self._all: tuple[Row, ...] = ()
        self._key = ""

    # -- what is shown ---------------------------------------------------------------------------------------------

    def show(self, rows: Iterable[Row], now: float) -> None:
        """Show these rows; `now` is the unix time for ages."""
        self._all, self.now = tuple(rows), now
        self._arrange()

    def look(self, view: View) -> None:
        """Show the rows with another view."""
        self.view = view
        self._arrange()
        self.place_columns()
        self.post_message(self.Rearranged(self))

    def look_with(self, **changes: Any) -> None:
        """Change some fields of `view`."""
        self.look(replace(self.view, **changes))

    def _arrange(self) -> None:
        count = len(self.rows)
        self.rows = arrange(self.table, self._all, self.view, self.now)
        if len(self.rows) != count:
            self.virtual_size = Size(self.size.width, len(self.rows) + HEADER)
        self._follow()
        self.refresh_changed()

    def _follow(self) -> None:
        """Keep the cursor on its row; on its position if the row is gone, or was the newest in a feed."""
        key = self.table.key
        if self.table.feed and self.at == 0:
            self._go(0)
            return
        if self.at < len(self.rows) and key(self.rows[self.at]) == self._key:
            return
        found = next((index for index, row in enumerate(self.rows) if key(row) == self._key), None)
        self._go(min(self.at, len(self.rows) - 1) if found is None else found, scroll=found is None)

    # -- the cursor ------------------------------------------------------------------------------------------------

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.at] if self.at < len(self.rows) else None

    @property
    def chosen(self) -> list[Row]:
        """The marked rows that are shown, or the current one if none is marked."""
        marked = [row for row in self.rows if self.table.key(row) in self.marked]
        return marked or ([self.current] if self.current is not None else [])

    @property
    def caption(self) -> str:
        """The sort order, filter, count and marks, for a title."""
        marks = f"  {len(self.marked)} marked" if self.marked else ""
        return caption(self.view, self.table, len(self.rows), len(self._all)) + marks

    def go_to(self, key: str) -> bool:
        """Put the cursor on a row. Returns False if it is not shown."""
        found = next((index for index, row in enumerate(self.rows) if self.table.key(row) == key), None)
        if found is not None:
            self._go(found)
        return found is not None

    def reveal(self, key: str) -> bool:
        """Put the cursor on a row, without the filter if that hides it. Returns False if there is none."""
        if not any(self.table.key(row) == key for row in self._all):
            return False
        if not self.go_to(key):
            self.look_with(filter="")
            self.go_to(key)
        return True

    def move_to(self, index: int) -> None:
        self._go(index)

    def _go(self, index: int, *, scroll: bool = True) -> None:
        before = self._key
        self.at = max(0, min(index, len(self.rows) - 1))
        self._key = self.table.key(self.rows[self.at]) if self.rows else ""
        if scroll:
            self._scroll_to_cursor()
        if self._key != before:
            self.refresh_changed()
            self.post_message(self.Moved(self))

    def _scroll_to_cursor(self) -> None:
        top, height = self.scroll_offset.y, self.page
        if self.at < top:
            self.scroll_to(y=self.at, animate=False, immediate=True, force=True)
        elif self.at >= top + height:
            self.scroll_to(y=self.at - height + 1, animate=False, immediate=True, force=True)

    def on_resize(self) -> None:
        self.place_columns()
        self._scroll_to_cursor()

    def watch_show_vertical_scrollbar(self) -> None:
        """Lay out the columns again: the scrollbar appeared or disappeared."""
        self.place_columns()

    def on_click(self, event: events.Click) -> None:
        if event.y < HEADER:
            if column_id := self.column_at(event.x):
                self.sort_by(column_id)
            return
        index = event.y - HEADER + self.scroll_offset.y
        if index < len(self.rows):
            again = index == self.at and event.chain > 1
            self.move_to(index)
            if again:
                self.do_nav_open()

    # -- what the operator can do ----------------------------------------------------------------------------------

    def sort_by(self, column_id: str) -> None:
        """Sort by a column; if it is already sorted by that one, reverse the order."""
        descending = not self.view.descending if column_id == self.view.sort else self.view.descending
        self.look_with(sort=column_id, descending=descending)

    def do_nav_right(self) -> None:
        self.shift += 1
        self.place_columns()

    def do_nav_left(self) -> None:
        self.shift = max(0, self.shift - 1)
        self.place_columns()

    def do_nav_open(self) -> None:
        if self.current is not None:
            self.post_message(self.Opened(self))

    def do_view_reverse(self) -> None:
        self.sort_by(self.view.sort)

    def do_view_sort_next(self) -> None:
        self._sort_beside(1)

    def do_view_sort_previous(self) -> None:
        self._sort_beside(-1)

    def _sort_beside(self, step: int) -> None:
        shown = [column.id for column in self.table.columns if column.id not in self.view.hidden]
        at = shown.index(self.view.sort) if self.view.sort in shown else 0
        self.look_with(sort=shown[(at + step) % len(shown)])

    def do_mark_toggle(self) -> None:
        if self.current is not None:
            self.marked ^= {self.table.key(self.current)}
            self.refresh_changed()
            self.do_nav_down()
            self.post_message(self.Rearranged(self))

    def clear(self) -> bool:
        """Clear the filter, or else the marks. Returns False if there was neither."""
        if self.view.filter:
            self.look_with(filter="")
        elif self.marked:
            self.marked = frozenset()
            self.refresh_changed()
            self.post_message(self.Rearranged(self))
        else:
            return False
        return True
