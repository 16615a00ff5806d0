"""A theme at a glance, and how well its colours can be told apart.

Contrast after WCAG 2.2 (relative luminance), distance as eyes see it after CIE 1976 (L*a*b*), and as the colour-blind
do with the matrices of Viénot, Brettel and Mollon 1999 for dichromats. Colours are `#rrggbb`.
"""

import math
from itertools import combinations
from typing import Literal

from console.present import formats, states
from console.present.text import BLANK, CLUSTERS, Line, Span, line
from console.themes import ThemeFile

WAVE = (0.2, 0.35, 0.5, 0.6, 0.7, 0.8, 0.95, 1.0, 0.9, 0.7, 0.8, 0.95)
"""A curve with a rise, a peak and a dip, so that a sample shows every height of a bar."""


def sample(file: ThemeFile) -> list[Line]:
    """What the picker shows beside the names; it is painted in the theme itself."""
    return [
        line(*(part for state in states.MINERS.values() for part in (state.span, "  "))),
        line(*(part for state in states.LEVELS.values() for part in (state.span, "  "))),
        BLANK,
        line("EMA ", Span(formats.spark(WAVE, len(WAVE)), "accent"), "  ", Span(formats.bar(0.55, 12), "cluster-a")),
        line(*(Span(f"{letter}███ ", tone) for letter, tone in zip("ABCDEF", CLUSTERS, strict=True))),
        line(Span("muted words", "muted"), "  ", Span("a key", "key"), "  ", Span("a title", "title")),
        BLANK,
        *_checks(file),
    ]


def _checks(file: ThemeFile) -> list[Line]:
    colours = file.colours
    if file.ansi:
        return [line(Span("the terminal decides the colours", "muted"))]
    shown = {"text": colours.text, "muted": colours.muted, "ok": colours.ok, "warn": colours.warn, "err": colours.err}
    ratios = {name: contrast(colour, colours.background) for name, colour in shown.items()}
    worst = min(ratios.values())
    pairs = list(combinations((colours.ok, colours.warn, colours.err), 2))
    lines = [
        line(" ".join(f"{name} {ratio:.1f}" for name, ratio in ratios.items())),
        line("contrast: ", _verdict(f"all at least {READABLE}", worst >= READABLE)),
    ]
    for blindness in (None, "deuteranopia", "protanopia"):
        nearest = min(distance(one, other, blindness) for one, other in pairs)
        lines.append(line(f"{blindness or 'states'}: ", _verdict(f"Δ {nearest:.0f}", nearest >= DISTINCT)))
    return lines


def _verdict(text: str, good: bool) -> Span:
    return Span(f"{text} ✓", "ok") if good else Span(f"{text} ▲", "warn")


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
"""sRGB's matrix to CIE XYZ, and its white point (D65)."""


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
