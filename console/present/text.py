"""Styled text without a terminal: widgets paint it, and tests read it. A tone says what a piece means; the theme
decides how that looks. Texts are already clean here (`engine.text.safe`).
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
"""All tones."""

CLUSTERS: tuple[Tone, ...] = tuple(tone for tone in TONES if tone.startswith("cluster-"))


def tone_of_cluster(letter: str) -> Tone:
    """The tone of a cluster by its letter; those from F on share one."""
    return CLUSTERS[min(max(0, ord(letter[:1] or "A") - ord("A")), len(CLUSTERS) - 1)]


class Span(NamedTuple):
    """A piece of one line."""

    text: str
    tone: Tone = ""


Line = tuple[Span, ...]

PART = " · "
"""Separates phrases, the first of which is dropped if there is no room."""

BLANK: Line = ()


def line(*parts: str | Span) -> Line:
    """A line made of parts; a plain string has the default tone."""
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


def ruled(title: str, figures: Line, width: int, *, heavy: bool = False) -> Line:
    """A rule of `width` cells with a title at its left and figures at its right.

    If there is no room for both, the figures lose whole phrases (separated by `·`) from the left, in the end all of
    them.
    """
    dash = "━" if heavy else "─"
    head = line(Span(dash * 2), " ", Span(title, "title"), " ")
    parts = _phrases(tuple(Span(span.text, span.tone or "muted") for span in figures))  # the rule's own is no text's
    while parts and width_of(head) + width_of(_joined(parts)) + 5 > width:
        parts.pop(0)
    tail = line(" ", *_joined(parts), " ", Span(dash * 2)) if parts else BLANK
    head = cut(head, width)
    return (*head, Span(dash * (width - width_of(head) - width_of(tail))), *tail)


def _phrases(figures: Line) -> list[Line]:
    found: list[list[Span]] = [[]]
    for span in figures:
        if span.text == PART:
            found.append([])
        else:
            found[-1].append(span)
    return [tuple(phrase) for phrase in found if phrase]


def _joined(phrases: Iterable[Line]) -> Line:
    spans: list[Span] = []
    for phrase in phrases:
        spans += [Span(PART, "muted"), *phrase] if spans else phrase
    return tuple(spans)


def phrases(*parts: Line | str) -> Line:
    """Figures for `ruled`: phrases that are dropped one by one if there is no room; empty ones are left out."""
    return _joined([line(Span(part, "muted")) if isinstance(part, str) else part for part in parts if part])


LABEL = 10
"""Width of the column of labels, unless a pane's labels are longer."""


def facts(rows: Iterable[tuple[str, Line]], label_width: int = LABEL) -> list[Line]:
    """Labelled lines, the labels in a column of their own."""
    return [(Span(fit(label, label_width), "muted"), *content) for label, content in rows]


def wrapped(text: str, width: int) -> list[str]:
    """A foreign text, cleaned and wrapped, between words if possible."""
    return [piece for line in safe(text, lines=True).split("\n") for piece in _pieces(line, max(2, width))]


def unwrapped(text: str, width: int) -> list[str]:
    """A foreign text, cleaned, each line cut at the width."""
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
