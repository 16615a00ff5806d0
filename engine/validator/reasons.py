"""Many reasons in few words: how often each was given, and by whom, for instance."""

import re
from collections.abc import Iterable

from engine.transport.errors import brief

REASONS = 3
EXAMPLES = 3
WIDTH = 60

_NUMBER = re.compile(r"\d+")


def in_short(reasons: Iterable[tuple[str, str]]) -> str:
    """Pairs of who and why as "3 × why (who, who, who), 1 × why (who), and 2 other reasons", the most frequent first.

    What differs in its numbers alone is one reason, told in the words of the first.
    """
    groups: dict[str, list[tuple[str, str]]] = {}
    for who, why in reasons:
        groups.setdefault(_NUMBER.sub("#", why), []).append((who, why))
    told = sorted(groups.values(), key=len, reverse=True)
    parts = [_one(group) for group in told[:REASONS]]
    others = len(told) - REASONS
    if others > 0:
        parts.append(f"and {others} other reason{'s' if others > 1 else ''}")
    return ", ".join(parts)


def _one(group: list[tuple[str, str]]) -> str:
    names = [who for who, _ in group[:EXAMPLES]] + ["…"] * (len(group) > EXAMPLES)
    return f"{len(group)} × {brief(group[0][1], WIDTH)} ({', '.join(names)})"
