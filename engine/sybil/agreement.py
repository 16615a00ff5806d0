"""Who gave whose answer, as values: where two can be compared, where they are equal, and which are right."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from engine.answers.base import Answer, AnswerType
from engine.answers.words import words
from engine.sybil.wording import Bools
from engine.values import Challenge, Reply


class Answering(Struct, frozen=True):
    """`equal` and `comparable` have shape (n, n); `right` has shape (n,) and is None where no answer is known.

    Comparable are answers that can be read, and told apart where they differ.
    """

    equal: Bools
    comparable: Bools
    right: Bools | None


def answering(kind: AnswerType, challenge: Challenge, replies: Sequence[Reply], characters: int) -> Answering:
    """Reads the answers; of open text there are none. Unmarked ones are looked for in so many `characters`."""
    if kind.compared == "claims":
        nothing = np.zeros((len(replies), len(replies)), dtype=np.bool_)
        return Answering(nothing, nothing, None)
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
    return Answering(equal, read[:, None] & read[None, :] & clear, right)


def alike(marks: Sequence[str]) -> Bools:
    """Shape (n, n): who has the same mark."""
    number = {mark: place for place, mark in enumerate(dict.fromkeys(marks))}
    of = np.array([number[mark] for mark in marks], dtype=np.int64)
    same: Bools = of[:, None] == of[None, :]
    return same


def _unclear(texts: Sequence[str], answers: Sequence[Answer | None], keys: Sequence[str]) -> Bools:
    """Shape (n, n): where one's answer is not marked as such, and its text also says the other's: it may be misread."""
    column = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    says = np.zeros((len(keys), len(column)), dtype=np.bool_)
    for row, (text, answer) in enumerate(zip(texts, answers, strict=True)):
        if answer and not answer.marked:
            said = f" {' '.join(words(text))} "
            says[row] = [f" {key} " in said for key in column]
    of_other = says[:, [column[key] for key in keys]]
    unclear: Bools = of_other | of_other.T
    return unclear
