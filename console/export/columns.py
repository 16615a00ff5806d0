"""What an exported table is: its records, and its columns, each a name and a value."""

from collections.abc import Callable, Iterator
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from console.export.output import Cell, Line
from engine.store.record import Record

R = TypeVar("R")


class ExportColumn(NamedTuple, Generic[R]):
    """A column of an export; `cell` takes a record."""

    name: str
    cell: Callable[[R], Cell]


class ExportTable(Struct, Generic[R], frozen=True):
    """A table to export. `records` takes the record of the data folder, the oldest unix time, and now."""

    records: Callable[[Record, float, float], Iterator[R]]
    columns: tuple[ExportColumn[R], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def lines(self, record: Record, since: float, now: float) -> Iterator[Line]:
        """The lines of the table, read one at a time."""
        for one in self.records(record, since, now):
            yield tuple(column.cell(one) for column in self.columns)
