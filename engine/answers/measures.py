"""Units and currencies: what follows a number, and how it converts."""

import re
from fractions import Fraction
from functools import lru_cache

from msgspec import Struct

from engine.answers.words import fold

Dimensions = tuple[tuple[str, int], ...]
"""Non-zero powers of the base units, sorted: metres per second are (("m", 1), ("s", -1))."""


class Unit(Struct, frozen=True):
    """A unit in terms of the base units: value × `factor` + `offset`. Only temperatures have an offset."""

    factor: Fraction
    dimensions: Dimensions
    offset: Fraction = Fraction(0)

    def in_base(self, value: Fraction) -> Fraction:
        """A value in this unit, converted to base units."""
        return value * self.factor + self.offset

    def from_base(self, value: Fraction) -> Fraction:
        """A value in base units, converted to this unit."""
        return (value - self.offset) / self.factor

    @property
    def is_money(self) -> bool:
        """Whether it is a currency."""
        return len(self.dimensions) == 1 and self.dimensions[0][0] in _MONEY

    @property
    def is_time(self) -> bool:
        """Whether it measures time, in seconds or months."""
        return self.dimensions in ((("s", 1),), (("month", 1),))


def _unit(factor: str | int | Fraction, dimensions: str, offset: str | int | Fraction = 0) -> Unit:
    """`dimensions` are powers of base units, as in "m s-2"."""
    powers = [re.fullmatch(r"([A-Za-z]+)(-?\d+)?", part) for part in dimensions.split()]
    found = tuple(sorted((match[1], int(match[2] or 1)) for match in powers if match))
    return Unit(Fraction(factor), found, Fraction(offset))


