"""A number, and a quantity: a number with a unit."""

import re
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

from msgspec import Struct, structs

from engine.answers.base import MAX_TRUTH
from engine.answers.latex import plainly
from engine.answers.magnitudes import Numeral
from engine.answers.measures import Unit, asked_unit, in_hundredths, pounds_as_money
from engine.answers.numerals import numerals
from engine.answers.scalar import DOUBTFUL, Found, Scalar

_PLUS_MINUS = re.compile(r"±|\+\s?/\s?[-−]|\+[-−]|\bplus\s+or\s+minus\b|\bgive\s+or\s+take\b", re.IGNORECASE)
_ABOUT = re.compile(r"^\W*(?:~|≈|about|approx(?:imately|\.)?|around|circa|ca\.|roughly)\s*", re.IGNORECASE)
_ASKS_PERCENT = re.compile(
    r"\b(?:what|which|how\s+many|how\s+much|in|as\s+an?|by\s+what|wie\s+viel|in)\s+(?:per\s?cent\w*|prozent|%|"
    r"pourcent\w*)|\bpercentage\b|"
    r"\bpor\s?cento\b|\bpor\s?ciento\b|\bin\s+%",
    re.IGNORECASE,
)
_PERCENT_GIVEN = re.compile(r"\d\s?(?:%|per\s?cent|prozent)", re.IGNORECASE)
_ASKS_SHARE = re.compile(
    r"\b(?:fraction|probability|chances?|odds|share|proportion|ratio|likelihood|part)\b", re.IGNORECASE
)
_OUT_OF = re.compile(r"^\s(?:out\s+of|of|in|von)\s(?:the\s+|every\s+)?$", re.IGNORECASE)
_USUAL_LETTERS = frozenset("mgshl")
_SIGNIFICANT = 12
_ENOUGH_DECIMALS = 3
"""Correctly rounded to this many decimals, a number equals a fraction that has no finite decimal form."""


class _Known(Struct, frozen=True):
    """A truth as a number, and by how much an answer may differ from it."""

    numeral: Numeral
    tolerance: Fraction


class Number(Scalar):
    """A number, however it is written. Its unit, if any, must not contradict that of the truth or the question."""

    name = "number"
    needs_unit = False

    def find(self, text: str, question: str) -> Sequence[Found]:
        found, wanted = numerals(text), asked_unit(question)
        if _ASKS_SHARE.search(question):
            found = _shares(text, found)
        if not self.needs_unit:
            found = [one for one in found if _measures(one, wanted) or not _lettered(text, one)]
        digits = any(not one.worded for one in found)
        return [Found(one.start, one.end, spelled(_in(one, wanted)), one, _weight(one, digits)) for one in found]

    def same(self, value: Any, truth: str, question: str) -> bool:
        known = _known(truth)
        return known is not None and _meets(value, known, question, needs_unit=self.needs_unit)

    def truth(self, truth: str, question: str) -> Found | None:
        known = _known(truth)
        if known is None:
            return None
        one = known.numeral
        return Found(one.start, one.end, spelled(_in(one, asked_unit(question))), one)


class Quantity(Number):
    """A number with a unit; any unit of the same dimension is right once converted. A bare number is right only if the
    question names the unit, or the unit is a currency."""

    name = "quantity"
    needs_unit = True

    def find(self, text: str, question: str) -> Sequence[Found]:
        found = super().find(text, question)
        given = self.given(question) if question and asked_unit(question) else set()
        measured = [one for one in found if one.value.unit is not None and _measured(one.value) not in given]
        measured = _without_conversions(text, measured)
        return [Found(one.start, one.end, _measured(one.value), one.value, one.weight) for one in measured] or found

    def truth(self, truth: str, question: str) -> Found | None:
        found = super().truth(truth, question)
        if found is None or found.value.unit is None:
            return found
        return Found(found.start, found.end, _measured(found.value), found.value)


_CONVERTED = re.compile(r"\s?[(\[]\s?(?:about|approximately|roughly|or|i\.e\.|≈|~|=)?\s?", re.IGNORECASE)
_CLOSE = Fraction(1, 50)
"""How far a converted amount may be from the one that it stands behind, as a share of it."""


def _without_conversions(text: str, found: Sequence[Found]) -> list[Found]:
    """The quantities without those that give the one before them in another unit: "324 m (1,063 ft)"."""
    kept: list[Found] = []
    for one in found:
        before = kept[-1].value if kept else None
        here = one.value
        if (
            before is not None
            and _CONVERTED.fullmatch(text[kept[-1].end : one.start])
            and before.unit.dimensions == here.unit.dimensions
            and before.unit != here.unit
            and abs(before.unit.in_base(before.value) - here.unit.in_base(here.value))
            <= _CLOSE * abs(before.unit.in_base(before.value))
        ):
            continue
        kept.append(one)
    return kept


def spelled(value: Fraction) -> str:
    """A number's one spelling: a whole number exactly, another to twelve significant digits."""
    if value.denominator == 1:
        return str(value.numerator)
    return f"{float(value):.{_SIGNIFICANT}g}" if abs(value.denominator) < 10**60 else str(value)


