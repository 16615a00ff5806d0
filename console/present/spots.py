"""A drawing with parts that can be pointed at, by keys and by the mouse. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from console.present.text import Line


class Spot(NamedTuple):
    """A part of a drawing: what it is about, and its cells."""

    key: str
    x: int
    y: int
    width: int
    height: int = 1

    def holds(self, x: int, y: int) -> bool:
        """Whether this cell is in it."""
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


class Drawing(NamedTuple):
    """Lines, and their parts in the order in which a cursor goes through them."""

    lines: Sequence[Line]
    spots: Sequence[Spot] = ()

    def at(self, x: int, y: int) -> str:
        """What this cell is about, "" for nothing."""
        return next((spot.key for spot in self.spots if spot.holds(x, y)), "")
