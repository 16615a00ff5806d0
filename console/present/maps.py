"""How alike the answers of a round are, drawn in cells: a matrix of shades, and a map with a letter for each answer."""

from console.present.consensus import NO_CLUSTER, tone_of
from console.present.recorded import RecordedRound
from console.present.text import Line, Span, Tone, fit, line
from engine.values import Verdict

BY_WORDING = "by wording, not the encoder's vectors"
MATRIX_TITLE = f"Likeness  {BY_WORDING}"
MATRIX_LEGEND = "blank nothing in common  █ the same words"
PLOT_TITLE = f"Map  {BY_WORDING}"
SHADES = " ░▒▓█"
LABEL = 7
HERE = "◉"
SEVERAL = "+"
NOTHING = line(Span("nobody answered", "muted"))


def shade(likeness: float) -> str:
    """A cell between blank for nothing in common and full for the same words."""
    return SHADES[min(len(SHADES) - 1, int(likeness * len(SHADES)))]


def matrix(recorded: RecordedRound, current: str, width: int, height: int) -> list[Line]:
    """A row and a column for each answer, cluster by cluster; `current` is the hotkey that is looked at.

    A cell within a cluster has the cluster's colour. What does not fit is counted in the last line.
    """
    verdicts, likeness = _answers(recorded), recorded.likeness
    order = sorted(range(len(verdicts)), key=lambda place: _by_cluster(verdicts[place]))
    if not order:
        return [NOTHING]
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
        alike = (Span(shade(likeness.matrix[row][column]) * cell, _shared(one, verdicts[column])) for column in shown)
        lines.append((Span(label, _tone(one)), *alike))
    if len(shown) < len(order):
        lines.append(line(Span(f"+{len(order) - len(shown)} more answers, which a larger pane shows", "muted")))
    return lines


def plot(recorded: RecordedRound, current: str, width: int, height: int) -> list[Line]:
    """Each answer as its cluster's letter: near ones are worded alike. `+` stands for several clusters in one cell."""
    verdicts = _answers(recorded)
    if not verdicts:
        return [NOTHING]
    grid: dict[tuple[int, int], Span] = {}
    for verdict, (x, y) in zip(verdicts, recorded.likeness.points, strict=True):
        cell = _cell(x, width), _cell(-y, height)
        letter = Span((verdict.cluster or NO_CLUSTER)[:1], _tone(verdict))
        grid[cell] = letter if grid.get(cell, letter) == letter else Span(SEVERAL)
    for verdict, (x, y) in zip(verdicts, recorded.likeness.points, strict=True):
        if verdict.hotkey == current:
            grid[_cell(x, width), _cell(-y, height)] = Span(HERE, _tone(verdict))
    return [tuple(grid.get((column, row), Span(" ")) for column in range(width)) for row in range(height)]


def plot_legend(recorded: RecordedRound) -> str:
    return f"{HERE} cursor  {SEVERAL} several  shows {recorded.likeness.kept:.0%} of the differences"


def _answers(recorded: RecordedRound) -> list[Verdict]:
    """The verdicts on the answers that were compared, in the order of the comparison."""
    return [recorded.round.judgement.verdicts[place] for place in recorded.likeness.members]


def _by_cluster(verdict: Verdict) -> tuple[bool, int, str, int]:
    return not verdict.cluster, len(verdict.cluster), verdict.cluster, verdict.uid


def _tone(verdict: Verdict) -> Tone:
    return tone_of(verdict.cluster)


def _shared(one: Verdict, other: Verdict) -> Tone:
    return tone_of(one.cluster) if one.cluster == other.cluster else "muted"


def _cell(coordinate: float, size: int) -> int:
    """From -1 … 1 to a cell of `size`."""
    return min(size - 1, max(0, round((coordinate + 1) / 2 * (size - 1))))
