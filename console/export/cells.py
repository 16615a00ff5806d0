"""What a cell of an export may hold."""

Cell = str | int | float | list[list[int]] | list[int] | None
Record = tuple[Cell, ...]
