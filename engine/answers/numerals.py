"""The grammar of numbers: digits in every usual locale, fractions, powers, magnitudes, words, and what they count.

A token is read whole or not at all: there is no 30 in "13:30" and no 4 in "4x".
"""

import re
import unicodedata
from fractions import Fraction

from msgspec import Struct, structs

from engine.answers.measures import MONEY_SIGNS, Unit, money, unit_at


class Numeral(Struct, frozen=True):
    """A number where it stands in a text.

    `other` is what the same digits mean where the marks are used the other way round ("1.234", "1,234"). `doubtful`
    words ("one", "third") mean a number only where nothing else does. One that `goes_on` has more decimals than are
    written ("0.333…").
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


_MOST_DIGITS = 40
_MOST_POWER = 400
"""10^400 is more than any answer needs; a greater power is no number rather than a long computation."""

_VULGAR = {mark: Fraction(unicodedata.numeric(mark)).limit_denominator(100) for mark in "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅒⅑⅐"}
_SPACES = "\u00a0\u2009\u202f "
_D = rf"\d{{1,{_MOST_DIGITS}}}(?!\d)"
_GROUPED = (
    r"\d{1,2}(?:,\d{2})+,\d{3}(?!\d)"
    r"|[1-9]\d{0,2}(?:,\d{3})+(?![\d])|[1-9]\d{0,2}(?:\.\d{3})+(?!\d)|[1-9]\d{0,2}(?:['’]\d{3})+(?!\d)"
    rf"|[1-9]\d{{0,2}}(?:_\d{{3}})+(?!\d)|[1-9]\d{{0,2}}(?:[{_SPACES}]\d{{3}})+(?![{_SPACES}]?\d)"
)
_POWER = r"\^\s?\(?\s?(?P<{0}>[-−+]?\d{{1,4}})\s?\)?"
_DIGITS = re.compile(
    rf"(?<![\w^])(?<!\d[.,:/'’])(?P<sign>[-−–+]\s?(?=[{MONEY_SIGNS}\d.])|(?:minus|negative|moins|menos|минус)\s+)?"
    rf"(?P<money>(?:US|AU|CA)?[{MONEY_SIGNS}]\s?(?P<inner>[-−–])?|(?:EUR|USD|GBP|CHF|JPY|INR)\s)?"
    rf"(?>(?P<mixed>\d{{1,15}})(?:[{_SPACES}-]|\s(?:and|"
    rf"&)\s)(?P<over>\d{{1,15}})\s?[/⁄]\s?(?P<under>\d{{1,15}})(?!\d)"
    rf"|(?P<whole>\d{{1,15}})?\s?(?P<vulgar>[{''.join(_VULGAR)}])"
    rf"|(?P<top>{_D})\s?[/⁄]\s?(?P<bottom>{_D})"
    rf"|(?P<number>(?>{_GROUPED}|{_D})(?:[.,]{_D})?|\.{_D})"
    rf"(?:[eE](?P<e>[-+−]?\d{{1,4}})(?![\d.])|\s?[×x*·⋅]\s?10{_POWER.format('ten')}|{_POWER.format('power')})?)",
    re.IGNORECASE,
)
_IS_OPERATION = {False: re.compile(r"[\d)]\s?$|\w$"), True: re.compile(r"[\w)]\s?$")}
"""What before a sign says that it stands between two numbers, where it touches the second and where it does not."""

_BEFORE_DIGIT = re.compile(r"[:^]\s?\d|[.,/'’]\d")
_DATE = re.compile(r"(?<!\d)\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?!\d)")
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
_PERCENT = re.compile(
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


def numerals(text: str) -> list[Numeral]:
    """All numbers of a text in order."""
    digits = _from_digits(text)
    taken = [(one.start, one.end) for one in digits]
    worded = [one for one in _from_words(text) if not any(a < one.end and one.start < b for a, b in taken)]
    return sorted([*digits, *worded], key=lambda one: one.start)


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
    return _with_tail(text, structs.replace(numeral, decimals=decimals))


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
    for name, base in (("e", Fraction(10)), ("ten", Fraction(10)), ("power", value)):
        if match[name] is None:
            continue
        power = int(match[name].replace("−", "-"))
        if abs(power) > _MOST_POWER or (name == "power" and ((base == 0 and power < 0) or _too_big(base, power))):
            return None
        value = base**power if name == "power" else value * base**power
        other = None if name == "power" or other is None else other * base**power
    return value, other, decimals


def _too_big(base: Fraction, power: int) -> bool:
    return max(base.numerator.bit_length(), base.denominator.bit_length()) * abs(power) > 4 * _MOST_POWER


def _amount(digits: str) -> tuple[Fraction, Fraction | None, int] | None:
    """The value, that of the other locale where both are possible, and the number of decimals."""
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


def _with_tail(text: str, numeral: Numeral) -> Numeral | None:
    """The numeral with what follows it: magnitude, half, percent, ordinal ending, unit. None when letters follow that
    are none of these: then it is another token."""
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
            return _in_unit(text, numeral, numeral.end, must=True)
    numeral = _magnified(text, numeral)
    part = _AND_PART.match(text, numeral.end)
    if part:
        numeral = structs.replace(numeral, value=numeral.value + _share(part), other=None, end=part.end())
        numeral = _magnified(text, numeral)
    percent = _PERCENT.match(text, numeral.end)
    if percent:
        return structs.replace(numeral, percent=True, end=percent.end())
    below = _BELOW_ZERO.match(text, numeral.end) or _BEFORE_CHRIST.match(text, numeral.end)
    if below:
        return structs.replace(numeral, value=-abs(numeral.value), end=below.end())
    after = text[numeral.end : numeral.end + 1]
    if after == "" or not after.isalnum():
        return _in_unit(text, numeral, numeral.end + len(_GAP.findall(after)), must=False)
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


_NO_UNITS = frozenset("a an at in is as so or and of to C F K m s h d t b B A V N J W L l g".split())  # noqa: SIM905
"""Words and letters that behind a space may be the next word of the sentence, unless punctuation follows."""
_PUNCTUATED = re.compile(r"\s*(?:$|[.,;:!?()\]}*/]|\d|\^|\bper\b|\w{1,12}\^-)")


def _in_unit(text: str, numeral: Numeral, start: int, *, must: bool) -> Numeral | None:
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


# --- in words -------------------------------------------------------------------------------------------------------

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


def _from_words(text: str) -> list[Numeral]:
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
    """Reads one number in words from a row of (word, start, end)."""

    def __init__(self, text: str, tokens: list[tuple[str, int, int]], place: int) -> None:
        self._text, self._tokens, self._first, self._at = text, tokens, place, place

    def read(self) -> tuple[Numeral | None, int]:
        """The number and the place behind it; None where the words are no number after all."""
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
            numeral = _with_tail(self._text, numeral) or numeral
        elif numeral:
            percent = _PERCENT.match(self._text, end)
            unit = None if percent else _in_unit(self._text, numeral, end + 1, must=True)
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
        result = Fraction(value)
        if self._takes("point"):
            digits = ""
            while self._peek() in _ONES and _ONES[self._peek()] < 10:
                digits += str(_ONES[self._next()])
            result = Fraction(f"{value}.{digits}") if digits else result
            if self._peek() in _SCALES:
                result *= 10 ** _SCALES[self._next()]
        more = self._and_part()
        if more is not None:
            result += more
            if self._peek() in _SCALES:
                result *= 10 ** _SCALES[self._next()]
            elif self._takes("dozen"):
                result *= 12
        return result, value == 1 and result == 1 and not article and self._at - self._first == 1

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
            elif word == "and" and begun and (block >= 100 or total) and self._peek(1) in _ONES and _fits(block, 1):
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
        if self._peek() in _TIME_WORDS and self._at > place:
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
        """Takes `word` where a number of two or more follows it."""
        if self._peek() == word and self._peek(1) in _ONES and _ONES[self._peek(1)] > 1:
            self._at += 1
            return True
        return False


def _fits(block: int, value: int) -> bool:
    """Whether a word may follow what was read of a block below a thousand: "twenty" takes "one", "nine" takes none."""
    if block % 100 == 0 and block:
        return True
    return block % 100 >= 20 and block % 10 == 0 and 0 < value < 10


def _fits_ordinal(block: int, total: int, value: int) -> bool:
    return value < 100 and ((block == 0 and total > 0) or _fits(block, value))