_PREFIXED = {  # SI symbols, which take a prefix
    "m": _unit(1, "m"),
    "g": _unit("0.001", "kg"),
    "s": _unit(1, "s"),
    "A": _unit(1, "A"),
    "K": _unit(1, "K"),
    "mol": _unit(1, "mol"),
    "Hz": _unit(1, "s-1"),
    "N": _unit(1, "kg m s-2"),
    "Pa": _unit(1, "kg m-1 s-2"),
    "J": _unit(1, "kg m2 s-2"),
    "W": _unit(1, "kg m2 s-3"),
    "Wh": _unit(3600, "kg m2 s-2"),
    "V": _unit(1, "kg m2 s-3 A-1"),
    "Ω": _unit(1, "kg m2 s-3 A-2"),
    "L": _unit("0.001", "m3"),
    "l": _unit("0.001", "m3"),
    "B": _unit(8, "bit"),
    "b": _unit(1, "bit"),
    "bit": _unit(1, "bit"),
    "cal": _unit("4.184", "kg m2 s-2"),
}
_PREFIXES = {
    "T": Fraction(10**12),
    "G": Fraction(10**9),
    "M": Fraction(10**6),
    "k": Fraction(10**3),
    "h": Fraction(100),
    "d": Fraction(1, 10),
    "c": Fraction(1, 100),
    "m": Fraction(1, 10**3),
    "µ": Fraction(1, 10**6),
    "n": Fraction(1, 10**9),
}
_SYMBOLS = {
    "min": _unit(60, "s"),
    "h": _unit(3600, "s"),
    "hr": _unit(3600, "s"),
    "hrs": _unit(3600, "s"),
    "t": _unit(1000, "kg"),
    "ha": _unit(10_000, "m2"),
    "°C": _unit(1, "K", "273.15"),
    "℃": _unit(1, "K", "273.15"),
    "°F": _unit("5/9", "K", Fraction("459.67") * 5 / 9),
    "C": _unit(1, "K", "273.15"),
    "F": _unit("5/9", "K", Fraction("459.67") * 5 / 9),
    "°": _unit(1, "deg"),
    "mph": _unit("0.44704", "m s-1"),
    "kph": _unit("5/18", "m s-1"),
    "kmh": _unit("5/18", "m s-1"),
    "ft": _unit("0.3048", "m"),
    "yd": _unit("0.9144", "m"),
    "mi": _unit("1609.344", "m"),
    "lb": _unit("0.45359237", "kg"),
    "lbs": _unit("0.45359237", "kg"),
    "oz": _unit("0.028349523125", "kg"),
    "bar": _unit(100_000, "kg m-1 s-2"),
    "rpm": _unit("1/60", "s-1"),
    "KB": _unit(8000, "bit"),
    "KiB": _unit(8 * 1024, "bit"),
    "MiB": _unit(8 * 1024**2, "bit"),
    "GiB": _unit(8 * 1024**3, "bit"),
    "wk": _unit(604_800, "s"),
    "wks": _unit(604_800, "s"),
    "yr": _unit(12, "month"),
    "yrs": _unit(12, "month"),
    "mins": _unit(60, "s"),
    "sec": _unit(1, "s"),
    "secs": _unit(1, "s"),
    "Std": _unit(3600, "s"),
}
_NAMED_WITH_PREFIX = {
    "metre": "m",
    "meter": "m",
    "gram": "g",
    "gramme": "g",
    "litre": "L",
    "liter": "L",
    "watt": "W",
    "volt": "V",
    "joule": "J",
    "newton": "N",
    "pascal": "Pa",
    "hertz": "Hz",
    "ampere": "A",
    "amp": "A",
    "byte": "B",
    "bit": "bit",
    "ohm": "Ω",
    "calorie": "cal",
    "second": "s",
}
_NAMED_PREFIXES = {
    "tera": "T",
    "giga": "G",
    "mega": "M",
    "kilo": "k",
    "deci": "d",
    "centi": "c",
    "milli": "m",
    "micro": "µ",
    "nano": "n",
}
_NAMES = {
    "minute": _SYMBOLS["min"],
    "minuten": _SYMBOLS["min"],
    "hour": _SYMBOLS["h"],
    "stunde": _SYMBOLS["h"],
    "stunden": _SYMBOLS["h"],
    "heure": _SYMBOLS["h"],
    "hora": _SYMBOLS["h"],
    "sekunde": _PREFIXED["s"],
    "sekunden": _PREFIXED["s"],
    "d": _unit(86_400, "s"),
    "day": _unit(86_400, "s"),
    "tag": _unit(86_400, "s"),
    "tage": _unit(86_400, "s"),
    "jour": _unit(86_400, "s"),
    "week": _unit(604_800, "s"),
    "fortnight": _unit(1_209_600, "s"),
    "month": _unit(1, "month"),
    "year": _unit(12, "month"),
    "decade": _unit(120, "month"),
    "century": _unit(1200, "month"),
    "centurie": _unit(1200, "month"),
    "kilo": _unit(1, "kg"),
    "tonne": _SYMBOLS["t"],
    "ton": _SYMBOLS["t"],
    "hectare": _SYMBOLS["ha"],
    "acre": _unit("4046.8564224", "m2"),
    "pound": _SYMBOLS["lb"],
    "ounce": _SYMBOLS["oz"],
    "inch": _unit("0.0254", "m"),
    "inche": _unit("0.0254", "m"),
    "foot": _SYMBOLS["ft"],
    "feet": _SYMBOLS["ft"],
    "yard": _SYMBOLS["yd"],
    "mile": _SYMBOLS["mi"],
    "knot": _unit("1852/3600", "m s-1"),
    "kelvin": _PREFIXED["K"],
    "celsius": _SYMBOLS["°C"],
    "centigrade": _SYMBOLS["°C"],
    "fahrenheit": _SYMBOLS["°F"],
    "radian": _unit(1, "rad"),
}
_MONEY_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "₹": "INR", "₽": "RUB", "₩": "KRW", "₿": "BTC"}
_MONEY_NAMES = {
    "dollar": "USD",
    "usd": "USD",
    "euro": "EUR",
    "eur": "EUR",
    "gbp": "GBP",
    "sterling": "GBP",
    "yen": "JPY",
    "jpy": "JPY",
    "rupee": "INR",
    "inr": "INR",
    "rouble": "RUB",
    "ruble": "RUB",
    "won": "KRW",
    "krw": "KRW",
    "yuan": "CNY",
    "cny": "CNY",
    "rmb": "CNY",
    "franc": "CHF",
    "chf": "CHF",
    "aud": "AUD",
    "cad": "CAD",
    "tao": "TAO",
    "btc": "BTC",
}
_HUNDREDTHS = {"cent": 1, "pence": 1, "penny": 1, "centime": 1, "centimo": 1, "ct": 1, "¢": 1}
HUNDREDTH = "hundredth"
"""The dimension of a hundredth of whatever currency an answer is in."""

_MONEY = frozenset((HUNDREDTH, *_MONEY_SIGNS.values(), *_MONEY_NAMES.values()))
MONEY_SIGNS = "".join(_MONEY_SIGNS)

_ATOM = re.compile(r"(°\s?[CF]\b|[℃°]|[µμΩ]?[A-Za-zÀ-ɏµμΩ]+)(?:\^?(-?[1-9])(?!\d))?")
_DEGREES = re.compile(r"(?:degrees?|deg\.?|grad)\s+(celsius|centigrade|fahrenheit|c|f)\b|degrees?\b", re.IGNORECASE)
_POWER_WORD = re.compile(r"(square|sq\.?|cubic)\s+", re.IGNORECASE)
_RAISED = re.compile(r"\s+(squared|cubed)\b", re.IGNORECASE)
_PER = re.compile(r"\s*/\s*|\s+(?:per|an?)\s+|\s+je\s+", re.IGNORECASE)
_TIMES = re.compile(r"\s?[·*⋅]\s?|\s(?=[A-Za-z]+\^-)")
_MOST_ATOMS = 6
"""Further units after the first: three in "kg m^2/(s^3 A)", and a bound for a text that goes on with units."""


