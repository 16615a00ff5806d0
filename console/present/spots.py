"""A drawing whose parts can be selected by keys and by the mouse. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from console.present.text import Line


class Spot(NamedTuple):
    """A part of a drawing: the key of its subject, and its cells."""

    key: str
    x: int
    y: int
    width: int
    height: int = 1

    def holds(self, x: int, y: int) -> bool:
        """Whether this cell belongs to it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


class Drawing(NamedTuple):
    """Lines, and their parts in the order in which the cursor visits them."""

    lines: Sequence[Line]
    spots: Sequence[Spot] = ()

    def at(self, x: int, y: int) -> str:
        """The key of the part at this cell, "" if there is none."""
        return next((spot.key for spot in self.spots if spot.holds(x, y)), "")
