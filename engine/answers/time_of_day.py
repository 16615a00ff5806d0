"""Times of day."""

import re
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from engine.answers.numerals import numerals
from engine.answers.scalar import Found, Scalar

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
    rf"|(?P<h2>[01]?\d|2[0-4])\.(?P<m2>[0-5]\d)(?![\d%]|\.\d|\s?(?:hours|minutes|hrs?|km|m)\b){_HALF.format(2)}"
    rf"|(?P<h3>1[0-2]|0?[1-9])(?P<ampm3>\s?[ap]\.?\s?m\b\.?)"
    rf"|(?P<h4>[01]\d|2[0-3])(?P<m4>[0-5]\d)\s?(?:hours|hrs|h)\b"
    rf"|(?P<h5>{_SPOKEN_HOUR})\s?(?:o['’]clock|uhr\b|h\b(?!\s*\d)){_HALF.format(5)}"
    rf"|(?P<part>half|(?:a\s+)?quarter|twenty[- ]five|twenty|ten|five|{_MINUTES}|"
    rf"\d{{1,2}})(?:\s+minutes?)?\s+(?P<way>past|to|"
    rf"before|after|till)\s+"
    rf"(?P<h6>{_SPOKEN_HOUR}|noon|midnight)\b(?![:.]\d){_HALF.format(6)}"
    rf"|(?P<h7>{_HOUR_WORD})[\s-](?P<m7>{_MINUTES})\b{_HALF.format(7)}|(?P<h8>{_SPOKEN_HOUR}){_DAYTIME}"
    rf"|(?P<named>noon|midday|midnight))",
    re.IGNORECASE,
)


_AFTER_NOON = re.compile(r"\d\s?p\.?\s?m\b|\b(?:afternoon|evening|night|tonight|midnight|noon)\b", re.IGNORECASE)
"""How a question says that a time of 1 to 12 may be one after noon."""


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
        open_ = one.twelve or (right.twelve and not re.match(r"\D*0\d", truth) and _AFTER_NOON.search(question))
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
        minutes = (
            30
            if part == "half"
            else _MINUTE_WORDS.get(part) or (int(part) if part.isdigit() else _minutes_in_words(part))
        )
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
