"""The pulse of the rounds: how long answers take, and how far they agree, one round beside the other."""

from collections.abc import Sequence

from console.present import formats, states
from console.present.text import BLANK, Line, Span, fit, line
from engine.snapshot import RoundView

AXIS = 8
EIGHTHS = " ▁▂▃▄▅▆▇█"


def latency(rounds: Sequence[RoundView], width: int, height: int) -> list[Line]:
    """A column a round, the newest at the right: half of the answers within the strong part, 95 % within the whole."""
    columns = rounds[-max(1, width - AXIS) :]
    top = max((one.p95_ms for one in columns), default=0.0)
    if top <= 0:
        return [line(Span("no answers yet", "muted"))]
    lines = [
        line(
            Span(fit(_label(row, height, top), AXIS - 1, "right") + " ", "muted"),
            *(_cell(one, row, height, top) for one in columns),
        )
        for row in reversed(range(height - 1))
    ]
    return [*lines, line(" " * AXIS, Span("█ half of the answers", "accent"), Span("  █ 95%", "muted"))]


def _label(row: int, height: int, top: float) -> str:
    """The top line says how long the slowest took, the lowest that it stands on nothing."""
    return formats.milliseconds(top) if row == height - 2 else "0" if row == 0 else ""


def _cell(judged: RoundView, row: int, height: int, top: float) -> Span:
    def eighths(ms: float) -> int:
        return max(0, min(8, round(ms / top * (height - 1) * 8) - row * 8))

    half, most = eighths(judged.p50_ms), eighths(judged.p95_ms)
    return Span(EIGHTHS[half], "accent") if half else Span(EIGHTHS[most], "muted")


def agreement(rounds: Sequence[RoundView], width: int, height: int) -> list[Line]:
    """A cell a round, the newest at the end: the largest cluster's letter, or what went wrong."""
    width = max(1, width)
    shown = rounds[-width * max(1, height - 2) :]
    if not shown:
        return [line(Span("no rounds yet", "muted"))]
    cells = [_mark(one) for one in shown]
    lines = [tuple(cells[start : start + width]) for start in range(0, len(cells), width)]
    legend = line(
        Span("A", "ok"), " agreed  ", Span("▲", "warn"), " split or not stored  ", Span("✗", "err"), " no answer"
    )
    return [*lines, BLANK, legend]


def _mark(judged: RoundView) -> Span:
    state = states.of_round(judged)
    return Span("A" if state.tone == "ok" else state.glyph, state.tone)
