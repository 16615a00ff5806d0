"""How alike the answers of a round are by their vectors, drawn in cells: a matrix of shades, and a map of letters."""

from console.drawing.answers import by_cluster, compared, spread
from console.present.text import Line, Span, Tone, fit, line
from console.screens.challenge.content import NO_CLUSTER, tone_of
from engine.doors import RecordedRound
from engine.values import Verdict

MATRIX_TITLE = "Likeness  of the answers' vectors"
PLOT_TITLE = "Map  of the answers' vectors"
SHADES = " ░▒▓█"
LABEL = 7
"""The columns of an axis's label."""

HERE = "◉"
SEVERAL = "+"
NOTHING = line(Span("no answers compared", "muted"))
NOT_KEPT = line(Span("not compared yet, or recorded before likeness was kept", "muted"))


def shade(likeness: float) -> str:
    """A cell between blank for nothing in common and full for the same meaning."""
    return SHADES[min(len(SHADES) - 1, int(likeness * len(SHADES)))]


def matrix(recorded: RecordedRound, current: str, width: int, height: int) -> list[Line]:
    """A row and a column for each answer, cluster by cluster; `current` is the hotkey that is looked at.

    A cell within a cluster has the cluster's colour. What does not fit is counted in the last line.
    """
    likeness, verdicts = compared(recorded.round)
    if not verdicts:
        return [_why_nothing(recorded)]
    order = sorted(range(len(verdicts)), key=lambda place: by_cluster(verdicts[place]))
    fits = max(1, min(width - LABEL, height))
    if len(order) > fits:
        fits = max(1, fits - 1)
    shown = order[:fits]
    cell = 2 if LABEL + 2 * len(shown) <= width else 1
    lines = []
    for row in shown:
        mark = "▸" if verdicts[row].hotkey == current else " "
        one = verdicts[row]
        label = fit(f"{mark}{one.cluster or NO_CLUSTER:<2}{one.uid:>3}", LABEL)
        alike = (Span(shade(likeness.between(row, column)) * cell, _shared(one, verdicts[column])) for column in shown)
        lines.append((Span(label, _tone(one)), *alike))
    if len(shown) < len(order):
        lines.append(line(Span(f"+{len(order) - len(shown)} more answers in a larger pane", "muted")))
    return lines


def plot(recorded: RecordedRound, current: str, width: int, height: int) -> list[Line]:
    """Each answer as its cluster's letter: near ones say the same. `+` stands for several clusters in one cell."""
    likeness, verdicts = compared(recorded.round)
    if not verdicts:
        return [_why_nothing(recorded)]
    points = spread(likeness.points)
    grid: dict[tuple[int, int], Span] = {}
    for verdict, (x, y) in zip(verdicts, points, strict=True):
        cell = _cell(x, width), _cell(-y, height)
        letter = Span((verdict.cluster or NO_CLUSTER)[:1], _tone(verdict))
        grid[cell] = letter if grid.get(cell, letter) == letter else Span(SEVERAL)
    for verdict, (x, y) in zip(verdicts, points, strict=True):
        if verdict.hotkey == current:
            grid[_cell(x, width), _cell(-y, height)] = Span(HERE, _tone(verdict))
    return [tuple(grid.get((column, row), Span(" ")) for column in range(width)) for row in range(height)]


def matrix_legend(recorded: RecordedRound) -> str:
    """What the shades mean, and how many answers are not in the matrix because they left out."""
    if recorded.round.likeness is None:
        return ""
    answered = sum(reply.status == "ok" for reply in recorded.round.replies)
    out = answered - len(recorded.round.likeness.members)
    return "blank nothing in common  █ the same" + (f"  {out} left out" if out else "")


def plot_legend(recorded: RecordedRound) -> str:
    """What the marks of the map mean, and how much of the differences it can show; "" without one."""
    likeness = recorded.round.likeness
    if likeness is None or not likeness.members:
        return ""
    return f"{HERE} cursor  {SEVERAL} several  shows {likeness.kept:.0%} of the spread"


def _why_nothing(recorded: RecordedRound) -> Line:
    return NOT_KEPT if recorded.round.likeness is None else NOTHING


def _tone(verdict: Verdict) -> Tone:
    return tone_of(verdict.cluster)


def _shared(one: Verdict, other: Verdict) -> Tone:
    return tone_of(one.cluster) if one.cluster == other.cluster else "muted"


def _cell(coordinate: float, size: int) -> int:
    """From -1 … 1 to a cell of `size`."""
    return min(size - 1, max(0, round((coordinate + 1) / 2 * (size - 1))))
