"""A number in a text, and what may follow it: a magnitude, a percent sign, a unit."""

import re
from fractions import Fraction

from msgspec import Struct, structs

from engine.answers.measures import Unit, unit_at


class Numeral(Struct, frozen=True):
    """A number in a text, from `start` to `end`.

    `other` is its value if the decimal and thousands marks are swapped ("1.234", "1,234"). A `doubtful` word ("one",
    "third") is a number only if the text holds no other. One that `goes_on` has more decimals than written ("0.333…").
    """

    start: int
    end: int
    value: Fraction
    other: Fraction | None = None
    unit: Unit | None = None
    percent: bool = False
    worded: bool = False
    doubtful: bool = False
    decimals: int = 0
    goes_on: bool = False


_LETTERS = re.compile(r"[^\W\d_]+")
_ORDINAL = frozenset(("st", "nd", "rd", "th", "er", "re", "ère", "ème", "e", "º", "ª"))
_ATTACHED = {"k": 3, "K": 3, "M": 6, "B": 9, "bn": 9, "mn": 6, "mio": 6, "T": 12, "tn": 12, "mm": 6}
_MAGNITUDES = {
    "hundred": 2, "thousand": 3, "thousands": 3, "million": 6, "millions": 6, "billion": 9, "billions": 9,
    "trillion": 12, "quadrillion": 15, "lakh": 5, "lakhs": 5, "crore": 7, "crores": 7, "k": 3,
    "mn": 6, "mio": 6, "bn": 9, "mrd": 9,
    "tausend": 3, "millionen": 6, "milliarde": 9, "milliarden": 9, "mille": 3, "milliard": 9, "milliards": 9, "mil": 3,
    "millón": 6, "millones": 6, "milhão": 6, "milhões": 6, "mila": 3, "milione": 6, "milioni": 6, "miliardi": 9,
    "тыс": 3, "тысяч": 3, "тысячи": 3, "млн": 6, "миллион": 6, "миллиона": 6, "миллионов": 6, "млрд": 9,
    "万": 4, "萬": 4, "億": 8, "亿": 8, "百万": 6,
}  # fmt: skip
_DOZEN = frozenset(("dozen", "dozens", "dutzend"))
PERCENT = re.compile(
    r"\s?(?:%|٪|％)|\s?(?:percent|per cent|prozent|pour ?cent|por ciento|por cento|процент\w*)\b", re.I
)
_BELOW_ZERO = re.compile(r"\s(?:degrees?\s)?(?:\w+\s)?below\s(?:zero|freezing)\b", re.IGNORECASE)
_DOTS = re.compile(r"\.{3}|…")
_AND_MORE = re.compile(r"\+(?!\s?[\d(.])")
_BEFORE_CHRIST = re.compile(r"\s?(?:BCE?|B\.C\.|v\.\s?Chr\.?|av\.\s?J\.-?C\.)(?!\w)")
_AND_PART = re.compile(
    r"\s(?:and|&)\s(?:a|an|one|(three|two|\d))\s?-?(half|quarters?|thirds?|fifths?)\b", re.IGNORECASE
)
_PARTS = {"half": 2, "quarter": 4, "third": 3, "fifth": 5}
_GAP = re.compile(r"[ \u00a0\u2009\u202f]")


