"""The sums that a reply works out in the open: whoever judges can check them.

A sum that does not come out says that the working is wrong, whatever the answer. One that does, and is about the
numbers of the question, says a little for the reply: little, since anybody can add a sum that comes out.
"""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import chain

from msgspec import Struct

from engine.answers.words import plain

_NUMBER = r"[£$€]?\d{1,15}(?:,\d{3})*(?:\.\d{1,9})?"
_SUM = re.compile(
    rf"(?<![\w.,=+*/×÷−-])(?<![=+*/×÷−-]\s)({_NUMBER}(?:\s*[-+−*×÷/]\s*{_NUMBER}){{1,8}})\s*=\s*({_NUMBER})(?![\w%]|[.,]\d|\s*[-+−*×÷/])"
)
_TERM = re.compile(r"([-+−*×÷/])?\s*([^-+−*×÷/]+)")
_SIGNS = str.maketrans("−×÷", "-*/")
_IDLE = frozenset((Fraction(0), Fraction(1)))
"""Operands that make a sum come out without saying anything."""


class Working(Struct, frozen=True):
    """How many of a reply's sums come out and are about the question, and how many do not come out."""

    sound: int = 0
    wrong: int = 0


def working(text: str, question: str) -> Working:
    """The sums of the form "a + b × c = d" in a text, checked. `question` says which numbers it is about."""
    given = {_value(number) for number in re.findall(_NUMBER, question)}
    sound = wrong = 0
    for operands, operators, stated, tolerance in _sums(text):
        found = _worked_out(operands, operators)
        if found is None:
            continue
        if abs(found - stated) > tolerance:
            wrong += 1
        elif not _IDLE.intersection(operands) and not given.isdisjoint((*operands, stated)):
            sound += 1
    return Working(sound, wrong)


def _sums(text: str) -> Iterator[tuple[list[Fraction], list[str], Fraction, Fraction]]:
    """Operands, operators between them, what they are said to make, and by how much that may be rounded."""
    for match in chain.from_iterable(_SUM.finditer(plain(line)) for line in text.splitlines()):
        terms = _TERM.findall(match[1])
        _, _, decimals = match[2].partition(".")
        tolerance = Fraction(1, 10 ** len(decimals)) if decimals else Fraction(0)
        operators = [sign.translate(_SIGNS) for sign, _ in terms[1:]]
        yield [_value(number) for _, number in terms], operators, _value(match[2]), tolerance


def _worked_out(operands: Sequence[Fraction], operators: Sequence[str]) -> Fraction | None:
    """By the usual order of operations; None when it divides by zero."""
    summands = [operands[0]]
    for sign, operand in zip(operators, operands[1:], strict=True):
        if sign == "/" and not operand:
            return None
        if sign == "*":
            summands[-1] *= operand
        elif sign == "/":
            summands[-1] /= operand
        else:
            summands.append(-operand if sign == "-" else operand)
    return sum(summands, start=Fraction(0))


def _value(number: str) -> Fraction:
    return Fraction(re.sub(r"[£$€,\s]", "", number))
