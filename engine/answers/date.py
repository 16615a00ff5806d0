"""Calendar dates."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from engine.answers.scalar import Found, Scalar

_MONTH_NAMES = (
    "january jan januar janvier janv enero gennaio janeiro января",
    "february feb februar février fevrier févr febrero febbraio fevereiro февраля",
    "march mar märz maerz mars marzo março марта",
    "april apr avril avr abril aprile апреля",
    "may mai mayo maggio maio мая",
    "june jun juni juin junio giugno junho июня",
    "july jul juli juillet juil julio luglio julho июля",
    "august aug août aout agosto августа",
    "september sept sep septembre septiembre settembre setembro сентября",
    "october oct okt oktober octobre octubre ottobre outubro октября",
    "november nov novembre noviembre novembro ноября",
    "december dec dez dezember décembre decembre diciembre dicembre dezembro декабря",
)
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
_MONTH = r"(?P<{0}>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<{0}>\d{{1,2}})(?:st|nd|rd|th|er|\.|º)?"
_DAY_WORDS = {
    name: number
    for number, name in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
            "twenty-first",
            "twenty-second",
            "twenty-third",
            "twenty-fourth",
            "twenty-fifth",
            "twenty-sixth",
            "twenty-seventh",
            "twenty-eighth",
            "twenty-ninth",
            "thirtieth",
            "thirty-first",
        ],
        1,
    )
}
_DAY_WORD = "(?P<{0}>" + "|".join(sorted(_DAY_WORDS, key=len, reverse=True)) + ")"
_WEEKDAY = r"(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+(?:the\s+)?)?"
_DATES = re.compile(
    rf"(?<![\w]){_WEEKDAY}(?:(?P<iso>(?P<y1>\d{{4}})(?P<sep1>[-/.])(?P<m1>\d{{1,2}})(?P=sep1)(?P<d1>\d{{1,2}}))(?!\d)"
    rf"|(?P<y2>\d{{4}})\s?年\s?(?P<m2>\d{{1,2}})\s?月\s?(?P<d2>\d{{1,2}})\s?日"
    rf"|(?P<n3>\d{{1,2}})(?P<sep3>[-/.])\s?(?P<n4>\d{{1,2}})(?P=sep3)\s?(?P<y3>\d{{4}})(?!\d)"
    rf"|(?:{_DAY.format('d5')}|{_DAY_WORD.format('w5')})(?:\s+of|\s+de|"
    rf"\s?-)?\s?{_MONTH.format('mo5')}(?:,?(?:\s+(?:of\s+|de\s+)?|-)(?P<y5>\d{{4}})(?!\d))?"
    rf"|{_MONTH.format('mo6')}\s+(?:the\s+)?(?:{_DAY.format('d6')}(?![\d:])|"
    rf"{_DAY_WORD.format('w6')})(?:,?\s+(?P<y6>\d{{4}})(?!\d))?)",
    re.IGNORECASE,
)


class Day(Struct, frozen=True):
    """A day; `year` is 0 if it names none. `swapped`: day and month may be meant the other way round."""

    year: int
    month: int
    day: int
    swapped: bool = False

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}-{self.day:02}"


class Date(Scalar):
    """A calendar date, with or without its year."""

    name = "date"

    def find(self, text: str, question: str) -> Sequence[Found]:
        found = []
        for match in _DATES.finditer(text):
            day = _day(match)
            if day and 1 <= day.month <= 12 and 1 <= day.day <= 31:
                found.append(Found(match.start(), match.end(), str(_dated(day, question)), day))
        return found

    def same(self, value: Any, truth: str, question: str) -> bool:
        known = self.truth(truth, question)
        if known is None:
            return False
        return any(_same_day(one, known.value, question) for one in _readings(value))


def _day(match: re.Match[str]) -> Day | None:
    got = match.groupdict()
    if got["y1"]:
        return Day(int(got["y1"]), int(got["m1"]), int(got["d1"]))
    if got["y2"]:
        return Day(int(got["y2"]), int(got["m2"]), int(got["d2"]))
    if got["y3"]:
        first, second = int(got["n3"]), int(got["n4"])
        if got["sep3"] == "/" and first <= 12:
            return Day(int(got["y3"]), first, second, swapped=second <= 12 and first != second)
        return Day(int(got["y3"]), second, first, swapped=got["sep3"] == "-" and first <= 12 and second <= 12)
    for number, month in (("5", "mo5"), ("6", "mo6")):
        if got[month]:
            worded = got[f"w{number}"]
            day = _DAY_WORDS[worded.lower()] if worded else int(got[f"d{number}"])
            return Day(int(got[f"y{number}"] or 0), _MONTHS[got[month].lower()], day)
    return None


def _readings(day: Day) -> tuple[Day, ...]:
    return (day, Day(day.year, day.day, day.month)) if day.swapped else (day,)


def _dated(day: Day, question: str) -> Day:
    """The day, with the question's year if it has none itself and the question names exactly one."""
    years = set(re.findall(r"(?<!\d)(\d{4})(?!\d)", question[-4_096:]))
    return Day(int(years.pop()), day.month, day.day) if not day.year and len(years) == 1 else day


def _same_day(one: Day, known: Day, question: str) -> bool:
    one = _dated(one, question)
    return (one.month, one.day) == (known.month, known.day) and (not known.year or one.year == known.year)
