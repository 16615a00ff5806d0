"""The structure of an answer: what stands on its lines one after the other, and which marks it uses within them."""

import re
from collections.abc import Sequence

import numpy as np

from engine.scoring.reliability import Floats
from engine.sybil.agreement import alike

PLAIN = "t"
_LINES = (
    ("#", r"#{1,6}\s"),
    ("-", r"[-*•–]\s"),
    ("1", r"\d{1,3}[.)]\s"),
    ("`", r"```"),
    ("|", r"\|"),
    ("{", r"[{}\[\]]"),
)
_STARTS = tuple((mark, re.compile(rf"\s*{pattern}")) for mark, pattern in _LINES)
_WITHIN = (("b", "**"), ("x", "\\boxed"))
MAX_LINES = 200


def layout(text: str) -> str:
    """The layout as a short string, PLAIN for running text without any mark."""
    lines = [line for line in text.splitlines()[:MAX_LINES] if line.strip()]
    marks = [next((mark for mark, start in _STARTS if start.match(line)), PLAIN) for line in lines]
    runs = [mark for place, mark in enumerate(marks) if place == 0 or mark != marks[place - 1]]
    return "".join(runs) + "".join(mark for mark, sign in _WITHIN if sign in text)


def rarity(layouts: Sequence[str]) -> Floats:
    """Shape (n, n): for two of the same layout the share of the others that have another, else 0."""
    same = alike(layouts)
    others = np.maximum(len(layouts) - 2, 1)
    rare: Floats = np.where(same, (len(layouts) - same.sum(axis=1))[:, None] / others, 0.0)
    return rare
