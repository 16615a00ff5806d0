"""Durations."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from engine.answers.magnitudes import Numeral
from engine.answers.measures import asked_unit
from engine.answers.numerals import numerals
from engine.answers.scalar import DOUBTFUL, Found, Scalar

_ISO_SPAN = re.compile(
    r"\bP(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?\b(?<!P)",
    re.IGNORECASE,
)
_CLOCKED = re.compile(
    r"(?<![\w.:])(\d{1,3}):([0-5]\d)(?::([0-5]\d))?(?![\d:])\s?(h(?:ours?|rs?)?\b|min(?:utes?)?\b)?", re.IGNORECASE
)
_COMPACT = re.compile(r"(?<![\w.:])(?:(\d{1,3})\s?h\s?)?(?:(\d{1,3})\s?m(?:in)?\b\s?)?(?:(\d{1,3})\s?s)?(?![\w])")
_HOURS_AND = re.compile(
    r"(?<![\w.:])(\d{1,3})\s?(?:h|hrs?|hours?)\s?([0-5]?\d)(?:\s?m(?:in(?:ute)?s?)?\b|(?![\w:.]))", re.IGNORECASE
)
_JOINED = re.compile(r"\s*(?:,?\s*(?:and|und|et|y)\b|,|\+)?\s*", re.IGNORECASE)


class Duration(Scalar):
    """A duration, in any units."""

    name = "duration"

    def find(self, text: str, question: str) -> Sequence[Found]:
        spans = [*_iso(text), *_clocked(text), *_compact(text)]
        taken = [(one.start, one.end) for one in spans]
        spans.extend(one for one in _summed(text, question) if not any(a < one.end and one.start < b for a, b in taken))
        return sorted(spans, key=lambda one: one.start)

    def same(self, value: Any, truth: str, question: str) -> bool:
        known = self.truth(truth, question)
        return known is not None and value == known.key


def _span_key(value: Fraction) -> str:
    return f"{float(value):.9g} s"


def _span(start: int, end: int, value: Fraction) -> Found:
    return Found(start, end, _span_key(value), _span_key(value))


def _iso(text: str) -> list[Found]:
    found = []
    for match in _ISO_SPAN.finditer(text):
        parts = {name: int(number[:12]) for name, number in match.groupdict().items() if number}
        if parts:
            factors = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
            total = sum(parts[name] * factors[name] for name in parts)
            found.append(_span(match.start(), match.end(), Fraction(total)))
    return found


def _clocked(text: str) -> list[Found]:
    found = []
    for match in _CLOCKED.finditer(text):
        first, second, third = int(match[1]), int(match[2]), int(match[3] or 0)
        in_minutes = (match[4] or "").lower().startswith("m") and match[3] is None
        seconds = first * 60 + second if in_minutes else first * 3600 + second * 60 + third
        found.append(_span(match.start(), match.end(), Fraction(seconds)))
    return found


def _compact(text: str) -> list[Found]:
    """ "2h15m", "1h 30"."""
    found = []
    for match in _COMPACT.finditer(text):
        if sum(group is not None for group in match.groups()) > 1:
            hours, minutes, seconds = (int(group or 0) for group in match.groups())
            found.append(_span(match.start(), match.end(), Fraction(hours * 3600 + minutes * 60 + seconds)))
    found.extend(
        _span(match.start(), match.end(), Fraction(int(match[1]) * 3600 + int(match[2]) * 60))
        for match in _HOURS_AND.finditer(text)
    )
    return found


def _summed(text: str, question: str) -> list[Found]:
    """ "2 hours and 15 minutes": amounts that follow each other in ever smaller units are one duration."""
    wanted = asked_unit(question)
    timed = [
        one
        for one in numerals(text)
        if (one.unit is not None and one.unit.is_time) or (one.unit is None and wanted and wanted.is_time)
    ]
    groups: list[list[Numeral]] = []
    for one in timed:
        before = groups[-1][-1] if groups else None
        joined = (
            before is not None
            and before.unit is not None
            and one.unit is not None
            and before.unit.dimensions == one.unit.dimensions
            and before.unit.factor > one.unit.factor
            and _JOINED.fullmatch(text[before.end : one.start])
        )
        if joined:
            groups[-1].append(one)
        else:
            groups.append([one])
    found = []
    for group in groups:
        months = any(one.unit is not None and one.unit.dimensions == (("month", 1),) for one in group)
        total = Fraction(0)
        for one in group:
            unit = one.unit or wanted
            if unit is not None:
                total += unit.in_base(one.value)
        weight = DOUBTFUL if len(group) == 1 and group[0].doubtful and group[0].unit is None else 0.0
        key = f"{float(total):.9g} months" if months else _span_key(total)
        found.append(Found(group[0].start, group[-1].end, key, key, weight))
    return found
