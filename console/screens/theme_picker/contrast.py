"""How well colours can be told apart: contrast after WCAG 2, distance as eyes see it, and as the colour-blind do.

Colours are `#rrggbb`. Sources: WCAG 2.2 (relative luminance), CIE 1976 (L*a*b* and its distance), and the matrices of
Viénot, Brettel and Mollon 1999 for dichromats.
"""

import math
from typing import Literal

Rgb = tuple[float, float, float]
Blindness = Literal["deuteranopia", "protanopia"]

READABLE = 4.5
"""WCAG AA for text."""

DISTINCT = 20.0
"""Two colours this far apart are seen as different at a glance."""

_MATRICES: dict[Blindness, tuple[Rgb, Rgb, Rgb]] = {
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
}
_XYZ = ((0.4124564, 0.3575761, 0.1804375), (0.2126729, 0.7151522, 0.072175), (0.0193339, 0.119192, 0.9503041))
_WHITE = (0.95047, 1.0, 1.08883)


def contrast(one: str, other: str) -> float:
    """1 for the same colour, 21 for black on white."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def distance(one: str, other: str, blindness: Blindness | None = None) -> float:
    """How different two colours look; about 2 can just be seen."""
    return math.dist(_lab(_seen(_linear(one), blindness)), _lab(_seen(_linear(other), blindness)))


def _linear(colour: str) -> Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return _linear_channel(red), _linear_channel(green), _linear_channel(blue)


def _linear_channel(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _luminance(colour: str) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _times(matrix: tuple[Rgb, Rgb, Rgb], colour: Rgb) -> Rgb:
    red, green, blue = (sum(factor * value for factor, value in zip(row, colour, strict=True)) for row in matrix)
    return red, green, blue


def _seen(colour: Rgb, blindness: Blindness | None) -> Rgb:
    if blindness is None:
        return colour
    red, green, blue = (min(1.0, max(0.0, value)) for value in _times(_MATRICES[blindness], colour))
    return red, green, blue


def _lab(colour: Rgb) -> Rgb:
    x, y, z = (value / white for value, white in zip(_times(_XYZ, colour), _WHITE, strict=True))
    fx, fy, fz = (value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116 for value in (x, y, z))
    return 116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)
