"""A recorded round as one picture: the question, how alike the answers are, where they lie, and the clusters."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from console.drawing import cluster_map, heatmap, style
from console.drawing.answers import PlottedAnswer, answers, left_out
from console.drawing.svg import FONT, element, fitting, label, title
from console.present.text import wrapped
from engine.values import Likeness, Round

MARGIN = 36
GAP = 56
LEAST_SIDE = 440
LINE = 24
"""Pixels: the margin of a page, the gap between its parts, its smaller side, and a line of text."""

CLUSTERS = 12
OTHERS = 8
ID_LENGTH = 80
"""Clusters and other replies that are listed, and characters of an id in the title."""


def picture(judged: Round, names: Mapping[str, str]) -> str:
    """The round as an SVG document; `names` are the miners' names by hotkey. The round must have a likeness."""
    shown, likeness = answers(judged, names), judged.likeness or Likeness()
    square = heatmap.cell_of(len(shown)) * len(shown)
    side = max(LEAST_SIDE, square)
    left = MARGIN + heatmap.NAMES
    right = left + side + GAP
    width = right + side + MARGIN
    head, top = _head(judged, shown, width - 2 * MARGIN)
    top += 80
    under = top + side + 84
    legend, bottom = _legend(shown, left_out(judged, names), under, width - 2 * MARGIN)
    parts = [
        title(f"Round {judged.challenge.id}: the likeness of its answers"),
        element("rect", width=width, height=bottom + MARGIN, fill=style.PAPER),
        *head,
        _caption("Likeness", "cosine of the answers' vectors, cluster by cluster", left, top - 34),
        _caption("Map", _about_map(shown, likeness), right, top - 34),
        heatmap.scale(left, top + side + 14, 220),
        label("equal answers are side by side", right, top + side + 24, 11, fill=style.MUTED),
        heatmap.draw(shown, likeness, left, top),
        cluster_map.draw(shown, likeness, right, top, side),
        *legend,
    ]
    drawn = element(
        "svg", "\n".join(parts), xmlns="http://www.w3.org/2000/svg", width=width, height=bottom + MARGIN,
        viewBox=f"0 0 {width:g} {bottom + MARGIN:g}", font_family=FONT, role="img",
    )  # fmt: skip
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{drawn}\n'


def file_name(judged: Round) -> str:
    """A safe file name for the picture of this round, whatever its id contains."""
    return f"round-{re.sub(r'[^A-Za-z0-9._-]', '_', judged.challenge.id)[:ID_LENGTH]}.svg"


def _head(judged: Round, shown: Sequence[PlottedAnswer], width: float) -> tuple[list[str], float]:
    """Which round it is, and the y at which this part ends."""
    challenge, judgement = judged.challenge, judged.judgement
    answered = sum(reply.status == "ok" for reply in judged.replies)
    winner = next((one for one in shown if one.won), None)
    facts = (
        f"{challenge.kind}, {challenge.answer_type.replace('_', ' ')}",
        f"{datetime.fromtimestamp(judged.started_at, UTC):%Y-%m-%d %H:%M:%S} UTC",
        f"profile {judgement.profile}",
        f"{answered} of {len(judged.replies)} answered, {len(shown)} compared",
        f"agreement {judgement.agreement:.0%}",
        f"★ winner {winner.who}" if winner else "no winner",
    )
    lines = [
        label(fitting(f"Round {challenge.id}", width, 24), MARGIN, 52, 24, font_weight="600", fill=style.INK),
        label(fitting("  ·  ".join(facts), width, 13), MARGIN, 78, 13, fill=style.MUTED),
    ]
    y = 78.0
    question = wrapped(challenge.request.question, int(width / 9))
    for text in [*question[:2], *(["…"] if len(question) > 2 else [])]:
        y += LINE
        lines.append(label(text, MARGIN, y, 15, fill=style.INK))
    return lines, y


def _about_map(shown: Sequence[PlottedAnswer], likeness: Likeness) -> str:
    if not shown:
        return "no answer was compared"
    return f"close answers say the same; shows {likeness.kept:.0%} of the spread"


def _caption(name: str, about: str, x: float, y: float) -> str:
    return element(
        "g",
        label(name, x, y, 16, font_weight="600", fill=style.INK),
        label(about, x + 24 + len(name) * 9, y, 12, fill=style.MUTED),
    )


def _legend(shown: Sequence[PlottedAnswer], others: Sequence[str], y: float, width: float) -> tuple[list[str], float]:
    """A line per cluster with its best answer, then the miners that were not compared; and the y at which this ends."""
    groups = [(cluster, list(members)) for cluster, members in groupby(shown, key=lambda one: one.cluster)]
    lines = []
    for cluster, members in groups[:CLUSTERS]:
        best = max(members, key=lambda one: (one.won, one.emission))
        count = f"{len(members)} of {len(shown)}" if cluster else f"{len(members)} in no cluster"
        said = f"{best.who}:  {best.text}"
        lines += [
            cluster_map.mark(best, MARGIN + 14, y - 5, 9),
            label(count, MARGIN + 36, y, 13, fill=style.INK, font_weight="600"),
            label(fitting(said, width - 150, 13), MARGIN + 150, y, 13, fill=style.INK),
        ]
        y += LINE
    rest = [f"and {len(groups) - CLUSTERS} smaller clusters"] if len(groups) > CLUSTERS else []
    rest += [f"not compared: {text}" for text in others[:OTHERS]]
    rest += [f"and {len(others) - OTHERS} more that were not compared"] if len(others) > OTHERS else []
    for text in rest:
        lines.append(label(fitting(text, width, 13), MARGIN, y, 13, fill=style.MUTED))
        y += LINE
    return lines, y - LINE
