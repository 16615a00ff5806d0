"""The log of a data folder as it was at an earlier time: its last records until then, found by bisection."""

from collections.abc import Iterator
from contextlib import suppress
from io import SEEK_END
from pathlib import Path
from typing import BinaryIO

import msgspec

from engine.files import UNDECODABLE, not_a_file
from engine.logs import FILE, FILES, FOLDER, MAX_TEXT, RING
from engine.snapshot import LogLine
from engine.text import safe

CHUNK = 64 * 1024
LONGEST = 1024 * 1024
"""Bytes of one record; a longer line is skipped."""


def log_until(data_dir: Path, until: float) -> list[LogLine]:
    """The last records until the unix time `until`, oldest first, as many as a `LogRing` holds."""
    return last_lines(data_dir / FOLDER / FILE, until, RING)


def last_lines(path: Path, until: float, count: int) -> list[LogLine]:
    """The last `count` records of a log and of the files it was rotated into, oldest first.

    A file that is missing or unreadable counts as empty. The texts are cleaned, since anyone may have written the file.
    """
    newest_first: list[LogLine] = []
    for one in (path, *(path.with_name(f"{path.name}.{number}") for number in range(1, FILES))):
        if not_a_file(one):
            continue
        with suppress(OSError), one.open("rb") as file:
            for line in _backwards(file, _end_of(file, until)):
                newest_first.append(line)
                if len(newest_first) == count:
                    return newest_first[::-1]
    return newest_first[::-1]


def _end_of(file: BinaryIO, until: float) -> int:
    """The offset after the last record until then."""
    low, high = 0, file.seek(0, SEEK_END)
    while low < high:
        middle = (low + high) // 2
        start, line = _first_from(file, middle, high)
        if line is None:
            high = middle
        elif line.at <= until:
            low = start
        else:
            high = middle
    return low


def _first_from(file: BinaryIO, offset: int, limit: int) -> tuple[int, LogLine | None]:
    """The first record that begins from `offset` on and before `limit`, and the offset after it."""
    file.seek(max(0, offset - 1))
    if offset:
        file.readline(LONGEST)
    while (start := file.tell()) < limit:
        raw = file.readline(LONGEST)
        if (line := _decoded(raw)) is not None:
            return file.tell(), line
        if not raw:
            return start, None
    return limit, None


def _backwards(file: BinaryIO, end: int) -> Iterator[LogLine]:
    """The records before an offset, newest first."""
    rest = b""
    while end > 0:
        start = max(0, end - CHUNK)
        file.seek(start)
        first, *others = (file.read(end - start) + rest).split(b"\n")
        for raw in reversed(others):
            if (line := _decoded(raw)) is not None:
                yield line
        rest = first if len(first) <= LONGEST else b""
        end = start
    if (line := _decoded(rest)) is not None:
        yield line


def _decoded(raw: bytes) -> LogLine | None:
    try:
        line = msgspec.json.decode(raw, type=LogLine)
    except UNDECODABLE:
        return None
    return LogLine(line.at, safe(line.level), safe(line.logger), safe(line.text, lines=True)[:MAX_TEXT])
