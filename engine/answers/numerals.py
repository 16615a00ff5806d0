"""The grammar of numbers: digits in every usual locale, fractions and powers; what follows them, and numbers in words.

A token is read whole or not at all: there is no 30 in "13:30" and no 4 in "4x".
"""

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from msgspec import structs

from engine.answers.magnitudes import Numeral, with_tail
from engine.answers.measures import MONEY_SIGNS, money, unit_at
from engine.answers.number_words import worded

_MOST_DIGITS = 40
_MOST_POWER = 400
"""10^400 exceeds any answer; a greater power is not read, rather than computed at length."""
_VULGAR = {mark: Fraction(unicodedata.numeric(mark)).limit_denominator(100) for mark in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅒⅑⅐"}
_SPACES = "\u00a0\u2009\u202f "
_D = rf"\d{{1,{_MOST_DIGITS}}}(?!\d)"
_GROUPED = (
    r"\d{1,2}(?:,\d{2})+,\d{3}(?!\d)"
    r"|[1-9]\d{0,2}(?:,\d{3})+(?![\d])|[1-9]\d{0,2}(?:\.\d{3})+(?!\d)|[1-9]\d{0,2}(?:['’]\d{3})+(?!\d)"
    rf"|[1-9]\d{{0,2}}(?:_\d{{3}})+(?!\d)|[1-9]\d{{0,2}}(?:[{_SPACES}]\d{{3}})+(?![{_SPACES}]?\d)"
)
_POWER = r"\^\s?\(?\s?(?P<{0}>[-−+]?\d{{1,4}})(?:\s?\))?"
_DIGITS = re.compile(
    rf"(?<![\w^])(?<!\d[.,:/'’])(?P<sign>[-−–+]\s?(?=[{MONEY_SIGNS}\d.])|(?:minus|negative|moins|menos|минус)\s+)?"
    rf"(?P<money>(?:US|AU|CA)?[{MONEY_SIGNS}]\s?(?P<inner>[-−–])?|(?:EUR|USD|GBP|CHF|JPY|INR)\s)?"
    rf"(?>(?P<mixed>\d{{1,15}})(?:[{_SPACES}-]|\s(?:and|"
    rf"&)\s)(?P<over>\d{{1,15}})\s?[/⁄]\s?(?P<under>\d{{1,15}})(?!\d)"
    rf"|(?P<whole>\d{{1,15}})?\s?(?P<vulgar>[{''.join(_VULGAR)}])"
    rf"|(?P<top>{_D})\s?[/⁄]\s?(?P<bottom>{_D})"
    rf"|(?P<number>(?>{_GROUPED}|{_D})(?:[.,]{_D})?|\.{_D})"
    rf"(?:[eE](?P<e>[-+−]?\d{{1,4}})(?!\.?\d)|\s?[×x*·⋅]\s?(?P<base>\d{{1,3}}){_POWER.format('ten')}|{_POWER.format('power')})?)",
    re.IGNORECASE,
)
_IS_OPERATION = {False: re.compile(r"[\d)]\s?$|\w$"), True: re.compile(r"[\w)]\s?$")}
"""What precedes a sign between two numbers, by whether a space follows the sign."""

_BEFORE_DIGIT = re.compile(r"[:^]\s?\d|[.,/'’]\d")
_DATE = re.compile(r"(?<!\d)\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?!\d)")


@lru_cache(maxsize=1_024)  # a reply's parts are searched when it is compared, and again when it is held to the truth
def numerals(text: str) -> Sequence[Numeral]:
    """All numbers of a text, in order."""
    digits = _from_digits(text)
    taken = [(one.start, one.end) for one in digits]
    in_words = [one for one in worded(text) if not any(a < one.end and one.start < b for a, b in taken)]
    return tuple(sorted([*digits, *in_words], key=lambda one: one.start))


def _from_digits(text: str) -> list[Numeral]:
    masked = [match.span() for match in _DATE.finditer(text)]
    found: list[Numeral] = []
    for match in _DIGITS.finditer(text):
        inside = masked and any(a <= match.start() < b or a < match.end() <= b for a, b in masked)
        if found and match.start() < found[-1].end:
            continue  # the exponent of a unit
        grouped = (
            match["number"] is not None and match["number"].count(".") > 1 and _amount(match["number"]) is not None
        )
        if inside and not grouped:
            continue
        numeral = _numeral(text, match)
        if numeral:
            found.append(numeral)
    return found


def _numeral(text: str, match: re.Match[str]) -> Numeral | None:
    read = _value(match)
    if read is None:
        return None
    value, other, decimals = read
    end = match.end()
    if _BEFORE_DIGIT.match(text, end):
        return None
    sign = match["sign"] or match["inner"]
    before = text[max(0, match.start() - 2) : match.start()]
    if sign and sign.strip() in "-−–+" and _IS_OPERATION[sign[-1:] == " "].search(before):
        sign = ""  # an operation between two numbers, or a range
    start = match.start() + (len(match["sign"]) if match["sign"] and not sign else 0)
    minus = bool(sign) and sign.strip() != "+"
    sign_of_money = next((mark for mark in match["money"] or "" if mark in MONEY_SIGNS), "")
    unit = money(sign_of_money) if sign_of_money else None
    if match["money"] and not unit:
        named = unit_at(match["money"], 0)
        unit = named[0] if named else None
    numeral = Numeral(start, end, -value if minus else value, -other if minus and other is not None else other, unit)
    return with_tail(text, structs.replace(numeral, decimals=decimals))


def _value(match: re.Match[str]) -> tuple[Fraction, Fraction | None, int] | None:
    if match["mixed"]:
        below = int(match["under"])
        return (int(match["mixed"]) + Fraction(int(match["over"]), below), None, 0) if below else None
    if match["vulgar"]:
        return int(match["whole"] or 0) + _VULGAR[match["vulgar"]], None, 0
    if match["top"]:
        below = int(match["bottom"])
        return (Fraction(int(match["top"]), below), None, 0) if below else None
    amount = _amount(match["number"])
    if amount is None:
        return None
    value, other, decimals = amount
    for name, base in (("e", Fraction(10)), ("ten", Fraction(int(match["base"] or 10))), ("power", value)):
        if match[name] is None:
            continue
        power = int(match[name].replace("−", "-"))
        if abs(power) > _MOST_POWER or (name != "e" and ((base == 0 and power < 0) or _too_big(base, power))):
            return None
        value = base**power if name == "power" else value * base**power
        other = None if name == "power" or other is None else other * base**power
    return value, other, decimals


def _too_big(base: Fraction, power: int) -> bool:
    return max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(power) > 4 * _MOST_POWER


def _amount(digits: str) -> tuple[Fraction, Fraction | None, int] | None:
    """The value, its value in the other locale if both are possible, and the number of decimals."""
    plain = re.sub(rf"['’_{_SPACES}]", "", digits)
    marks = re.sub(r"\d", "", plain)
    if not marks:
        return Fraction(int(plain)), None, 0
    last = marks[-1]
    whole, _, below = plain.rpartition(last)
    bare = re.sub(r"[.,]", "", whole)
    if len(marks) == 1:
        one = Fraction(f"{whole or 0}.{below}")
        grouped = len(below) == 3 and whole[:1] not in ("", "0") and len(whole) <= 3 and plain == digits
        if not grouped:
            return one, None, len(below)
        thousands = Fraction(int(bare + below))
        return (one, thousands, 3) if last == "." else (thousands, one, 0)
    if len(set(marks)) == 1:
        return (Fraction(int(bare + below)), None, 0) if len(below) == 3 else None
    if marks.count(last) > 1:
        return None
    return Fraction(f"{bare}.{below}"), None, len(below)
