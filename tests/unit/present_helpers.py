"""What the tests of texts and tables share."""

from collections.abc import Iterable
from typing import Any

from console.present.table import Table, arrange, place
from console.present.text import fit


def rows_of(table: Table[Any], rows: Iterable[Any], width: int, now: float) -> list[str]:
    """A table's rows as they are painted in so many cells, in its usual order."""
    return [
        " ".join(
            fit(placed.column.cell(row, now).text, placed.width, placed.column.align)
            for placed in place(table.columns, width)
        ).rstrip()
        for row in arrange(table, rows, table.usual(), now)
    ]