def money(sign: str) -> Unit:
    """The currency that a sign stands for, such as "$"."""
    return Unit(Fraction(1), ((_MONEY_SIGNS[sign], 1),))


def pounds_as_money(unit: Unit | None) -> Unit | None:
    """Pounds sterling if the unit is the pound; otherwise the unit. The context tells which pound is meant."""
    return money("£") if unit == _NAMES["pound"] else unit


def in_hundredths(unit: Unit | None, currency: Unit | None) -> Unit | None:
    """Cents as hundredths of that currency; any other unit as it is."""
    if unit is None or unit.dimensions != ((HUNDREDTH, 1),):
        return unit
    return Unit(Fraction(1, 100), currency.dimensions) if currency is not None and currency.is_money else unit


def unit_at(text: str, start: int) -> tuple[Unit, int] | None:
    """The unit that begins at `start` and where it ends, or None: "m/s", "kilometres per hour", "m s^-1"."""
    found = _atom(text, start)
    if found is None:
        return None
    unit, end = found
    for _ in range(_MOST_ATOMS):
        joint = _PER.match(text, end)
        sign = -1
        if joint is None:
            joint, sign = _TIMES.match(text, end), 1
        following = _atom(text, joint.end()) if joint else None
        if following is None:
            break
        unit, end = _times(unit, following[0], sign), following[1]
    return unit, end


_ASKING = re.compile(r"\b(?:how\s+many|how\s+much\s+in|number\s+of|in|wie\s+viele)\s+(?:whole\s+)?", re.IGNORECASE)


@lru_cache(maxsize=256)
def asked_unit(question: str) -> Unit | None:
    """The unit in which a question wants its answer: "in degrees Celsius", "how many minutes"."""
    found = [unit_at(question, match.end()) for match in _ASKING.finditer(question)]
    return next((unit for unit, _ in reversed([one for one in found if one])), None)


def _atom(text: str, start: int) -> tuple[Unit, int] | None:
    if text[start : start + 1] in _MONEY_SIGNS:
        return money(text[start]), start + 1
    degrees = _DEGREES.match(text, start)
    if degrees:
        scale = (degrees[1] or "").lower()
        unit = _SYMBOLS["°"] if not scale else _SYMBOLS["°F" if scale.startswith("f") else "°C"]
        return unit, degrees.end()
    word = _POWER_WORD.match(text, start)
    power = 1 if word is None else 3 if word[1].lower() == "cubic" else 2
    match = _ATOM.match(text, word.end() if word else start)
    if match is None:
        return None
    named = _named(match[1].replace(" ", ""))
    if named is None:
        return None
    raised = Unit(Fraction(1), ())
    raising = _RAISED.match(text, match.end()) if power == 1 and not match[2] else None
    power = (2 if raising[1].lower() == "squared" else 3) if raising else power
    exponent = power * int(match[2] or 1)
    for _ in range(abs(exponent)):
        raised = _times(raised, named, 1 if exponent > 0 else -1)
    return (named if exponent == 1 else raised), (raising or match).end()


def _named(name: str) -> Unit | None:
    name = name.replace("μ", "µ")
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    if name in _PREFIXED:
        return _PREFIXED[name]
    prefix, symbol = _PREFIXES.get(name[:1]), _PREFIXED.get(name[1:])
    if prefix and symbol:
        return Unit(prefix * symbol.factor, symbol.dimensions)
    lower = fold(name)
    for spelling in (lower, lower.removesuffix("s")):
        if spelling in _NAMES:
            return _NAMES[spelling]
        if spelling in _HUNDREDTHS:
            return Unit(Fraction(1, 100), ((HUNDREDTH, 1),))
        if spelling in _MONEY_NAMES:
            return Unit(Fraction(1), ((_MONEY_NAMES[spelling], 1),))
        if spelling in _NAMED_WITH_PREFIX:
            return _PREFIXED[_NAMED_WITH_PREFIX[spelling]]
        for long, short in _NAMED_PREFIXES.items():
            rest = spelling.removeprefix(long)
            if rest != spelling and rest in _NAMED_WITH_PREFIX:
                base = _PREFIXED[_NAMED_WITH_PREFIX[rest]]
                return Unit(_PREFIXES[short] * base.factor, base.dimensions)
    return None


def _times(one: Unit, other: Unit, sign: int) -> Unit:
    powers = dict(one.dimensions)
    for name, power in other.dimensions:
        powers[name] = powers.get(name, 0) + sign * power
    factor = one.factor * other.factor if sign > 0 else one.factor / other.factor
    return Unit(factor, tuple(sorted((name, power) for name, power in powers.items() if power)))