def with_tail(text: str, numeral: Numeral) -> Numeral | None:
    """The numeral with what follows it: a magnitude, a fraction, a percent sign, an ordinal ending, a unit. None if
    other letters follow: then it is part of another token."""
    dots = _DOTS.match(text, numeral.end)
    if dots and numeral.decimals:
        return structs.replace(numeral, goes_on=True, end=dots.end())
    if _AND_MORE.match(text, numeral.end):
        return None
    attached = _LETTERS.match(text, numeral.end)
    if attached:
        word = attached[0]
        power = _ATTACHED.get(word, _MAGNITUDES.get(word.lower()))
        if word in ("m", "mm") and numeral.unit is not None:
            power = 6
        elif word == "mm":
            power = None
        if power is not None and not text[attached.end() : attached.end() + 1].isdigit():
            numeral = _scaled(numeral, power, attached.end())
        elif word.lower() in _ORDINAL:
            numeral = structs.replace(numeral, end=attached.end())
        else:
            return in_unit(text, numeral, numeral.end, must=True)
    numeral = _magnified(text, numeral)
    part = _AND_PART.match(text, numeral.end)
    if part:
        numeral = structs.replace(numeral, value=numeral.value + _share(part), other=None, end=part.end())
        numeral = _magnified(text, numeral)
    percent = PERCENT.match(text, numeral.end)
    if percent:
        return structs.replace(numeral, percent=True, end=percent.end())
    below = _BELOW_ZERO.match(text, numeral.end) or _BEFORE_CHRIST.match(text, numeral.end)
    if below:
        return structs.replace(numeral, value=-abs(numeral.value), end=below.end())
    of_a = _OF_A.match(text, numeral.end) if numeral.value.denominator > 1 else None
    if of_a and (in_whole := in_unit(text, numeral, of_a.end(), must=True)):
        return in_whole  # "3/4 of an hour"
    after = text[numeral.end : numeral.end + 1]
    if after == "" or not after.isalnum():
        return in_unit(text, numeral, numeral.end + len(_GAP.findall(after)), must=False)
    return None


def _share(part: re.Match[str]) -> Fraction:
    return Fraction({"three": 3, "two": 2}.get(part[1], 1), _PARTS[part[2].lower().rstrip("s")])


def _magnified(text: str, numeral: Numeral) -> Numeral:
    gap = _GAP.match(text, numeral.end)
    word = _LETTERS.match(text, gap.end()) if gap else None
    if word and word[0] != "K" and (word[0].lower() in _MAGNITUDES or word[0] in _DOZEN):
        if word[0] in _DOZEN:
            return structs.replace(numeral, value=numeral.value * 12, other=None, end=word.end())
        return _magnified(text, _scaled(numeral, _MAGNITUDES[word[0].lower()], word.end()))
    if word and numeral.unit is not None and word[0] in ("M", "B", "K", "T", "m"):
        return _scaled(numeral, 6 if word[0] == "m" else _ATTACHED[word[0]], word.end())
    return numeral


def _scaled(numeral: Numeral, power: int, end: int) -> Numeral:
    factor = Fraction(10**power)
    other = None if numeral.other is None else numeral.other * factor
    return structs.replace(numeral, value=numeral.value * factor, other=other, end=end)


_NO_UNITS = frozenset("a an at in is as so or and of to b B A".split())  # noqa: SIM905
"""Units that may instead be the sentence's next word when a space precedes them and no punctuation follows."""

_OF_A = re.compile(r"\sof\san?\s", re.IGNORECASE)

_PUNCTUATED = re.compile(r"\s*(?:$|[.,;:!?()\]}*/]|\d|\^|\bper\b|\w{1,12}\^-)")


def in_unit(text: str, numeral: Numeral, start: int, *, must: bool) -> Numeral | None:
    """The numeral with the unit that begins at `start`. Without one: None if it `must` have one, else the numeral."""
    apart = start > numeral.end
    if text[start : start + 1] == "-" and text[start + 1 : start + 2].isalpha():
        start += 1  # "three-quarter-mile", "5-minute"
    found = unit_at(text, start)
    if found:
        unit, end = found
        loose = apart and text[start:end] in _NO_UNITS and not _PUNCTUATED.match(text, end)
        if not loose and not text[end : end + 1].isalnum():
            if numeral.unit is not None and numeral.unit.is_money:
                return numeral
            part = _AND_PART.match(text, end)  # "two hours and a half"
            share = _share(part) if part else Fraction(0)
            return structs.replace(numeral, value=numeral.value + share, unit=unit, end=part.end() if part else end)
    return None if must else numeral
