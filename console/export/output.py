"""A table to export, and its lines as CSV or JSON, on stdout or in a file that appears only once it is complete."""

import csv
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TextIO, TypeVar

from msgspec import Struct

from console.errors import ConsoleError
from engine.text import csv_cell, safe

Cell = str | int | float | list[list[int]] | list[int] | dict[str, float] | None
Line = tuple[Cell, ...]
R = TypeVar("R")


class ExportColumn(NamedTuple, Generic[R]):
    """A column of an export; `cell` returns its value for a record."""

    name: str
    cell: Callable[[R], Cell]


class ExportTable(Struct, Generic[R], frozen=True):
    """A table to export; `records` reads them from their source."""

    records: Callable[..., Iterator[R]]
    columns: tuple[ExportColumn[R], ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def lines(self, *source: object) -> Iterator[Line]:
        """The lines of the table, read one at a time; `source` is the argument of `records`."""
        for one in self.records(*source):
            yield tuple(column.cell(one) for column in self.columns)


def time_text(at: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Format = Literal["csv", "jsonl"]


def write(stream: TextIO, format: Format, columns: Sequence[str], records: Iterable[Line]) -> None:
    """Write record by record. CSV is that of RFC 4180 with a header, JSON lines are objects by column."""
    if format == "csv":
        writer = csv.writer(stream, lineterminator="\r\n")
        writer.writerow(columns)
        writer.writerows(map(_csv_cell, record) for record in records)
    else:
        for record in records:
            cells = dict(zip(columns, map(_json_cell, record), strict=True))
            stream.write(json.dumps(cells, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")


@contextmanager
def opened(out: Path | Literal["-"], option: str = "--out") -> Iterator[TextIO]:
    """The output to write to. If the reader closes the pipe, writing ends without an error. Raises ConsoleError if a
    file (given with `option`) cannot be written; its previous contents are then kept.
    """
    if out == "-":
        sys.stdout.flush()
        try:
            with os.fdopen(os.dup(1), "w", encoding="utf-8", newline="") as stream:
                yield stream
        except BrokenPipeError:
            return
        except OSError as error:
            raise ConsoleError(f"stdout cannot be written: {error.strerror or error}") from error
        return
    try:
        with _replacing(out) as stream:
            yield stream
    except OSError as error:
        raise ConsoleError(f"{option} {out} cannot be written: {error.strerror or error}") from error


@contextmanager
def _replacing(out: Path) -> Iterator[TextIO]:
    if out.exists() and not out.is_file():
        with out.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        return
    unfinished = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        unfinished.unlink(missing_ok=True)
        # "x" follows no link: where others may write, they may have put one under a name that they guessed.
        with unfinished.open("x", encoding="utf-8", newline="") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def _csv_cell(cell: Cell) -> str | int | float | None:
    if isinstance(cell, list | dict):
        return json.dumps(cell, separators=(",", ":"))
    # Cleaned first: what cleaning takes away from the beginning must not uncover a formula.
    return csv_cell(safe(cell)) if isinstance(cell, str) else cell


def _json_cell(cell: Cell) -> Cell:
    return safe(cell, lines=True) if isinstance(cell, str) else cell
