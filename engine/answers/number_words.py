"""Numbers in words: "twenty-one", "three quarters of an hour", "half a million"."""

import re
from fractions import Fraction

from msgspec import structs

from engine.answers.magnitudes import PERCENT, Numeral, in_unit, with_tail
from engine.answers.measures import unit_at

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_ONES = {name: value for value, name in enumerate(_SMALL.split())} | {"fourty": 40, "nil": 0}
_ONES |= {name: 10 * value for value, name in enumerate(_TENS.split(), 2)}
_SCALES = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12, "quadrillion": 15, "lakh": 5, "crore": 7}
_ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9,
    "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15, "sixteenth": 16,
    "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40,
    "fiftieth": 50, "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90, "hundredth": 100,
    "thousandth": 1000, "millionth": 10**6,
}  # fmt: skip
_DENOMINATORS = {name + "s": value for name, value in _ORDINALS.items() if value > 2} | {
    name: value for name, value in _ORDINALS.items() if value > 2
}
_DENOMINATORS |= {"half": 2, "halves": 2, "quarter": 4, "quarters": 4}
_WORD = re.compile(r"[^\W\d_]+")
_JOINT = re.compile(r"[ \t\u00a0]{1,3}|-|‑|, ?(?=\w)")
_TIME_WORDS = frozenset(("second", "minute", "hour", "day", "week", "month", "year"))
_STARTS = frozenset(
    (*_ONES, *_ORDINALS, "a", "an", "half", "quarter", "minus", "negative", "hundred", "thousand", "dozen")
)
_MOST_WORDS = 2_000
"""Of the words with which a number may begin, the last that are read: a bound on the time that a reply can cost."""


def worded(text: str) -> list[Numeral]:
    """The numbers that a text gives in words, in order; only the last 2,000 words that may begin one are tried."""
    tokens = [(match[0].lower(), match.start(), match.end()) for match in _WORD.finditer(text)]
    found: list[Numeral] = []
    place = 0
    starts = [index for index, token in enumerate(tokens) if token[0] in _STARTS][-_MOST_WORDS:]
    for index in starts:
        if index < place:
            continue
        numeral, place = _Words(text, tokens, index).read()
        if numeral:
            found.append(numeral)
    return found


