"""Who wrote in nearly the same words: a text as a row of marks, and the shares that two rows have in common."""

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.scoring.duplicates import SAME, tokens

BUCKETS = 2_048
OWN_WORDS = 10
_NEXT = 0x9E3779B1
"""Mixes a token with the one after it into a mark of its own."""

_GIVEN = 2 / 3

Bools = NDArray[np.bool_]


def same_words(texts: Sequence[str], question: str) -> tuple[Bools, Bools]:
    """Shape (n, n): which texts are nearly the same, as `duplicates.alike` has it but for chance collisions; and
    shape (n,): which have so many words of their own that two would not write them alike by chance. Numbers, signs and
    the question's words are nobody's own."""
    asked = frozenset(tokens(question))
    spelt = [tokens(text) for text in texts]
    marks = np.zeros((len(texts), BUCKETS), dtype=np.float32)
    for row, words in enumerate(spelt):
        codes = np.array([zlib.crc32(word.encode("utf-8", "replace")) for word in words], dtype=np.uint64)
        marks[row, codes % BUCKETS] = 1
        marks[row, (codes[:-1] * _NEXT + codes[1:]) % BUCKETS] = 1
    shared = marks @ marks.T
    sizes = np.diag(shared)
    same = shared >= SAME * (sizes[:, None] + sizes[None, :] - shared)
    own = [sum(word.isalpha() and word not in asked for word in words) >= OWN_WORDS for words in spelt]
    return same & (sizes > 0), np.array(own, dtype=np.bool_)


def chosen_alike(same: Bools, own: Bools) -> Bools:
    """Shape (n, n): who chose the same words. Words that most have were given by the question, not chosen."""
    alike = same & own[:, None] & own[None, :]
    given = alike.sum(axis=1) > max(2.0, _GIVEN * len(own))
    chosen: Bools = alike & ~given[:, None] & ~given[None, :]
    return chosen
