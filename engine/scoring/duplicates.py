"""Near-identical replies. One of them was first; the others add no opinion of their own."""

import re
from collections.abc import Sequence
from itertools import pairwise

from msgspec import Struct

from engine.scoring.skeleton import skeleton

OWN_TOKENS = 12
"""Fewer words and signs than this are what anyone who knows the answer would write. From 8 to 18 the result is the
same."""

SAME = 0.9
"""The share of marks that near-identical texts have in common: changing one word in twenty changes three marks in
forty. At .85 honest texts match by chance, and a third more of them are wronged."""

CONTAINED = 0.85
"""The share of a text's marks that another must have to contain it. From .75 to .95 the result is the same."""

_TOKEN = re.compile(r"\w+|[^\w\s]|\n")
_LINE_BREAKS = re.compile(r"(?<!\s)[^\S\n]*+\n\s*")

Marks = frozenset[object]


class Wording(Struct, frozen=True):
    """A group of near-identical replies: `members` in order of arrival.

    `bare`: the text is so short that anyone who knows the answer would write it.
    """

    members: tuple[int, ...]
    bare: bool


class Worded(Struct, frozen=True):
    """The marks by which a text is compared: its words, signs and line breaks, singly and in pairs; so layout
    counts."""

    length: int
    marks: Marks


def tokens(text: str) -> list[str]:
    """The words, signs and line breaks of a text in order, as they look."""
    return _TOKEN.findall(_LINE_BREAKS.sub("\n", skeleton(text).strip()))


def worded(text: str) -> Worded:
    """The marks of a text."""
    found = tokens(text)
    return Worded(len(found), frozenset(found) | frozenset(pairwise(found)))


def wordings(texts: Sequence[Worded], keys: Sequence[str], arrival: Sequence[int], *, free: bool) -> list[Wording]:
    """Groups of near-identical texts with the same answer key, in order of arrival.

    `arrival` holds the indices of all texts in order of arrival. `free`: the answer type leaves the wording to the
    miner; otherwise (JSON, code) equal texts are bare, however long.
    """
    leaders: dict[str, list[int]] = {}
    members: dict[int, list[int]] = {}
    for index in arrival:
        same_key = leaders.setdefault(keys[index], [])
        leader = next((one for one in same_key if alike(texts[one], texts[index])), None)
        if leader is None:
            same_key.append(index)
            members[index] = [index]
        else:
            members[leader].append(index)
    return [
        Wording(tuple(group), bare=not free or texts[leader].length < OWN_TOKENS) for leader, group in members.items()
    ]


def alike(first: Worded, second: Worded) -> bool:
    """Whether two texts are nearly the same."""
    fewer, more = sorted((len(first.marks), len(second.marks)))
    if fewer < SAME * more:
        return False
    shared = len(first.marks & second.marks)
    return shared >= SAME * (fewer + more - shared)


def holds(whole: Worded, part: Worded) -> bool:
    """Whether one text contains nearly all of the other."""
    return bool(part.marks) and len(whole.marks & part.marks) >= CONTAINED * len(part.marks)


def related(first: Worded, second: Worded) -> bool:
    """Whether two texts are nearly the same, or one contains nearly all of the other."""
    return alike(first, second) or holds(first, second) or holds(second, first)
