"""The map of a round's answers: a mark for each, with the letter and colour of its cluster."""

import math
from collections.abc import Iterator, Sequence

from msgspec import Struct

from console.drawing import style
from console.drawing.answers import PlottedAnswer, spread
from console.drawing.svg import element, extent, label, title
from engine.text import safe
from engine.values import Likeness

EDGE = 48
LABEL_SIZE = 11
LISTED = 6
SAID = 200
RING = 3
APART = 1.9
"""Distance between the marks of equal answers, in radii."""

GOLDEN = math.pi * (3 - math.sqrt(5))
"""The golden angle, by which points fill a disc evenly, as a sunflower's seeds do."""


class Box(Struct, frozen=True):
    """The rectangle that something occupies."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        """Whether the two overlap."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def within(self, other: "Box") -> bool:
        """Whether it lies inside the other."""
        across = other.left <= self.left and self.right <= other.right
        return across and other.top <= self.top and self.bottom <= other.bottom


class MarkGroup(Struct, frozen=True):
    """Answers at one point of the map, and the positions of their marks, side by side."""

    answers: tuple[PlottedAnswer, ...]
    marks: tuple[tuple[float, float], ...]
    box: Box


def radius(count: int) -> float:
    """A mark's radius in pixels, for this number of answers."""
    return 11.0 if count <= 40 else 8.0 if count <= 100 else 6.0


def draw(answers: Sequence[PlottedAnswer], likeness: Likeness, x: float, y: float, side: float) -> str:
    """The map, in a square with its top left corner at (x, y)."""
    size = radius(len(answers))
    frame = Box(x, y, x + side, y + side)
    places = _places(answers, likeness, frame, size)
    return element(
        "g",
        element("rect", x=x, y=y, width=side, height=side, rx=6, fill=style.PANEL, stroke=style.FRAME),
        *(mark(one, *at, size) for place in places for one, at in zip(place.answers, place.marks, strict=True)),
        *_labels(places, frame, size),
    )


def mark(answer: PlottedAnswer, x: float, y: float, size: float) -> str:
    """A disc with the cluster's letter; the winner's has a second ring around it."""
    colour, letter = style.of_cluster(answer.cluster), answer.cluster or "–"
    about = f"{answer.who}, cluster {answer.cluster or 'none'}{', winner' if answer.won else ''}: {answer.text}"
    ring = element("circle", cx=x, cy=y, r=size + RING, fill="none", stroke=style.INK, stroke_width=1.6)
    return element(
        "g",
        title(safe(about, SAID)),
        *([ring] if answer.won else []),
        element("circle", cx=x, cy=y, r=size, fill=colour.fill, stroke=style.INK if letter == "–" else style.PAPER),
        label(
            letter, x, y + size * 0.4, size * (1.15 if len(letter) == 1 else 0.85), text_anchor="middle",
            font_weight="600", fill=colour.ink,
        ),
        class_="mark",
    )  # fmt: skip


def _places(answers: Sequence[PlottedAnswer], likeness: Likeness, frame: Box, size: float) -> list[MarkGroup]:
    points = spread(likeness.points)
    together: dict[tuple[float, float], list[PlottedAnswer]] = {}
    for one in answers:
        together.setdefault(points[one.index], []).append(one)
    reach = (frame.right - frame.left) / 2 - EDGE
    middle_x, middle_y = (frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2
    return [
        _place(group, middle_x + across * reach, middle_y - up * reach, frame, size)
        for (across, up), group in together.items()
    ]


def _place(group: Sequence[PlottedAnswer], x: float, y: float, frame: Box, size: float) -> MarkGroup:
    """The marks' positions around (x, y), or as close to it as the frame allows."""
    away = [APART * size * math.sqrt(seed) for seed in range(len(group))]
    outer = away[-1] + size + RING
    x = max(frame.left + outer, min(frame.right - outer, x))
    y = max(frame.top + outer, min(frame.bottom - outer, y))
    marks = tuple(
        (x + far * math.cos(seed * GOLDEN), y + far * math.sin(seed * GOLDEN)) for seed, far in enumerate(away)
    )
    across, down = zip(*marks, strict=True)
    edge = size + RING
    box = Box(min(across) - edge, min(down) - edge, max(across) + edge, max(down) + edge)
    return MarkGroup(tuple(group), marks, box)


def _labels(places: Sequence[MarkGroup], frame: Box, size: float) -> Iterator[str]:
    """The uids beside their marks, where there is room; the heat map lists them all."""
    taken = [place.box for place in places]
    for place in places:
        text = _uids(place.answers)
        for box in _beside(place.box, extent(text, LABEL_SIZE), size):
            if box.within(frame) and not any(map(box.meets, taken)):
                taken.append(box)
                yield label(text, box.left, box.bottom - 3, LABEL_SIZE, fill=style.INK)
                break


def _uids(answers: Sequence[PlottedAnswer]) -> str:
    shown = ", ".join(f"{'★' if one.won else ''}{one.uid}" for one in answers[:LISTED])
    return f"{shown} +{len(answers) - LISTED}" if len(answers) > LISTED else shown


def _beside(box: Box, width: float, size: float) -> Iterator[Box]:
    """Where a text of this width may go: right of the box, left of it, below or above."""
    height, gap = LABEL_SIZE + 4, size * 0.4
    middle_x, middle_y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    for left, top in (
        (box.right + gap, middle_y - height / 2),
        (box.left - gap - width, middle_y - height / 2),
        (middle_x - width / 2, box.bottom + gap / 2),
        (middle_x - width / 2, box.top - gap / 2 - height),
    ):
        yield Box(left, top, left + width, top + height)
