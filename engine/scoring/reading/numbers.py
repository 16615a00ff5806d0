"""Reading the number that a reply gives as its answer."""

import re
from collections import Counter, deque
from collections.abc import Iterable
from fractions import Fraction

from engine.scoring.words import sentences

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred"
_NAMES = {name: value for value, name in enumerate(_ONES.split())}
_NAMES |= {name: 10 * value for value, name in enumerate(_TENS.split(), 2)}
_NUMBER = re.compile(
    r"(?<![\w.])[-−+]?(?:\d{1,3}(?:[,\u00a0\u2009\u202f]\d{3})+|\d{1,30})(?:\.\d{1,30})?(?:\s*/\s*\d{1,30}(?![\d.]))?(?![\w]*\d)(?!\s?[a-z]\s*[-+=−*/×])"
)
_NAME = re.compile(rf"\b(?:{'|'.join(_NAMES)})\b", re.IGNORECASE)
_CONCLUDES = re.compile(
    r"\b(?:therefore|hence|thus|so|(?:we|i) (?:get|obtain)|that makes|comes to|need|answer is|result is)\W{0,6}$",
    re.IGNORECASE,
)
_STATES = re.compile(
    r"(?:\b(?:gives|yields|leaves|makes?|gets?|equals|is|are|reached at|costs?|total)\b|=)\W{0,6}(?:day\W+)?$",
    re.IGNORECASE,
)
_MOST_NUMBERS = 256
"""The last ones of a text that says more are read."""

_OPENING = 2.5
"""What speaks for a number that the first sentence states, and no other beside it: the answer before its working."""


def exact(phrase: str, question: str) -> Fraction | None:
    """The number in a marked answer ("$15 each" is 15, "four" is 4, "2 + 3 = 5" is 5), or None."""
    found = _numbers(phrase.rpartition("=")[2]) or _numbers(phrase)
    return found[0][1] if len(found) == 1 else spoken(phrase, question)


def spoken(text: str, question: str) -> Fraction | None:
    """The number that an unmarked reply most likely means.

    Every number in it is a candidate; a phrase before it that concludes or states, being all that the first sentence
    says, the reply's last place, repetition and absence from the question speak for one.
    """
    found = _numbers(text)
    if not found:
        return None
    given = {value for _, value in _numbers(question)}
    opening = _numbers(next(iter(sentences(text)), ""))
    cues: dict[Fraction, float] = {}
    for place, (start, value) in enumerate(found):
        before = text[max(0, start - 24) : start]
        cue = 4.0 if _CONCLUDES.search(before) else 2.0 if _STATES.search(before) else 0.0
        if cue and place == 0 and len(opening) == 1 < len(found):
            cue += _OPENING
        cues[value] = max(cues.get(value, 0.0), cue)
    times = Counter(value for _, value in found)
    last = found[-1][1]
    return max(cues, key=lambda value: cues[value] + 0.5 * times[value] + 2 * (value == last) - 2 * (value in given))


def key(value: Fraction) -> str:
    """One spelling a number, to nine significant digits."""
    return f"{float(value):.9g}" if abs(value) < 10**15 else str(value)


def _numbers(text: str) -> list[tuple[int, Fraction]]:
    found = [(match.start(), _value(match[0])) for match in _last(_NUMBER.finditer(text))]
    if not found:
        found = [(match.start(), Fraction(_NAMES[match[0].lower()])) for match in _last(_NAME.finditer(text))]
    return [(start, value) for start, value in found if value is not None]


def _last(found: Iterable[re.Match[str]]) -> Iterable[re.Match[str]]:
    return deque(found, maxlen=_MOST_NUMBERS)


def _value(digits: str) -> Fraction | None:
    whole, _, below = re.sub(r"[\s,+]", "", digits.replace("−", "-")).partition("/")
    if below and not int(below):
        return None
    return Fraction(whole) / (int(below) if below else 1)
