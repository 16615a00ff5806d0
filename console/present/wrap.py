"""Long texts as lines of a given width."""

from collections.abc import Iterator

from engine.text import cells, safe


def wrapped(text: str, width: int) -> list[str]:
    """A foreign text, cleaned, broken between words where there is room for that, else anywhere."""
    return [piece for line in safe(text, lines=True).split("\n") for piece in _pieces(line, max(2, width))]


def unwrapped(text: str, width: int) -> list[str]:
    """A foreign text, cleaned, each of its lines cut where the width ends."""
    return safe(text, max(2, width), lines=True).split("\n")


def _pieces(line: str, width: int) -> Iterator[str]:
    if cells(line) <= width:
        yield line
        return
    start, used, space = 0, 0, -1
    for at, character in enumerate(line):
        used += cells(character)
        if character == " ":
            space = at
        if used > width:
            end = space + 1 if space >= start and cells(line[space + 1 : at + 1]) <= width else at
            yield line[start:end].rstrip(" ")
            start, used = end, cells(line[end : at + 1])
    yield line[start:]
