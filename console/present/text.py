"""Pieces of styled text without a terminal: what a widget paints and a test reads.

A tone says what a piece means; the theme decides how that looks. Texts are clean when they get here
(`engine.text.safe`).
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from engine.text import cells, safe

Align = Literal["left", "right"]
Tone = Literal[
    "", "muted", "accent", "title", "key", "ok", "warn", "err", "info",
    "cluster-a", "cluster-b", "cluster-c", "cluster-d", "cluster-e", "cluster-f",
]  # fmt: skip

TONES: tuple[Tone, ...] = Tone.__args__[1:]  # type: ignore[attr-defined]
"""Every tone with a look of its own."""

CLUSTERS: tuple[Tone, ...] = tuple(tone for tone in TONES if tone.startswith("cluster-"))


class Span(NamedTuple):
    """A piece of one line."""

    text: str
    tone: Tone = ""


Line = tuple[Span, ...]

BLANK: Line = ()


def line(*parts: str | Span) -> Line:
    """A line of parts; a bare text has the usual tone."""
    return tuple(Span(part) if isinstance(part, str) else part for part in parts if part)


def text_of(content: Line) -> str:
    """A line without its tones."""
    return "".join(span.text for span in content)


def width_of(content: Line) -> int:
    """How many cells a line takes."""
    return sum(cells(span.text) for span in content)


def fit(text: str, width: int, align: Align = "left") -> str:
    """`text` in exactly `width` cells: padded, or cut with `…`."""
    if text.isascii() and len(text) <= width:
        return text.rjust(width) if align == "right" else text.ljust(width)
    cut = text if cells(text) <= width else safe(text, width)
    gap = " " * (width - cells(cut))
    return gap + cut if align == "right" else cut + gap


def cut(content: Line, width: int) -> Line:
    """The beginning of a line, `width` cells at most; what was cut ends in `…`."""
    if width_of(content) <= width:
        return content
    kept: list[Span] = []
    for span in content:
        room = width - width_of(tuple(kept))
        if cells(span.text) >= room:
            kept.append(Span(safe(span.text + " ", room), span.tone))
            break
        kept.append(span)
    return tuple(kept)


def spread(left: Line, right: Line, width: int) -> Line:
    """`left` and `right` at the two ends of `width` cells; the left one is cut when there is no room for both."""
    left = cut(left, max(0, width - width_of(right) - 1))
    return (*left, Span(" " * (width - width_of(left) - width_of(right))), *right)


LABEL = 10
"""Cells of the column of labels, unless a pane's are longer."""


def facts(rows: Iterable[tuple[str, Line]], label_width: int = LABEL) -> list[Line]:
    """Labelled lines, the labels in a column of their own."""
    return [(Span(fit(label, label_width), "muted"), *content) for label, content in rows]


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
