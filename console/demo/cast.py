"""The cast of the demo subnet: its miners by name, with role and speed."""

from collections import Counter
from itertools import chain, cycle, islice
from typing import Literal

from msgspec import Struct

Role = Literal[
    "strong", "good", "slow", "weak", "llm", "lazy", "echo", "refusal", "garbage", "copycat", "clique", "flapping"
]

LEADER = "strong-1"
"""The miner whose answers copycats copy."""

FEWEST, USUAL, MOST = 4, 17, 255
"""The fewest and the most miners of a demo: enough for every role, and the subnet's uids without the validator's."""

_DELAYS: dict[Role, tuple[float, float]] = {
    "strong": (0.15, 0.35),
    "good": (0.25, 0.60),
    "slow": (1.20, 1.80),
    "weak": (0.30, 0.90),
    "llm": (0.0, 0.0),
    "lazy": (0.04, 0.08),
    "echo": (0.03, 0.06),
    "refusal": (0.08, 0.20),
    "garbage": (0.03, 0.06),
    "copycat": (0.15, 0.60),
    "clique": (0.20, 0.50),
    "flapping": (0.20, 0.50),
}
_ORDER: tuple[Role, ...] = (
    "strong", "good", "strong", "lazy", "slow", "echo", "weak", "llm", "refusal", "garbage", "strong", "copycat",
    "good", "clique", "clique", "clique", "flapping",
)  # fmt: skip
"""The usual cast. In each prefix of it, miners with the right answer outnumber those agreeing on a wrong one."""


class Persona(Struct, frozen=True):
    """One miner of the demo.

    `delay` is the shortest and longest time before it answers, in seconds; for a copycat, after its leader.
    """

    name: str
    role: Role
    delay: tuple[float, float]


def cast(miners: int = USUAL) -> tuple[Persona, ...]:
    """The first `miners` of the cast. Beyond the usual ones it continues in the same mix, without another language
    model.

    Raises ValueError when there are too few or too many.
    """
    if not FEWEST <= miners <= MOST:
        raise ValueError(f"the demo has {FEWEST} to {MOST} miners, not {miners}")
    more = cycle([role for role in _ORDER if role != "llm"])
    seen: Counter[Role] = Counter()
    personas = []
    for role in islice(chain(_ORDER, more), miners):
        seen[role] += 1
        personas.append(Persona(f"{role}-{seen[role]}", role, _DELAYS[role]))
    return tuple(personas)