def _measured(one: Numeral) -> str:
    if one.unit is None:
        return spelled(one.value)
    dimensions = " ".join(f"{name}{power}" for name, power in one.unit.dimensions)
    return f"{spelled(one.unit.in_base(one.value))} {dimensions}"


def _weight(one: Numeral, digits: bool) -> float:
    return DOUBTFUL if one.doubtful else -1.0 if one.worded and digits else 0.0


def _in(one: Numeral, wanted: Unit | None) -> Fraction:
    """The value, converted to the unit that the question wants if the numeral has one of the same dimension."""
    if wanted is None or one.unit is None or one.unit.dimensions != wanted.dimensions:
        return one.value
    return wanted.from_base(one.unit.in_base(one.value))


@lru_cache(maxsize=64)
def _known(truth: str) -> _Known | None:
    """The one number that a truth gives, with its tolerance; None if it gives none, or several."""
    if len(truth) > MAX_TRUTH:
        return None
    text = plainly(truth).strip()
    about = _ABOUT.match(text)
    parts = _PLUS_MINUS.split(text[about.end() :] if about else text, maxsplit=1)
    found = numerals(parts[0])
    sure = [one for one in found if not one.doubtful] or found
    if len(sure) != 1:
        return None
    numeral = sure[0]
    tolerance = Fraction(0)
    if len(parts) > 1:
        by = numerals(parts[1])
        if len(by) != 1:
            return None
        tolerance = abs(by[0].value) * (abs(numeral.value) / 100 if by[0].percent else 1)
    elif about:
        tolerance = _half_of_last_place(numeral)
    return _Known(numeral, tolerance)


def _half_of_last_place(numeral: Numeral) -> Fraction:
    if numeral.decimals or not numeral.value:
        return Fraction(1, 2 * 10**numeral.decimals)
    zeros = len(str(abs(int(numeral.value)))) - len(str(abs(int(numeral.value))).rstrip("0"))
    return Fraction(10**zeros, 2)


def _meets(one: Numeral, known: _Known, question: str, *, needs_unit: bool) -> bool:
    truth = known.numeral
    values = [one.value] + ([one.other] if one.other is not None else [])
    wanted = [truth.value]
    tolerance = known.tolerance
    unit, asks = truth.unit, asked_unit(question)
    if any(one_unit is not None and one_unit.is_money for one_unit in (one.unit, unit, asks)):
        one = structs.replace(one, unit=pounds_as_money(one.unit))
        unit, asks = pounds_as_money(unit), pounds_as_money(asks)
        one = structs.replace(one, unit=in_hundredths(one.unit, unit or asks))
        unit = in_hundredths(unit, asks)
    if one.percent != truth.percent:
        if one.percent and not _ASKS_PERCENT.search(question):
            as_they_are = values if abs(truth.value) > 1 and not _PERCENT_GIVEN.search(question) else []
            shares = [value / 100 for value in values] if abs(truth.value) <= 1 or truth.decimals else []
            values = [*shares, *as_they_are]
        elif truth.percent:
            wanted.append(truth.value / 100)
    if one.unit is not None:
        against = unit or asks
        if against is not None and one.unit.dimensions == against.dimensions:
            values = [against.from_base(one.unit.in_base(value)) for value in values]
        elif unit is not None or (asks is not None and asks.is_money and one.unit.is_money):
            return False
    elif unit is not None and needs_unit and not unit.is_money:
        if asks is None or asks.dimensions != unit.dimensions:
            return False
        wanted = [asks.from_base(unit.in_base(value)) for value in wanted]
    return any(
        abs(value - right) <= tolerance or spelled(value) == spelled(right) or _rounded(one, value, right)
        for value in values
        for right in wanted
    )


def _rounded(one: Numeral, value: Fraction, right: Fraction) -> bool:
    """Whether a decimal answer is correctly rounded from a fraction that has no finite decimal form."""
    decimals = one.decimals + 2 * one.percent
    if decimals < _ENOUGH_DECIMALS or _terminates(right):
        return False
    return abs(value - right) <= Fraction(1, (1 if one.goes_on else 2) * 10**decimals)


def _shares(text: str, found: Sequence[Numeral]) -> list[Numeral]:
    """The numbers of a text, with "two out of nine" as a fraction."""
    joined: list[Numeral] = []
    for one in found:
        before = joined[-1] if joined else None
        if before is not None and one.value and _OUT_OF.match(text[before.end : one.start]):
            value = before.value / one.value
            joined[-1] = Numeral(before.start, one.end, value, worded=before.worded)
        else:
            joined.append(one)
    return joined


def _measures(one: Numeral, wanted: Unit | None) -> bool:
    """Whether a number has a unit of the dimension that the question wants."""
    return one.unit is not None and wanted is not None and one.unit.dimensions == wanted.dimensions


def _lettered(text: str, one: Numeral) -> bool:
    """Whether the digits end in a letter that may as well be part of a name as a unit: "1482A"."""
    last = text[one.end - 1]
    attached = one.unit is not None and one.end - one.start > 1 and text[one.end - 2].isdigit()
    return attached and last.isalpha() and last not in _USUAL_LETTERS


def _terminates(value: Fraction) -> bool:
    rest = value.denominator
    for factor in (2, 5):
        while rest % factor == 0:
            rest //= factor
    return rest == 1
