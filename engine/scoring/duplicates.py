"""Near-identical replies. One of them was first; the others add no opinion of their own."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.scoring.skeleton import skeleton

Bools = NDArray[np.bool_]

OWN_TOKENS = 12
"""Fewer words and signs than this are what anyone who knows the answer would write. From 8 to 18 the result is the
same."""

SAME = 0.9
"""The share of marks that near-identical texts have in common: changing one word in twenty changes three marks in
forty. At .85 honest texts match by chance, and a third more of them are wronged."""

CONTAINED = 0.85
"""The share of a text's marks that another must have to contain it. From .75 to .95 the result is the same."""

_AT_ONCE = 4_096
"""Marks that are counted at a time: 4 MB for 256 texts."""

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


class Compared(Struct, frozen=True):
    """Texts compared by pairs: `lengths` in words and signs; `alike[one, other]`, nearly the same; and
    `holds[whole, part]`, one contains nearly all of the other."""

    lengths: NDArray[np.int64]
    alike: Bools
    holds: Bools

    @property
    def related(self) -> Bools:
        """Whether two are nearly the same, or one contains nearly all of the other."""
        return self.alike | self.holds | self.holds.T


def compared(texts: Sequence[Worded]) -> Compared:
    """All pairs of texts."""
    sizes = np.array([len(text.marks) for text in texts], dtype=np.int64)
    shared = _shared(texts)
    both = sizes[:, None] + sizes
    return Compared(
        lengths=np.array([text.length for text in texts], dtype=np.int64),
        alike=shared >= SAME * (both - shared),
        holds=(shared >= CONTAINED * sizes) & (sizes > 0),
    )


def _shared(texts: Sequence[Worded]) -> NDArray[np.float32]:
    """How many marks each pair of texts has in common. Counts below 2^24 are exact in single precision."""
    texts_of = Counter(chain.from_iterable(text.marks for text in texts))
    columns = {mark: column for column, mark in enumerate(mark for mark, count in texts_of.items() if count > 1)}
    held = [np.fromiter((columns[mark] for mark in text.marks if mark in columns), np.int64) for text in texts]
    only_here = [len(text.marks) - len(own) for text, own in zip(texts, held, strict=True)]
    shared = np.diag(np.array(only_here, dtype=np.float32))
    for start in range(0, len(columns), _AT_ONCE):
        part = np.zeros((len(texts), min(_AT_ONCE, len(columns) - start)), dtype=np.float32)
        for row, own in zip(part, held, strict=True):
            row[own[(own >= start) & (own < start + _AT_ONCE)] - start] = 1
        shared += part @ part.T
    return shared


def wordings(texts: Compared, keys: Sequence[str], arrival: Sequence[int], *, free: bool) -> list[Wording]:
    """Groups of near-identical texts with the same answer key, in order of arrival.

    `arrival` holds the indices of all texts in order of arrival. `free`: the answer type leaves the wording to the
    miner; otherwise (JSON, code) equal texts are bare, however long.
    """
    leaders: dict[str, list[int]] = {}
    members: dict[int, list[int]] = {}
    for index in arrival:
        same_key = leaders.setdefault(keys[index], [])
        leader = next((one for one in same_key if texts.alike[one, index]), None)
        if leader is None:
            same_key.append(index)
            members[index] = [index]
        else:
            members[leader].append(index)
    return [
        Wording(tuple(group), bare=not free or bool(texts.lengths[leader] < OWN_TOKENS))
        for leader, group in members.items()
    ]
