"""The views in which two answers of one round may resemble each other: words, value, meaning, layout, time.

All are given as matrices of shape (n, n) over the replies of the round, or as rows of shape (n,).
"""

import math
import re
import zlib
from collections.abc import Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from engine.answers.base import Answer, AnswerType
from engine.answers.words import words
from engine.scoring.duplicates import SAME, tokens
from engine.scoring.reliability import Floats
from engine.sybil.evidence import Pace
from engine.values import Challenge, Reply

Bools = NDArray[np.bool_]

# --- wording ----------------------------------------------------------------------------------------------------------

BUCKETS = 2_048
"""Hash buckets for the marks of a text: an answer of 150 words has about 250 marks, so few collide."""

OWN_WORDS = 10
"""Two miners that use fewer words of their own often choose the same ones."""

_NEXT = 0x9E3779B1
"""Mixes a token with the next into a mark: 2^32 over the golden ratio (Knuth, TAOCP 6.4)."""

_GIVEN = 2 / 3
"""Words in more than this share of a round's answers are taken to come from the question."""


def same_words(texts: Sequence[str], question: str) -> tuple[Bools, Bools]:
    """Which texts are nearly the same, as in `duplicates.alike` except for hash collisions, shape (n, n); and which
    have too many words of their own to match by chance, shape (n,). Numbers, signs and the question's words are not a
    miner's own."""
    asked = frozenset(tokens(question))
    spelt = [tokens(text) for text in texts]
    marks = np.zeros((len(texts), BUCKETS), dtype=np.float32)
    for row, found in enumerate(spelt):
        codes = np.array([zlib.crc32(word.encode("utf-8", "replace")) for word in found], dtype=np.uint64)
        marks[row, codes % BUCKETS] = 1
        marks[row, (codes[:-1] * _NEXT + codes[1:]) % BUCKETS] = 1
    shared = marks @ marks.T
    sizes = np.diag(shared)
    same = shared >= SAME * (sizes[:, None] + sizes[None, :] - shared)
    own = [sum(word.isalpha() and word not in asked for word in found) >= OWN_WORDS for found in spelt]
    return same & (sizes > 0), np.array(own, dtype=np.bool_)


def chosen_alike(same: Bools, own: Bools) -> Bools:
    """Which texts chose the same words, shape (n, n). Words that most texts have come from the question."""
    both = same & own[:, None] & own[None, :]
    given = both.sum(axis=1) > max(2.0, _GIVEN * len(own))
    chosen: Bools = both & ~given[:, None] & ~given[None, :]
    return chosen


def alike(marks: Sequence[str]) -> Bools:
    """Which items have the same mark, shape (n, n)."""
    number = {mark: place for place, mark in enumerate(dict.fromkeys(marks))}
    of = np.array([number[mark] for mark in marks], dtype=np.int64)
    same: Bools = of[:, None] == of[None, :]
    return same


# --- value ------------------------------------------------------------------------------------------------------------


class Agreement(Struct, frozen=True):
    """`equal` and `comparable` have shape (n, n); `right` has shape (n,) and is None where no answer is known.

    Answers are comparable if they can be read, and told apart if they differ.
    """

    equal: Bools
    comparable: Bools
    right: Bools | None


def agreement(kind: AnswerType, challenge: Challenge, replies: Sequence[Reply], characters: int) -> Agreement:
    """Which answers are equal; none for open text. Unmarked answers are searched for in this many `characters`."""
    if kind.compared == "claims":
        nothing = np.zeros((len(replies), len(replies)), dtype=np.bool_)
        return Agreement(nothing, nothing, None)
    question, truth = challenge.request.question, challenge.truth
    answers = kind.read_all(replies, question)
    keys = [answer.key if answer else "" for answer in answers]
    read = np.array([key != "" for key in keys], dtype=np.bool_)
    equal = alike(keys)
    clear = equal | ~_unclear([reply.text[:characters] for reply in replies], answers, keys)
    right = None
    if truth is not None and kind.key(truth, question) is not None:
        met = [kind.equals(reply, truth, question, challenge.lures) for reply in replies]
        right = np.array(met, dtype=np.bool_)
    return Agreement(equal, read[:, None] & read[None, :] & clear, right)


