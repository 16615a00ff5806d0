"""Tables without a terminal: columns, filters, sorting, and which columns fit a width."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from console.present.text import Align, Tone
from engine.text import csv_cell, safe


class Term(Struct, frozen=True):
    """One condition of a filter. `field` is a column's id, or "" for any column."""

    text: str
    field: str = ""
    inverse: bool = False

    def holds(self, texts: Callable[[str], str], value: Callable[[str], float | str]) -> bool:
        """Whether it holds for a row, of which `texts` gives a column's text and `value` its number."""
        return self._found(texts, value) != self.inverse

    def _found(self, texts: Callable[[str], str], value: Callable[[str], float | str]) -> bool:
        if self.field and self.text[:1] in ("<", ">"):
            return self._compares(value(self.field))
        text = texts(self.field).casefold()
        return self.text in (text.split() if self.field and self.text.isdecimal() else text)

    def _compares(self, value: float | str) -> bool:
        try:
            limit = float(self.text[1:])
        except ValueError:
            return False
        if isinstance(value, str):
            return False
        return value > limit if self.text[0] == ">" else value < limit


def parse(text: str, fields: frozenset[str]) -> tuple[Term, ...]:
    """The terms of a filter. A prefix that is not a column's id is part of the word, as in `10.0.0.7:8091`."""
    return tuple(_term(word.casefold(), fields) for word in text.split())


def _term(word: str, fields: frozenset[str]) -> Term:
    inverse = len(word) > 1 and word.startswith("!")
    word = word[inverse:]
    field, colon, rest = word.partition(":")
    if colon and field in fields:
        return Term(rest, field, inverse)
    return Term(word, "", inverse)


Row = TypeVar("Row")

GAP = 1
"""Cells between two columns."""

FILTER = 24
"""Cells of a filter in a caption."""


Plain = float | str | None


class Cell(NamedTuple):
    """The content of one column of a row."""

    text: str
    tone: Tone = ""


class Column(Struct, Generic[Row], frozen=True, kw_only=True):
    """One column. `cell` takes a row and the current time; `value` is for sorting and comparing. `plain` is the value
    for other programs, by default the text shown. On a narrow screen the columns with the highest `priority` disappear
    first; 0 always stays. The column that `grows` gets the remaining cells.
    """

    id: str
    title: str
    width: int
    cell: Callable[[Row, float], Cell]
    value: Callable[[Row], float | str]
    align: Align = "left"
    priority: int = 1
    grows: bool = False
    about: str = ""
    plain: Callable[[Row], Plain] | None = None

    def data(self, row: Row, now: float) -> Plain:
        """The cell's value for another program."""
        return self.cell(row, now).text if self.plain is None else self.plain(row)


class Table(Struct, Generic[Row], frozen=True, kw_only=True):
    """The definition of a table. `key` identifies a row: cursor and marks follow it. In a `feed`, a cursor on the first
    row stays on the newest one. `empty` is shown while there are no rows, and says what will appear. `opens` names the
    screen that shows a row by its key.
    """

    name: str
    columns: tuple[Column[Row], ...]
    key: Callable[[Row], str]
    sort: str
    descending: bool = False
    feed: bool = False
    empty: str
    opens: str = ""

    @property
    def fields(self) -> frozenset[str]:
        """The ids of its columns."""
        return frozenset(column.id for column in self.columns)

    def column(self, column_id: str) -> Column[Row]:
        """The column with this id."""
        return next(column for column in self.columns if column.id == column_id)

    def usual(self) -> "View":
        """The view before anyone sorts or filters."""
        return View(self.sort, self.descending)


NOTHING_MATCHES = "nothing matches the filter: esc clears it"


class View(Struct, frozen=True):
    """An operator's view of a table. `filter` is as typed; `hidden` are the ids of columns that are off."""

    sort: str
    descending: bool = False
    filter: str = ""
    hidden: frozenset[str] = frozenset()


def arrange(table: Table[Row], rows: Iterable[Row], view: View, now: float) -> list[Row]:
    """The rows that match the filter, sorted; the sort is stable."""
    terms = parse(view.filter, table.fields)
    chosen = [row for row in rows if all(_holds(term, table, row, now) for term in terms)] if terms else list(rows)
    chosen.sort(key=table.column(view.sort).value, reverse=view.descending)
    return chosen


def _holds(term: Term, table: Table[Row], row: Row, now: float) -> bool:
    def texts(field: str) -> str:
        columns = (table.column(field),) if field else table.columns
        return " ".join(column.cell(row, now).text for column in columns)

    return term.holds(texts, lambda field: table.column(field).value(row))


class Placed(NamedTuple, Generic[Row]):
    """A column and how many cells it gets."""

    column: Column[Row]
    width: int


def place(columns: Sequence[Column[Row]], width: int, shift: int = 0) -> list[Placed[Row]]:
    """The columns that fit `width` cells, in their order.

    With a `shift`, that many columns after the first are skipped, and the rest are shown while there is room.
    """
    chosen = _shifted(columns, width, shift) if shift else _important(columns, width)
    spare = width - _width(chosen)
    return [Placed(one, one.width + spare if one.grows and spare > 0 else one.width) for one in chosen]


def _width(columns: Sequence[Column[Row]]) -> int:
    return sum(column.width for column in columns) + GAP * max(0, len(columns) - 1)


def _important(columns: Sequence[Column[Row]], width: int) -> list[Column[Row]]:
    chosen = list(columns)
    while _width(chosen) > width and len(chosen) > 1:
        least = max(reversed(chosen), key=lambda column: column.priority)
        if least.priority == 0:
            break
        chosen.remove(least)
    return chosen


def _shifted(columns: Sequence[Column[Row]], width: int, shift: int) -> list[Column[Row]]:
    chosen = list(columns[:1])
    for column in columns[1 + shift :]:
        if _width([*chosen, column]) > width:
            break
        chosen.append(column)
    return chosen


def as_csv(table: Table[Row], rows: Iterable[Row], view: View, now: float) -> str:
    """The rows' values as CSV, in all columns that are not hidden."""
    columns = [column for column in table.columns if column.id not in view.hidden]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(column.id for column in columns)
    writer.writerows([_csv_value(column.data(row, now)) for column in columns] for row in rows)
    return file.getvalue()


def _csv_value(value: Plain) -> Plain:
    return csv_cell(value) if isinstance(value, str) else value


def as_json(table: Table[Row], rows: Iterable[Row], view: View, now: float) -> str:
    """The same values as JSON lines, one object per row."""
    columns = [column for column in table.columns if column.id not in view.hidden]
    return "\n".join(
        json.dumps({column.id: column.data(row, now) for column in columns}, ensure_ascii=False) for row in rows
    )


def caption(view: View, table: Table[Row], shown: int, total: int) -> str:
    """Sort, filter and count of a table, for the title of its panel."""
    arrow = "▼" if view.descending else "▲"
    parts = [f"sort {table.column(view.sort).title} {arrow}"]
    if view.filter:
        parts.append(f"filter {safe(view.filter, FILTER)}")
    parts.append(f"{shown}" if shown == total else f"{shown} of {total}")
    return "  ".join(parts)
