"""Every family of tasks: its truth is worked out again, in another way, from the text that the miner reads."""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import combinations, pairwise, permutations, product
from random import Random

import pytest

from engine.challenges.kinds.chat import ROOMS
from engine.challenges.kinds.tasks import counting, dates, facts, logic, numbers, opens, ordering, units
from engine.challenges.kinds.tasks.base import Family, Task
from engine.challenges.kinds.wording import CLOSERS, OPENERS

ROUNDS = 150


def tasks(family: Family) -> Iterable[Task]:
    return (family(Random(seed)) for seed in range(ROUNDS))


def ints(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def ranked(text: str) -> int:
    (place,) = re.findall(r"first|second|third|fourth|fifth|sixth", text)
    return ["first", "second", "third", "fourth", "fifth", "sixth"].index(place)


def chain(text: str) -> str:
    value = Fraction(0)
    for word, number in re.findall(r"(with|number|Add|Subtract|Multiply by|Halve) ?(\d+|it)", text):
        match word:
            case "Add":
                value += int(number)
            case "Subtract":
                value -= int(number)
            case "Multiply by":
                value *= int(number)
            case "Halve":
                value /= 2
            case _:
                value = Fraction(int(number))
        assert value >= 0
    return str(value)


def series(text: str) -> str:
    terms = ints(text)
    if len({later - earlier for earlier, later in pairwise(terms)}) == 1:
        return str(terms[-1] + terms[-1] - terms[-2])
    (ratio,) = {Fraction(later, earlier) for earlier, later in pairwise(terms)}
    return str(terms[-1] * ratio)


def percentage(text: str) -> str:
    (percent,) = map(int, re.findall(r"(\d+)(?:%| percent)", text))
    (base,) = [number for number in ints(text) if number != percent] or [percent]
    return str(Fraction(percent, 100) * base)


def spread(text: str) -> str:
    given = ints(text)
    if "sum" in text:
        return str(sum(given))
    return str(max(abs(one - other) for one, other in combinations(given, 2)))


def shopping(text: str) -> str:
    prices = {thing: int(price) for thing, price in re.findall(r"[Aa] (\w+) costs (\d+)", text)}
    bought = {thing: int(count) for count, thing in re.findall(r"(\d+) (\w+)s\b", text) if thing in prices}
    total = sum(prices[thing] * bought[thing] for thing in prices)
    paid = re.search(r"pays with (\d+)", text)
    return str(int(paid[1]) - total if paid else total)


def letters(text: str) -> str:
    letter, word = re.findall(r'"(\w+)"', text)
    return str(len(re.findall(letter, word)))


def multiples(text: str) -> str:
    divisor, span = re.search(r"(?:divisible by|multiples of) (\d+)", text), re.search(r"from (\d+) to (\d+)", text)
    assert divisor
    assert span
    return str(sum(number % int(divisor[1]) == 0 for number in range(int(span[1]), int(span[2]) + 1)))


def things(text: str) -> str:
    (sort,) = [sort for sort in counting.SORTS if sort in text]
    return str(len([word for word in counting.SORTS[sort] if re.search(rf"\b{word}\b", text)]))


def pairs(text: str) -> str:
    (people,) = ints(text)
    return str(len([*combinations(range(people), 2)]))


SIZES = {
    "time": "seconds 1 minutes 60 hours 3600 days 86400 weeks 604800",
    "length": "millimetres 1/1000 centimetres 1/100 metres 1 kilometres 1000",
    "mass": "milligrams 1/1000000 grams 1/1000 kilograms 1 tonnes 1000",
    "volume": "millilitres 1/1000 centilitres 1/100 litres 1 hectolitres 100",
    "imperial": "inches 254/10000 feet 3048/10000 yards 9144/10000 miles 1609344/1000",
    "age": "months 1/12 years 1 decades 10 centuries 100 millennia 1000",
}


def conversion(text: str) -> str:
    sizes: dict[str, tuple[str, Fraction]] = {}
    for dimension, table in SIZES.items():
        words = table.split()
        sizes |= {unit: (dimension, Fraction(size)) for unit, size in zip(words[::2], words[1::2], strict=True)}
    found = re.search(r"(\d+) (\w+)", text)
    assert found
    (target,) = [word for word in re.findall(r"\w+", text) if word in sizes and word != found[2]]
    assert sizes[found[2]][0] == sizes[target][0]
    return str(int(found[1]) * sizes[found[2]][1] / sizes[target][1])


def weekday_later(text: str) -> str:
    monday = date(2024, 1, 1)
    (today,) = re.findall(r"\w+day\b(?<!\bday)", text.replace("Today", "").replace("day of", ""))
    start = next(day for day in (monday + timedelta(n) for n in range(7)) if day.strftime("%A") == today)
    return (start + timedelta(days=ints(text)[0])).strftime("%A")


def written_dates(text: str) -> list[datetime]:
    return [datetime.strptime(found, "%d %B %Y") for found in re.findall(r"\d+ [A-Z]\w+ \d{4}", text)]


def weekday_of(text: str) -> str:
    (day,) = written_dates(text)
    return day.strftime("%A")


def days_between(text: str) -> str:
    first, last = written_dates(text)
    return str((last - first).days)


def leap_year(text: str) -> str:
    year = max(ints(text))
    return "yes" if (date(year, 3, 1) - date(year, 2, 28)).days == 2 else "no"


def clock(text: str) -> str:
    found = re.search(r"(\d\d:\d\d).* (\d+) minutes", text)
    assert found
    end = datetime.strptime(found[1], "%H:%M") + timedelta(minutes=int(found[2]))
    assert end.date() == date(1900, 1, 1)
    return end.strftime("%H:%M")


def order_of_numbers(text: str) -> str:
    falling = text.index("largest") < text.index("smallest")
    given = ints(text)
    above = [sum(other > number if falling else other < number for other in given) for number in given]
    return str(given[above.index(ranked(text))])


def alphabet(text: str) -> str:
    words = [word for word in ordering.WORDS if re.search(rf"\b{word}\b", text)]
    before = [sum(other < word for other in words) for word in words]
    return words[before.index(ranked(text))]


def the_only_order(pairs_: list[tuple[str, str]]) -> tuple[str, ...]:
    names = sorted({name for pair in pairs_ for name in pair})
    (order,) = [
        order
        for order in permutations(names)
        if all(order.index(earlier) < order.index(later) for earlier, later in pairs_)
    ]
    return order


def race(text: str) -> str:
    before = re.findall(r"(\w+) finished before (\w+)", text)
    before += [(earlier, later) for later, earlier in re.findall(r"(\w+) finished after (\w+)", text)]
    return the_only_order(before)[ranked(text)]


def taller(text: str) -> str:
    order = re.findall(r"(\w+) is taller than (\w+)", text)
    order += [(tall, small) for small, tall in re.findall(r"(\w+) is shorter than (\w+)", text)]
    ((first, second),) = re.findall(r"Is (\w+) taller than (\w+)\?", text)
    ranking = the_only_order(order)
    return "yes" if ranking.index(first) < ranking.index(second) else "no"


def owner(text: str) -> str:
    people = re.search(r"(\w+), (\w+) and (\w+) own", text)
    assert people
    owned = re.findall(r"an? \w+", text.split(" own ")[1].split(", one each")[0])
    denied = set(re.findall(r"(\w+) does not own (an? \w+)", text))
    (way,) = [way for way in permutations(people.groups()) if not denied & {*zip(way, owned, strict=True)}]
    (asked,) = re.findall(r"Who owns (an? \w+)\?", text)
    return way[owned.index(asked)]


def statement(text: str) -> str:
    values = {name: value == "true" for name, value in re.findall(r"([PQR]) is (true|false)", text)}
    (words,) = re.findall(r'"(.*)"', text)
    return "yes" if eval(words, {}, values) else "no"  # noqa: S307


def holds(sentence: str, groups: list[str], regions: tuple[bool, ...]) -> bool:
    """Whether a sentence holds when `regions` says which of the eight combinations of three groups have members."""
    people = [kind for kind, there in zip(product((False, True), repeat=3), regions, strict=True) if there]
    found = re.fullmatch(rf"(?i)(all|some|no) ({'|'.join(groups)}) are (not )?({'|'.join(groups)})", sentence)
    assert found
    quantity, subject, denied, predicate = found.groups()
    matching = [member[groups.index(predicate)] != bool(denied) for member in people if member[groups.index(subject)]]
    return {"all": all(matching), "some": any(matching), "no": not any(matching)}[quantity.lower()]


def syllogism(text: str) -> str:
    groups = [group for group in logic.GROUPS if group in text]
    first, second, question = re.split(r"(?<=[.?]) ", text)
    (conclusion,) = re.findall(r"that (.*)\?", question)
    follows = all(
        holds(conclusion, groups, regions)
        for regions in product((False, True), repeat=8)
        if holds(first.rstrip("."), groups, regions) and holds(second.rstrip("."), groups, regions)
    )
    return "yes" if follows else "no"


CHECKS: list[tuple[Family, Callable[[str], str]]] = [
    (numbers.chain, chain),
    (numbers.series, series),
    (numbers.percentage, percentage),
    (numbers.spread, spread),
    (numbers.shopping, shopping),
    (counting.letters, letters),
    (counting.multiples, multiples),
    (counting.things, things),
    (counting.pairs, pairs),
    (units.conversion, conversion),
    (dates.weekday_later, weekday_later),
    (dates.weekday_of, weekday_of),
    (dates.days_between, days_between),
    (dates.leap_year, leap_year),
    (dates.clock, clock),
    (ordering.numbers, order_of_numbers),
    (ordering.alphabet, alphabet),
    (ordering.race, race),
    (logic.syllogism, syllogism),
    (logic.statement, statement),
    (logic.taller, taller),
    (logic.owner, owner),
]


@pytest.mark.parametrize(("family", "solve"), CHECKS, ids=[family.__name__ for family, _ in CHECKS])
def test_truth_is_found_again_from_the_text(family: Family, solve: Callable[[str], str]) -> None:
    for task in tasks(family):
        assert task.truth == solve(task.text), task.text


def test_every_family_is_checked() -> None:
    rooms = (numbers, counting, units, dates, ordering, logic)
    assert {family for room in rooms for family in room.FAMILIES} == {family for family, _ in CHECKS}


@pytest.mark.parametrize("family", [*(family for family, _ in CHECKS), facts.fact], ids=lambda family: family.__name__)
def test_lures_are_wrong_and_of_the_same_form(family: Family) -> None:
    for task in tasks(family):
        assert task.lures
        assert str(task.truth).lower() not in {lure.lower() for lure in task.lures}
        assert len({*task.lures}) == len(task.lures)
        if task.answer_type == "number":
            assert task.truth is not None
            assert all(lure.isdecimal() for lure in (*task.lures, task.truth))
        if task.answer_type == "yes_no":
            assert {task.truth, *task.lures} == {"yes", "no"}


@pytest.mark.parametrize(
    "family", [dates.leap_year, logic.syllogism, logic.statement, logic.taller], ids=lambda family: family.__name__
)
def test_yes_and_no_are_both_common(family: Family) -> None:
    share = sum(task.truth == "yes" for task in tasks(family)) / ROUNDS
    assert 0.25 < share < 0.75


def test_the_place_in_a_list_does_not_give_the_owner_away() -> None:
    aligned = 0
    for task in tasks(logic.owner):
        people = re.search(r"(\w+), (\w+) and (\w+) own (an? \w+), (an? \w+) and (an? \w+)", task.text)
        asked = re.search(r"Who owns (an? \w+)", task.text)
        assert people
        assert asked
        aligned += people.groups()[people.groups().index(asked[1]) - 3] == task.truth
    assert aligned < ROUNDS / 2


def test_sorts_of_things_do_not_overlap() -> None:
    words = [word for sort in counting.SORTS.values() for word in sort]
    assert len(words) == len({*words})


# The elements in the order of their atomic numbers, up to uranium.
PERIODIC = re.findall(
    r"\w+",
    """
    H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb
    Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt Au
    Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U
    """,
)


def test_symbols_and_atomic_numbers_agree_with_the_periodic_table() -> None:
    symbols, atomic = facts.relations()["symbol"].rows, facts.relations()["atomic_number"].rows
    assert {*symbols.values()} <= {*PERIODIC}
    both = symbols.keys() & atomic.keys()
    assert len(both) >= 15
    assert all(PERIODIC.index(symbols[element]) + 1 == int(atomic[element]) for element in both)
    assert len({*atomic.values()}) == len(atomic)


def test_facts_are_many_and_can_be_asked_backwards_only_where_that_has_one_answer() -> None:
    assert sum(len(relation.rows) for relation in facts.relations().values()) >= 120
    for relation in facts.relations().values():
        assert all("{subject}" in wording for wording in (*relation.asks, *relation.claims))
        assert all("{answer}" in wording for wording in (*relation.backwards, *relation.claims))
        assert relation.answer_type == "short" or all(answer.isdecimal() for answer in relation.rows.values())
        if relation.backwards:
            assert len({*relation.rows.values()}) == len(relation.rows)


def test_facts_are_asked_forwards_backwards_and_as_claims() -> None:
    rows = facts.relations()["capital"].rows
    seen = set()
    for task in (facts.fact(Random(seed)) for seed in range(1500)):
        country = next((name for name in rows if re.search(rf"\b{name}\b", task.text)), None)
        city = next((name for name in rows.values() if re.search(rf"\b{name}\b", task.text)), None)
        if task.topic != "capital":
            continue
        if task.answer_type == "yes_no":
            assert country
            assert task.truth == ("yes" if rows[country] == city else "no")
        elif country:
            assert task.truth == rows[country]
        else:
            assert task.truth
            assert rows[task.truth] == city
        seen.add((task.answer_type, bool(country), bool(city)))
    assert seen == {("yes_no", True, True), ("short", True, False), ("short", False, True)}


def test_what_open_questions_are_about_has_several_points_in_several_wordings() -> None:
    assert len(opens.topics()) >= 30
    assert all(len(topic.asks) >= 2 for topic in opens.topics().values())
    assert opens.ways().keys() == ROOMS.keys()
    for said in (*opens.topics().values(), *opens.ways().values()):
        assert len(said.points) >= 4
        assert all(len({*point}) >= 2 for point in said.points)
        sentences = [*(wording for point in said.points for wording in point), *said.lures]
        assert len({*sentences}) == len(sentences)
        assert all(sentence[0].isupper() and sentence.endswith(".") for sentence in sentences)


def test_no_question_begins_or_ends_like_a_wording_around_it() -> None:
    texts = [task.text for family, _ in CHECKS for task in tasks(family)]
    texts += [ask for topic in opens.topics().values() for ask in topic.asks]
    assert not any(text.startswith(opener) for text in texts for opener in OPENERS if opener)
    assert not any(text.endswith(closer) for text in texts for closer in CLOSERS if closer)
