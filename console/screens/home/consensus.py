"""The consensus of the last rounds: a column a round, its clusters on top of each other."""

from collections.abc import Sequence
from typing import NamedTuple

from console.present import formats, states
from console.present.spots import Drawing, Spot
from console.present.text import CLUSTERS, Line, Span, Tone, line, phrases
from console.screens.challenges.content import LETTERS
from engine.snapshot import RoundView

AXIS = 6
"""Cells of the scale."""

WIDE_FROM = 90
"""Cells from which a column is two cells wide."""


class Segment(NamedTuple):
    """How a share of the replies is drawn."""

    cell: str
    tone: Tone


A, B, C, OTHERS, NONE = (
    Segment("█", CLUSTERS[0]),
    Segment("▓", CLUSTERS[1]),
    Segment("▒", CLUSTERS[2]),
    Segment("░", CLUSTERS[3]),
    Segment("·", "muted"),
)
LEGEND = ((A, "A"), (B, "B"), (C, "C"), (OTHERS, "others"), (NONE, "none"))


def ordered(rounds: Sequence[RoundView]) -> list[RoundView]:
    """The oldest first."""
    return sorted(rounds, key=lambda one: one.at)


def title(rounds: Sequence[RoundView], at: str) -> str:
    """How many rounds there are, or what the one under the cursor came to."""
    chosen = next((one for one in rounds if one.id == at), None)
    if chosen is not None:
        return f"Consensus  {formats.clock(chosen.at)} {chosen.kind}"
    return f"Consensus  last {formats.counted(len(rounds), 'round')}" if rounds else "Consensus"


def figures(rounds: Sequence[RoundView], at: str) -> Line:
    """The legend, and how many rounds are split; of the round under the cursor, its clusters."""
    chosen = next((one for one in rounds if one.id == at), None)
    if chosen is not None:
        return _of_one(chosen)
    split = sum(states.is_split(one) for one in rounds)
    legend = [span for part, word in LEGEND for span in (Span(part.cell, part.tone), Span(f" {word} ", "muted"))]
    marked = line(Span("▲", "warn"), f" {split} split") if split else "none split"
    return phrases(line(*legend), marked if rounds else "")


def _of_one(judged: RoundView) -> Line:
    state = states.of_round(judged)
    sizes = [f"{letter} {size}" for letter, size in zip(LETTERS, judged.clusters[:3], strict=False)]
    others = sum(judged.clusters[3:])
    return phrases(
        line(state.span),
        " ".join([*sizes, *([f"others {others}"] if others else [])]),
        f"votes {formats.percent(judged.agreement)}",
        "known answer" if judged.known else "open question",
    )


def chart(rounds: Sequence[RoundView], width: int, height: int, at: str) -> Drawing:
    """The last rounds, the newest at the right edge; under each who won, by how many replies and votes."""
    cell = 2 if width >= WIDE_FROM else 1
    count = max(1, (width - AXIS) // (cell + 1))
    shown = rounds[-count:]
    if not rounds:
        return Drawing(
            [
                line(Span("100% ┤", "muted")),
                line(Span("     │ no rounds yet: the first judged round is a column at the right edge", "muted")),
                line(Span("  0% ┤", "muted")),
            ][:height]
        )
    feet = _feet(shown, cell, height, at)
    rows = max(1, height - len(feet))
    pad = " " * ((cell + 1) * (count - len(shown)))
    columns = [_column(one, rows) for one in shown]
    lines = [
        line(Span(_scale(row, rows), "muted"), pad, *_row([column[row] for column in columns], cell))
        for row in reversed(range(rows))
    ]
    lines += [line(Span(f"{label:>{AXIS - 1}} ", "muted"), pad, *spans) for label, spans in feet]
    spots = [Spot(one.id, AXIS + len(pad) + place * (cell + 1), 0, cell + 1, height) for place, one in enumerate(shown)]
    return Drawing(lines[:height], spots)


def _scale(row: int, rows: int) -> str:
    if row == rows - 1:
        return "100% ┤"
    if row == 0:
        return "  0% ┤"
    return " 50% ┤" if rows >= 5 and row == rows // 2 else "     │"


def _column(judged: RoundView, rows: int) -> list[Segment]:
    """The parts of a round from the lowest row up, by their shares of those asked."""
    sizes = judged.clusters
    parts = [(A, sum(sizes[:1])), (B, sum(sizes[1:2])), (C, sum(sizes[2:3])), (OTHERS, sum(sizes[3:]))]
    asked = max(1, judged.asked)
    found: list[Segment] = []
    total = 0
    for part, size in parts:
        total += size
        found += [part] * (round(total / asked * rows) - len(found))
    return [*found, *[NONE] * (rows - len(found))][:rows]


def _row(parts: Sequence[Segment], cell: int) -> list[Span]:
    spans: list[Span] = []
    for part in parts:
        text = part.cell * cell + " "
        if spans and spans[-1].tone == part.tone:
            spans[-1] = Span(spans[-1].text + text, part.tone)
        else:
            spans.append(Span(text, part.tone))
    return spans


def _feet(rounds: Sequence[RoundView], cell: int, height: int, at: str) -> list[tuple[str, list[Span]]]:
    """Who won each round, by how many replies, with what share of the votes, and when: as many lines as there is room
    for."""
    feet = [("won", [_winner(one, cell, at) for one in rounds])]
    if height >= 7 and cell > 1:
        feet.append(("by", [Span(f"{_winners(one):>2} "[:3], "muted") for one in rounds]))
    if height >= 6:
        votes = [Span(formats.spark([one.agreement], 1, top=1.0) * cell + " ", "muted") for one in rounds]
        feet.append(("votes", votes))
    if height >= 8:
        feet.append(("", [Span(_times(rounds, cell + 1), "muted")]))
    return feet if height > len(feet) else []


def _winners(judged: RoundView) -> int:
    return judged.clusters[judged.won] if judged.won is not None and judged.won < len(judged.clusters) else 0


def _winner(judged: RoundView, cell: int, at: str) -> Span:
    """The letter of the winner's cluster: ▲ where the votes were split, ✗ where nobody answered."""
    state = states.of_round(judged)
    mark, tone = state.glyph, state.tone
    if state.tone != "err" and not states.is_split(judged) and judged.won is not None:
        mark, tone = LETTERS[min(judged.won, len(LETTERS) - 1)], ""
    if cell > 1:
        mark += "✓" if judged.known and tone != "err" else " "
    return Span(f"{mark} ", "key" if judged.id == at else tone)


def _times(rounds: Sequence[RoundView], step: int) -> str:
    """The times of some rounds under their columns, and "now" at the end."""
    cells = len(rounds) * step
    text = [" "] * cells
    for start in range(0, cells - 14, 24):
        text[start : start + 8] = formats.clock(rounds[start // step].at)
    if cells >= 4:
        text[-4:] = " now"
    return "".join(text)
