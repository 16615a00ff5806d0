"""Numbers as columns of blocks, several cells high."""

from collections.abc import Sequence

from console.present.formats import SPARKS
from console.present.text import Line, Span, Tone, line

AXIS = 6
"""Cells of the scale at the left."""


def columns(values: Sequence[float], width: int, height: int, *, top: float, tone: Tone) -> list[Line]:
    """The last values, oldest first, a column each, between 0 and `top`; the scale stands at the left."""
    shown = values[-max(1, width - AXIS) :]
    eighths = [round(min(1.0, max(0.0, value / top)) * height * 8) for value in shown]
    lines = []
    for row in reversed(range(height)):
        label = f"{top:.2f}" if row == height - 1 else "0" if row == 0 else ""
        blocks = "".join(_block(count - row * 8) for count in eighths)
        lines.append(line(Span(f"{label:>{AXIS - 2}} ┤", "muted"), Span(blocks, tone)))
    return lines


def _block(eighths: int) -> str:
    return " " if eighths <= 0 else SPARKS[min(8, eighths) - 1]
