"""How a table of live rows is painted: a header, one line a row, and anew only the rows that changed."""

from typing import ClassVar, Generic, NamedTuple

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from console.present.table import GAP, NOTHING_MATCHES, Cell, Placed, Row, Table, View, place
from console.present.text import BLANK, Line, Span, cut, fit, line
from console.tui.widgets.cursor import Cursor

HEADER = 1


class RowLine(NamedTuple):
    """What stands in one line."""

    cells: tuple[Cell, ...]
    is_current: bool
    is_marked: bool


class Grid(Cursor, Generic[Row], can_focus=True):
    """Paints `rows` as `view` wants them, with the cursor on row number `at`."""

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
        """Lay the columns out anew, for another width or other columns, and paint all."""
        hidden = self.view.hidden
        columns = [column for column in self.table.columns if column.id not in hidden]
        self.shift = max(0, min(self.shift, len(columns) - 2))
        self._placed = place(columns, self.scrollable_content_region.width, self.shift)
        self._painted.clear()
        self.refresh()

    def column_at(self, x: int) -> str:
        """The id of the column at a cell of a line, "" behind the last one."""
        for placed in self._placed:
            if x < placed.width + GAP:
                return placed.column.id
            x -= placed.width + GAP
        return ""

    @property
    def nothing(self) -> Line:
        """What stands in place of rows."""
        text = NOTHING_MATCHES if self.view.filter else self.table.empty
        return cut(line(Span(f" {text}", "muted")), self.size.width)

    def refresh_changed(self) -> None:
        """Have what differs from what was painted last painted anew."""
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
        """The one style of a whole row, for one that stands out."""
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