def _unclear(texts: Sequence[str], answers: Sequence[Answer | None], keys: Sequence[str]) -> Bools:
    """Pairs in which one answer is unmarked and its text also says the other's, so it may be misread; shape (n, n)."""
    column = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    says = np.zeros((len(keys), len(column)), dtype=np.bool_)
    for row, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        if answer and not answer.marked:
            said = f" {' '.join(words(text))} "
            says[row] = [f" {key} " in said for key in column]
    of_other = says[:, [column[key] for key in keys]]
    unclear: Bools = of_other | of_other.T
    return unclear


# --- meaning ----------------------------------------------------------------------------------------------------------

NEAR = 0.4
"""Two answers are close within this share of the usual distance between the round's answers."""

_FEWEST = 4
"""With fewer answers there is no usual distance: with three, every pair would set the median by itself."""

_LEAST_DISTANCE = 0.02
"""Cosine distance below which answers are the same, and differ only by the rounding of an int8 model."""


def closer_than_the_rest(vectors: Sequence[NDArray[np.float32] | None]) -> Bools:
    """Pairs whose cosine distance is small relative to the median distance of both to the other answers, shape (n, n).

    `vectors` have unit length; None, or one that is not finite, is close to no other. If all answers say much the same,
    none are close.
    """
    close = np.zeros((len(vectors), len(vectors)), dtype=np.bool_)
    there = [index for index, vector in enumerate(vectors) if vector is not None and np.isfinite(vector).all()]
    if len(there) < _FEWEST:
        return close
    rows = np.array([vectors[index] for index in there], dtype=np.float32)
    distance = 1 - rows @ rows.T
    usual = np.median(distance, axis=1)
    wide = usual >= _LEAST_DISTANCE
    near = distance <= NEAR * np.minimum(usual[:, None], usual[None, :])
    close[np.ix_(there, there)] = near & wide[:, None] & wide[None, :]
    return close


# --- layout -----------------------------------------------------------------------------------------------------------

PLAIN = "t"
"""The layout of running text without mark-up."""

MAX_LINES = 200
"""Most lines to look at: more than a usual answer has, so that a long one costs no more."""

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


def layout(text: str) -> str:
    """The kinds of the lines in order, and the marks used within them, as a short string."""
    lines = [line for line in text.splitlines()[:MAX_LINES] if line.strip()]
    marks = [next((mark for mark, start in _STARTS if start.match(line)), PLAIN) for line in lines]
    runs = [mark for place, mark in enumerate(marks) if place == 0 or mark != marks[place - 1]]
    return "".join(runs) + "".join(mark for mark, sign in _WITHIN if sign in text)


def rarity(layouts: Sequence[str]) -> Floats:
    """For two answers with the same layout, the share of the others that have a different one; else 0. Shape (n, n)."""
    same = alike(layouts)
    others = np.maximum(len(layouts) - 2, 1)
    rare: Floats = np.where(same, (len(layouts) - same.sum(axis=1))[:, None] / others, 0.0)
    return rare


# --- time -------------------------------------------------------------------------------------------------------------

_KNOWN_FROM = 5
"""Rounds from which a miner's pace is known: the spread over fewer is mostly chance."""

_MOST = 3.0
"""Maximum deviation, in standard deviations: more is an outage, and one shared outage should not outweigh ten
rounds."""

_LEAST_SPREAD = 0.02
"""The spread of the logarithm (2 % of the time) that the network alone causes."""


def rests(ms: Sequence[float], entities: Sequence[int], same: Bools) -> Floats:
    """The logarithm of each time minus that of the round, NaN for a reply without one. Shape (n,).

    The round's time is the median of its independent replies: each entity and each text counts once, or a clique would
    set the round's difficulty itself.
    """
    times = np.array([math.log(each) if 0 < each < math.inf else math.nan for each in ms])
    related = same | (np.asarray(entities)[:, None] == np.asarray(entities)[None, :])
    independent = ~np.tril(related, -1).any(axis=1) & ~np.isnan(times)
    rest: Floats = times - (np.median(times[independent]) if independent.any() else math.nan)
    return rest


def standing_out(rest: float, pace: Pace) -> float | None:
    """How late a reply is, in standard deviations of its miner; None while the miner's pace is not known."""
    if math.isnan(rest) or pace.count < _KNOWN_FROM:
        return None
    spread = max(math.sqrt(pace.variance), _LEAST_SPREAD)
    return max(-_MOST, min(_MOST, (rest - pace.mean) / spread))
