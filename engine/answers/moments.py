"""Dates, times of day, durations and versions."""

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from engine.answers.magnitudes import Numeral
from engine.answers.measures import asked_unit
from engine.answers.numerals import numerals
from engine.answers.scalar import DOUBTFUL, Found, Scalar

# --- dates ------------------------------------------------------------------------------------------------------------

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


# --- times of day -----------------------------------------------------------------------------------------------------

_HOUR_WORDS = "one two three four five six seven eight nine ten eleven twelve"
_HOURS = {name: number for number, name in enumerate(_HOUR_WORDS.split(), 1)}
_MINUTE_WORDS = {
    "five": 5,
    "ten": 10,
    "quarter": 15,
    "a quarter": 15,
    "twenty": 20,
    "twenty-five": 25,
    "twenty five": 25,
}
_HOUR_WORD = "(?:" + "|".join(_HOURS) + ")"
_SPOKEN_HOUR = rf"(?:{_HOUR_WORD}|\d{{1,2}})"
_MINUTES = (
    r"(?:oh[\s-](?:one|two|three|four|five|six|seven|eight|nine)|ten|eleven|twelve|\w+teen|"
    r"(?:twenty|thirty|forty|fifty)(?:[\s-](?:one|two|three|four|five|six|seven|eight|nine))?)"
)
_DAYTIME = r"(?P<ampm8>\s+in\s+the\s+(?:morning|afternoon|evening)|\s+at\s+night)"
_HALF = r"(?P<ampm{0}>\s?(?:[ap]\.?\s?m\b\.?)|\s+in\s+the\s+(?:morning|afternoon|evening)|\s+at\s+night)?"
_CLOCK = re.compile(
    rf"(?<![\w.:])(?:(?P<h1>[01]?\d|2[0-4])(?:[:：]|"
    rf"h(?=\d))(?P<m1>[0-5]\d)(?:[:：](?P<s1>[0-5]\d))?(?![\d:]){_HALF.format(1)}"
    rf"|(?P<h2>[01]?\d|2[0-4])\.(?P<m2>[0-5]\d)(?![\d.%]|\s?(?:hours|minutes|hrs?|km|m)\b){_HALF.format(2)}"
    rf"|(?P<h3>1[0-2]|0?[1-9])(?P<ampm3>\s?[ap]\.?\s?m\b\.?)"
    rf"|(?P<h4>[01]\d|2[0-3])(?P<m4>[0-5]\d)\s?(?:hours|hrs|h)\b"
    rf"|(?P<h5>{_SPOKEN_HOUR})\s?(?:o['’]clock|uhr\b|h\b(?!\s*\d)){_HALF.format(5)}"
    rf"|(?P<part>half|(?:a\s+)?quarter|twenty[- ]five|twenty|ten|five|\d{{1,2}})(?:\s+minutes?)?\s+(?P<way>past|to|"
    rf"before|after|till)\s+"
    rf"(?P<h6>{_SPOKEN_HOUR}|noon|midnight)\b(?![:.]\d){_HALF.format(6)}"
    rf"|(?P<h7>{_HOUR_WORD})[\s-](?P<m7>{_MINUTES})\b{_HALF.format(7)}|(?P<h8>{_SPOKEN_HOUR}){_DAYTIME}"
    rf"|(?P<named>noon|midday|midnight))",
    re.IGNORECASE,
)


class Moment(Struct, frozen=True):
    """A time of day in seconds after midnight. `twelve`: it may be before or after noon."""

    seconds: int
    twelve: bool = False

    def __str__(self) -> str:
        hours, rest = divmod(self.seconds, 3600)
        minutes, seconds = divmod(rest, 60)
        return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


