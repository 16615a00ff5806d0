"""A history as a line of dots: two values a cell, four heights."""

from collections.abc import Sequence

LEFT, RIGHT = (0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08)
"""The dots of a cell's two halves, from the lowest."""

HEIGHTS = len(LEFT)


def history(values: Sequence[float], width: int) -> str:
    """The last values between 0 and 1, oldest first, in exactly `width` cells; the newest is at the right."""
    shown = [min(HEIGHTS - 1, max(0, round(value * (HEIGHTS - 1)))) for value in values[-2 * width :]]
    padded: list[int | None] = [None] * (2 * width - len(shown)) + [*shown]
    return "".join(_cell(left, right) for left, right in zip(padded[::2], padded[1::2], strict=True))


def _cell(left: int | None, right: int | None) -> str:
    dots = (0 if left is None else LEFT[left]) | (0 if right is None else RIGHT[right])
    return chr(0x2800 + dots) if dots else " "
