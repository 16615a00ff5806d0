"""The words that the readers know, held against what a dictionary, a calendar and a table of physics say of them."""

import calendar
from fractions import Fraction

import pytest

from engine.answers.measures import Unit, money, unit_at
from engine.answers.numerals import numerals
from engine.answers.registry import answer_type
from engine.values import Reply

ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth twenty-first twenty-second twenty-third twenty-fourth "
    "twenty-fifth twenty-sixth twenty-seventh twenty-eighth twenty-ninth thirtieth thirty-first"
)
CARDINALS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
SAME = (
    "1 kN = 1000 N; 1 N = 1 kg·m/s^2; 1 J = 1 N·m; 1 W = 1 J/s; 1 Wh = 3600 J; 1 Pa = 1 N/m^2; 1 bar = 100 kPa; 1"
    " V = 1 W/A; 1 Ω = 1 V/A; 1 Hz = 60 rpm; 1 L = 1 dm^3; 1 l = 1000 cm^3; 1 ha = 10000 m^2; 1 t = 1000 kg; 1 B "
    "= 8 bit; 1 b = 1 bit; 1 KB = 1000 B; 1 KiB = 1024 B; 1 MiB = 1024 KiB; 1 GiB = 1024 MiB; 1 TB = 1000 GB; 1 "
    "cal = 4.184 J; 1 h = 60 min; 2 hr = 2 h; 2 hrs = 2 h; 90 sec = 90 s; 9 secs = 9 s; 3 mins = 180 s; 1 wk = 7 "
    "days; 2 wks = 14 days; 1 yr = 12 months; 3 yrs = 36 months; 2 Std = 2 h; 1 mi = 1760 yd; 1 yd = 3 ft; 1 ft ="
    " 12 inches; 1 inch = 2.54 cm; 1 foot = 0.3048 m; 6 feet = 2 yards; 1 mile = 1.609344 km; 1 lb = 16 oz; 2 lbs"
    " = 2 pounds; 1 pound = 16 ounces; 1 acre = 4046.8564224 m^2; 1 hectare = 10000 m^2; 1 knot = 1.852 km/h; 36 "
    "kph = 10 m/s; 36 kmh = 36 km/h; 1 mph = 1 mile per hour; 1 tonne = 1000 kilograms; 1 ton = 1 t; 2 kilo = 2 "
    "kg; 0 °C = 273.15 K; 212 °F = 100 °C; 0 celsius = 0 degrees centigrade; 5 ℃ = 278.15 kelvin; 32 fahrenheit ="
    " 0 degrees C; 1 decade = 10 years; 1 century = 100 years; 1 fortnight = 2 weeks; 1 week = 7 days; 1 day = 24"
    " hours; 1 minute = 60 seconds; 2 Stunden = 120 Minuten; 1 Stunde = 1 heure; 1 hora = 60 min; 60 Sekunden = 1"
    " min; 2 Tage = 48 h; 1 Tag = 1 jour; 1 metre = 1 meter; 1 gram = 1 gramme; 1 litre = 1 liter; 1 watt = 1 W; "
    "1 volt = 1 V; 1 joule = 1 J; 1 newton = 1 N; 1 pascal = 1 Pa; 1 hertz = 1 Hz; 1 ampere = 1 amp; 1 amp = 1 A;"
    " 1 byte = 1 B; 1 ohm = 1 Ω; 1 calorie = 1 cal; 1 second = 1 s; 1 terabyte = 1 TB; 1 gigabyte = 1 GB; 1 "
    "megawatt = 1 MW; 1 kilometre = 1 km; 1 decilitre = 0.1 L; 1 centimetre = 1 cm; 1 milligram = 1 mg; 1 "
    "microsecond = 1 µs; 1 nanometre = 1 nm; 1 hL = 100 L; 3 dL = 0.3 L; 5 cL = 50 mL; 1 radian = 1 radian; 2 mol"
    " = 2000 mmol; 3 square metres = 3 m^2; 2 cubic metres = 2 m^3; $3 = 3 dollars; €3 = 3 euros; £3 = 3 GBP; 3 "
    "sterling = 3 GBP; ¥3 = 3 yen; 3 JPY = 3 yen; ₹3 = 3 rupees; 3 INR = 3 rupees; ₽3 = 3 roubles; 3 rubles = 3 "
    "roubles; ₩3 = 3 won; 3 KRW = 3 won; 3 yuan = 3 CNY; 3 RMB = 3 yuan; 3 francs = 3 CHF; ₿3 = 3 BTC; 3 USD = 3 "
    "dollars; 3 EUR = 3 euros"
)
OTHER = (
    "1 m = 1 ft; 1 Pa = 1 N; 1 W = 1 V; 1 month = 30 days; 3 dollars = 3 euros; 3 AUD = 3 CAD; 3 TAO = 3 BTC; "
    "1 m^2 = 1 m; 1 J/s = 1 J; 1 KB = 1 KiB; 1 b = 1 B; 3 CHF = 3 EUR; 1 ° = 1 radian"
)


