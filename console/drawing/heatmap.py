"""The likeness of each pair of answers as a square of colours, cluster by cluster."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from console.drawing import style
from console.drawing.answers import PlottedAnswer
from console.drawing.svg import element, fitting, label, title
from engine.values import Likeness

SIDE = 560
SMALLEST, LARGEST = 6, 36
"""Smallest side of a cell in pixels: with 256 answers, cells can still be told apart when enlarged."""

READABLE = 24
"""The side from which a cell has room for its number, in pixels."""

NAMES = 140
"""Pixels left of the square, for the name, the uid, and a bar in the cluster's colour."""

UIDS = 40
LEVELS = 32
SCALE_STEPS = 64
"""Pixels of a uid beside its name, distinguishable shades, and steps of the legend."""


def cell_of(count: int) -> int:
    """The side of a cell in pixels, for this number of answers."""
    return max(SMALLEST, min(LARGEST, SIDE // max(1, count)))


def draw(answers: Sequence[PlottedAnswer], likeness: Likeness, x: float, y: float) -> str:
    """The heat map. The square's top left corner is at (x, y); names are left of it, uids above."""
    cell = cell_of(len(answers))
    return element(
        "g",
        *_cells(answers, likeness, x, y, cell),
        *(_numbers(answers, likeness, x, y, cell) if cell >= READABLE else ()),
        *_blocks(answers, x, y, cell),
        *_names(answers, x, y, cell),
    )


def scale(x: float, y: float, width: float) -> str:
    """The legend of the colours."""
    step = width / SCALE_STEPS
    bars = (
        element("rect", x=x + step * at, y=y, width=step + 0.5, height=10, fill=style.heat(at / (SCALE_STEPS - 1)).fill)
        for at in range(SCALE_STEPS)
    )
    ends = (
        label("0 nothing in common", x, y + 24, 11, fill=style.MUTED),
        label("1 the same", x + width, y + 24, 11, fill=style.MUTED, text_anchor="end"),
    )
    return element("g", *bars, *ends)


def _cells(answers: Sequence[PlottedAnswer], likeness: Likeness, x: float, y: float, cell: int) -> Iterator[str]:
    """One path per colour level, in which neighbouring cells of a row are one rectangle."""
    paths: dict[int, list[str]] = {}
    for row, one in enumerate(answers):
        column = 0
        for level, run in groupby(round(likeness.between(one.index, other.index) * LEVELS) for other in answers):
            width = cell * sum(1 for _ in run)
            paths.setdefault(level, []).append(f"M{x + column:g} {y + row * cell:g}h{width:g}v{cell:g}h-{width:g}z")
            column += width
    for level, rectangles in sorted(paths.items()):
        yield element("path", d="".join(rectangles), fill=style.heat(level / LEVELS).fill, shape_rendering="crispEdges")


def _numbers(answers: Sequence[PlottedAnswer], likeness: Likeness, x: float, y: float, cell: int) -> Iterator[str]:
    size = cell * 0.34
    for row, one in enumerate(answers):
        for column, other in enumerate(answers):
            alike = likeness.between(one.index, other.index)
            shown = "1" if alike > 0.995 else f"{alike:.2f}".removeprefix("0")
            at_x, at_y = x + (column + 0.5) * cell, y + (row + 0.5) * cell + size * 0.36
            yield label(shown, at_x, at_y, size, text_anchor="middle", fill=style.heat(alike).ink)


def _blocks(answers: Sequence[PlottedAnswer], x: float, y: float, cell: int) -> Iterator[str]:
    """A frame around each cluster, in its colour."""
    start = 0
    for cluster, members in groupby(answers, key=lambda one: one.cluster):
        count = sum(1 for _ in members)
        if cluster:
            side, corner = count * cell, start * cell
            yield element(
                "rect", x=x + corner, y=y + corner, width=side, height=side, fill="none",
                stroke=style.of_cluster(cluster).fill, stroke_width=max(1.5, cell * 0.09),
            )  # fmt: skip
        start += count


def _names(answers: Sequence[PlottedAnswer], x: float, y: float, cell: int) -> Iterator[str]:
    size = min(12.0, cell * 0.85)
    for place, one in enumerate(answers):
        middle = (place + 0.5) * cell
        colour = style.of_cluster(one.cluster)
        base = y + middle + size * 0.36
        name = fitting(("★ " if one.won else "") + one.name, NAMES - UIDS, size)
        yield label(name, x - UIDS, base, size, text_anchor="end", fill=style.INK)
        yield label(str(one.uid), x - 16, base, size, text_anchor="end", fill=style.INK)
        yield element(
            "rect", title(f"cluster {one.cluster or 'none'}"), x=x - 11, y=y + place * cell + cell * 0.1, width=6,
            height=cell * 0.8, fill=colour.fill, stroke=style.FRAME, stroke_width=0.5,
        )  # fmt: skip
        turned = f"rotate(-90 {x + middle:g} {y - 6:g})"
        yield label(str(one.uid), x + middle, y - 6 + size * 0.36, size, transform=turned, fill=style.MUTED)