class _Words:
    """Reads one number in words, from (word, start, end) tokens."""

    def __init__(self, text: str, tokens: list[tuple[str, int, int]], place: int) -> None:
        self._text, self._tokens, self._first, self._at = text, tokens, place, place

    def read(self) -> tuple[Numeral | None, int]:
        """The number, or None if the words are not one after all, and the place after it."""
        start = self._tokens[self._first][1]
        attached = start and (self._text[start - 1].isdigit() or self._text[start - 1] in "'’_")
        sign = -1 if self._takes("minus", "negative") else 1
        read = None if attached else self._number()
        if read is None or (self._peek() in ("past", "to") and self._bare()):
            return None, self._first + 1
        value, doubtful = read
        end = self._tokens[self._at - 1][2]
        numeral: Numeral | None = Numeral(start, end, sign * value, worded=True, doubtful=doubtful)
        if numeral and not doubtful:
            numeral = with_tail(self._text, numeral) or numeral
        elif numeral:
            percent = PERCENT.match(self._text, end)
            unit = None if percent else in_unit(self._text, numeral, end + 1, must=True)
            numeral = structs.replace(numeral, percent=True, end=percent.end(), doubtful=False) if percent else numeral
            if unit is not None and self._text[end : end + 1] in (" ", "-"):
                numeral = structs.replace(unit, doubtful=unit.unit is None or unit.value == 1)
        while numeral and self._at < len(self._tokens) and self._tokens[self._at][1] < numeral.end:
            self._at += 1
        return numeral, self._at

    def _number(self) -> tuple[Fraction, bool] | None:
        article = self._takes("a", "an")
        if self._takes("half"):
            return self._of_a(Fraction(1, 2)), not article and self._bare()
        if self._takes("quarter"):
            return self._of_a(Fraction(1, 4)), not article and self._bare()
        if article and self._peek() in _DENOMINATORS and self._peek() not in ("second",):
            return self._of_a(Fraction(1, _DENOMINATORS[self._next()])), False
        if article and self._peek() in _TIME_WORDS:
            return Fraction(1), True
        if article and self._peek() not in ("hundred", "dozen", *_SCALES):
            return None
        if not article and self._peek() in _ORDINALS:
            word = self._next()
            return Fraction(_ORDINALS[word]), True
        whole = self._whole(1 if article else None)
        if whole is None:
            return None
        value, ordinal = whole
        if ordinal:
            return Fraction(value), False
        fraction = self._fraction(value)
        if fraction is not None:
            return self._of_a(fraction), False
        if value == 1 and self._takes_all("in") and (chances := self._whole(None)):
            return Fraction(1, chances[0]), False
        result = self._decimal(value) if self._takes("point") else Fraction(value)
        more = self._and_part()
        if more is not None:
            result += more
            if self._peek() in _SCALES:
                result *= 10 ** _SCALES[self._next()]
            elif self._takes("dozen"):
                result *= 12
        return result, value == 1 and result == 1 and not article and self._at - self._first == 1

    def _decimal(self, value: int) -> Fraction:
        """A number whose digits after the point are spelt one by one: "three point one four million"."""
        digits = ""
        while self._peek() in _ONES and _ONES[self._peek()] < 10:
            digits += str(_ONES[self._next()])
        result = Fraction(f"{value}.{digits}") if digits else Fraction(value)
        return result * 10 ** _SCALES[self._next()] if self._peek() in _SCALES else result

    def _bare(self) -> bool:
        return self._at - self._first == 1

    def _whole(self, current: int | None) -> tuple[int, bool] | None:
        """A whole number, and whether it is an ordinal ("twenty-third")."""
        total, begun = 0, current is not None
        block = current or 0
        last = 10**18
        while True:
            word = self._peek()
            if word in _ONES and (not begun or (total and not block) or _fits(block, _ONES[word])):
                block += _ONES[self._next()]
                begun = True
            elif word == "hundred" and 0 < block < 100:
                self._next()
                block *= 100
            elif word == "dozen" and begun and block:
                self._next()
                block *= 12
            elif word in _SCALES and begun and (block or total) and 10 ** _SCALES[word] < last:
                last = 10 ** _SCALES[self._next()]
                total, block = total + block * last, 0
            elif word == "and" and begun and (block >= 100 or (total and not block)) and self._peek(1) in _ONES:
                self._next()
            elif word in _ORDINALS and begun and (block or total) and _fits_ordinal(block, total, _ORDINALS[word]):
                return total + block + _ORDINALS[self._next()], True
            else:
                break
        return (total + block, False) if begun else None

    def _fraction(self, value: int) -> Fraction | None:
        word = self._peek()
        if word in _DENOMINATORS and value and (word.endswith("s") or value == 1 or word == "half"):
            return Fraction(value, _DENOMINATORS[self._next()])
        if word in ("quarter", "third", "half") and value > 1:
            return Fraction(value, _DENOMINATORS[self._next()])
        return None

    def _and_part(self) -> Fraction | None:
        if self._peek() != "and":
            return None
        after, then = self._peek(1), self._peek(2)
        over = 1 if after in ("a", "an", "one") else _ONES.get(after)
        if over and then in _DENOMINATORS and then != "second":
            self._at += 3
            return Fraction(over, _DENOMINATORS[then])
        return None

    def _of_a(self, value: Fraction) -> Fraction:
        """ "half a million", "three quarters of a million", "half a dozen"."""
        place = self._at
        self._takes("of")
        if self._takes("a", "an") and (self._peek() in _SCALES or self._peek() in ("dozen", "hundred")):
            word = self._next()
            return value * (12 if word == "dozen" else 100 if word == "hundred" else 10 ** _SCALES[word])
        if self._at > place and self._peek() and unit_at(self._text, self._tokens[self._at][1]):
            return value  # "three quarters of an hour": the unit is read behind the number
        self._at = place
        return value

    def _peek(self, ahead: int = 0) -> str:
        place = self._at + ahead
        if place >= len(self._tokens):
            return ""
        if place > self._first:
            between = self._text[self._tokens[place - 1][2] : self._tokens[place][1]]
            if not _JOINT.fullmatch(between):
                return ""
        return self._tokens[place][0]

    def _next(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][0]

    def _takes(self, *words: str) -> bool:
        if self._peek() in words:
            self._at += 1
            return True
        return False

    def _takes_all(self, word: str) -> bool:
        """Take `word` if a number of at least two follows it."""
        if self._peek() == word and self._peek(1) in _ONES and _ONES[self._peek(1)] > 1:
            self._at += 1
            return True
        return False


def _fits(block: int, value: int) -> bool:
    """Whether a word may follow what was read of a block below a thousand: "twenty" takes "one", "nine" nothing."""
    if block % 100 == 0 and block:
        return True
    return block % 100 >= 20 and block % 10 == 0 and 0 < value < 10


def _fits_ordinal(block: int, total: int, value: int) -> bool:
    return value < 100 and ((block == 0 and total > 0) or _fits(block, value))