def _measure(text: str) -> tuple[Fraction, object]:
    """What a text measures, in base units, and their dimensions. Every bit of the text must be read."""
    (one,) = numerals(text)
    assert one.unit is not None, f"{text!r} has a unit"
    assert (one.start, one.end) == (0, len(text)), f"{text!r} is read whole"
    return one.unit.in_base(one.value), one.unit.dimensions


@pytest.mark.parametrize(("pairs", "same"), [(SAME, True), (OTHER, False)])
def test_units_measure_what_physics_and_the_bank_say(pairs: str, same: bool) -> None:
    for pair in pairs.split("; "):
        left, right = pair.split(" = ")
        assert (_measure(left) == _measure(right)) == same, pair


def test_a_unit_is_read_where_it_stands_and_no_further() -> None:
    assert unit_at("5 € per night", 2) == (money("€"), 3)
    assert unit_at("5 m and 3 s", 2) == (Unit(Fraction(1), (("m", 1),)), 3)
    assert unit_at("5 stars", 2) is None


def test_a_number_in_words_is_that_number() -> None:
    for value, word in enumerate(CARDINALS.split()):
        assert [one.value for one in numerals(f"It is {word} of them")] == [value], word
    for value, word in enumerate(TENS.split(), 2):
        assert [one.value for one in numerals(f"{word}-four")] == [10 * value + 4], word
    for power, word in ((2, "hundred"), (3, "thousand"), (6, "million"), (9, "billion"), (12, "trillion"), (5, "lakh")):
        assert [one.value for one in numerals(f"five {word}")] == [5 * 10**power], word
        assert [one.value for one in numerals(f"5 {word}")] == [5 * 10**power], word


def test_an_ordinal_in_words_is_that_number_and_that_day() -> None:
    for value, word in enumerate(ORDINALS.split(), 1):
        assert [one.value for one in numerals(f"the {word} one") if one.value != 1] == ([value] if value > 1 else [])
        assert _key("date", f"the {word} of May 2021", "") == f"2021-05-{value:02}", word
    for value, word in ((40, "fortieth"), (50, "fiftieth"), (60, "sixtieth"), (70, "seventieth"), (80, "eightieth")):
        assert [one.value for one in numerals(f"the {word} time")] == [value], word
    assert [one.value for one in numerals("the ninetieth time")] == [90]


def test_a_part_in_words_is_that_part() -> None:
    for value, word in enumerate(ORDINALS.split()[2:20], 3):
        assert [one.value for one in numerals(f"two {word}s")] == [Fraction(2, value)], word
    for below, word in ((2, "half"), (3, "third"), (4, "quarter"), (5, "fifth")):
        assert [one.value for one in numerals(f"3 and a {word}")] == [3 + Fraction(1, below)], word


def test_a_month_is_known_in_the_languages_of_the_readers() -> None:
    names = {
        "en": " ".join(calendar.month_name),
        "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    }
    for language, months in names.items():
        for number, name in enumerate(months.split(), 1):
            assert _key("date", f"7 {name} 1987", "") == f"1987-{number:02}-07", (language, name)
    for number, name in enumerate([*calendar.month_abbr][1:], 1):
        assert _key("date", f"{name} 7, 1987", "") == f"1987-{number:02}-07", name


def test_a_power_is_a_number_as_far_as_one_is_worth_computing() -> None:
    assert [one.value for one in numerals("0^2")] == [0]
    assert [one.value for one in numerals("2^-1")] == [Fraction(1, 2)]
    assert [one.value for one in numerals("1e400")] == [10**400]
    for text in ("0^-1", "1e401", "9^9999"):
        assert not numerals(text), text


def test_a_word_for_nothing_is_not_an_item() -> None:
    for word in ("none", "Nothing", "empty", "keine", "aucun", "ninguno", "None of them.", "∅", "There are no words."):
        assert _read("set", word, "Which of them?") == "[]", word
    assert _read("set", "I do not know.", "Which of them?") != "[]"
    assert _key("set", "[]", "Which of them?") == _key("set", "none", "Which of them?") == "[]"
    assert _read("set", "Norway", "Which of them?") == '["norway"]'


def test_a_set_is_spelled_as_it_is_read() -> None:
    assert _key("set", "кот, дом", "Какие слова?") == '["дом", "кот"]'


def test_an_option_within_another_is_not_said_by_it() -> None:
    question = "Which city is it?\n(A) York\n(B) New York\n(C) Leeds"
    for text, right in (("New York", "B"), ("York", "A"), ("New York is it", "B")):
        assert _read("choice", text, question) == right, text


def _key(kind: str, truth: str, question: str) -> str | None:
    return answer_type(kind).key(truth, question)


def _read(kind: str, text: str, question: str) -> str | None:
    found = answer_type(kind).read(Reply(uid=0, hotkey="a", text=text), question)
    return found.key if found else None
