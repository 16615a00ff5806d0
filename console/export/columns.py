"""What an exported table is: its records, and its columns, each a name and a value."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from console.export.output import Cell, Line

R = TypeVar("R")


class ExportColumn(NamedTuple, Generic[R]):
    """A column of an export; `cell` takes a record."""

    name: str
    cell: Callable[[R], Cell]


class ExportTable(Struct, Generic[R], frozen=True):
    """A table to export; `records` reads its records from where they are."""

    records: Callable[..., Iterator[R]]
    columns: tuple[ExportColumn[R], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def lines(self, *source: object) -> Iterator[Line]:
        """The lines of the table, read one at a time; `source` is what `records` takes."""
        for one in self.records(*source):
            yield tuple(column.cell(one) for column in self.columns)
