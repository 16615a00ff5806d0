"""What a cell of an export may hold."""

from datetime import UTC, datetime

Cell = str | int | float | list[list[int]] | list[int] | None
Record = tuple[Cell, ...]


def time_text(at: float | None) -> str | None:
    """Unix seconds as ISO 8601 in UTC, to the millisecond."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