class Time(Scalar):
    """A time of day, on a 12-hour or 24-hour clock."""

    name = "time"

    def find(self, text: str, question: str) -> Sequence[Found]:  # noqa: ARG002
        found = []
        for match in _CLOCK.finditer(text):
            moment = _moment(match)
            if moment is not None:
                found.append(Found(match.start(), match.end(), str(moment), moment))
        return found

    def same(self, value: Any, truth: str, question: str) -> bool:
        known = self.truth(truth, question)
        if known is None:
            return False
        one, right = value, known.value
        if one.seconds == right.seconds:
            return True
        open_ = one.twelve or (right.twelve and not re.match(r"\D*0\d", truth))
        return bool(open_) and one.seconds % 43_200 == right.seconds % 43_200


def _moment(match: re.Match[str]) -> Moment | None:
    got = match.groupdict()
    named = (got["named"] or "").lower()
    if named:
        return Moment(0 if named == "midnight" else 43_200)
    half = next((got[f"ampm{place}"] for place in (1, 2, 3, 5, 6, 7, 8) if got[f"ampm{place}"]), "") or ""
    after_noon = bool(re.search(r"p|afternoon|evening|night", half.lower()))
    if got["part"]:
        spoken = got["h6"].lower()
        hour = {"noon": 12, "midnight": 0}.get(spoken, _HOURS.get(spoken) or (int(spoken) if spoken.isdigit() else 0))
        part = re.sub(r"\s+", " ", got["part"].lower())
        minutes = 30 if part == "half" else _MINUTE_WORDS.get(part) or (int(part) if part.isdigit() else 0)
        total = hour * 60 + (minutes if got["way"].lower() in ("past", "after") else -minutes)
        return _halved(total * 60 % 86_400, half, after_noon, spoken=True)
    hour_text = next(got[f"h{place}"] for place in (1, 2, 3, 4, 5, 7, 8) if got[f"h{place}"])
    hour = _HOURS.get(hour_text.lower()) or int(hour_text)
    minutes = _minutes_in_words(got["m7"]) if got["m7"] else int(got["m1"] or got["m2"] or got["m4"] or 0)
    if hour == 24 and minutes:
        return None
    seconds = (hour % 24 * 60 + minutes) * 60 + int(got["s1"] or 0)
    worded = (got["h5"] or got["h7"]) is not None and hour <= 12
    if half and hour > 12:
        return Moment(seconds)
    return _halved(seconds, half, after_noon, spoken=worded)


def _minutes_in_words(spoken: str) -> int:
    found = numerals(re.sub(r"^oh\W", "", spoken, flags=re.IGNORECASE))
    return int(found[0].value) if found else 0


def _halved(seconds: int, half: str, after_noon: bool, *, spoken: bool) -> Moment:
    if not half:
        return Moment(seconds, twelve=spoken or 3_600 <= seconds < 43_200)
    return Moment(seconds % 43_200 + (43_200 if after_noon else 0))


# --- durations --------------------------------------------------------------------------------------------------------

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


# --- versions ---------------------------------------------------------------------------------------------------------

_VERSION = re.compile(
    r"(?<![\w.])(?:v(?:ersion|er\.?)?\s?|release\s+)?(\d{1,9}(?:\.\d{1,9}){0,5})((?:[-.+]?(?:alpha|beta|rc|dev|post|"
    r"a|b|pre)\.?\d*)|(?:[-+][\w.]+))?(?![\w]|\.\d)",
    re.IGNORECASE,
)


class Version(Scalar):
    """A version number: 1.10 is not 1.1, and 3.0 is 3.0.0."""

    name = "version"

    def find(self, text: str, question: str) -> Sequence[Found]:  # noqa: ARG002
        found = [
            Found(match.start(), match.end(), _version(match), _version(match), 0.0)
            for match in _VERSION.finditer(text)
        ]
        dotted = [one for one in found if "." in one.key or one.start < one.end - len(one.key)]
        return dotted or found


def _version(match: re.Match[str]) -> str:
    parts = [str(int(part)) for part in match[1].split(".")]
    while len(parts) > 2 and parts[-1] == "0":
        parts.pop()
    if len(parts) == 1:
        parts.append("0")
    return ".".join(parts) + (match[2] or "").lower().lstrip(".-")
