"""Multi-step arithmetic, series, percentages and short word problems."""

import random

from engine.challenges.kinds.tasks.base import NAMES, Family, Task, listed, number_task

_STARTS = ("Start with {0}.", "Begin with {0}.", "Take the number {0}.")
_ENDS = ("What number do you get?", "What is the result?", "Where do you end up?")


def chain(rng: random.Random) -> Task:
    """Three or four steps of arithmetic from a starting number."""
    value = rng.randint(4, 60)
    first, steps = value, list[str]()
    slip = value
    for _ in range(rng.randint(3, 4)):
        slip = value
        step, value = _step(rng, value)
        steps.append(step)
    asks = [" ".join([start.format(first), *steps, end]) for start in _STARTS for end in _ENDS]
    return number_task(rng, "number chain", asks, value, [slip])


def _step(rng: random.Random, value: int) -> tuple[str, int]:
    number = rng.randint(2, 30)
    if value > 400 and value % 2 == 0:
        return "Halve it.", value // 2
    if value > 30 and rng.random() < 0.5:
        return f"Subtract {number}.", value - number
    if value < 100 and rng.random() < 0.5:
        factor = rng.randint(2, 6)
        return f"Multiply by {factor}.", value * factor
    return f"Add {number}.", value + number


def series(rng: random.Random) -> Task:
    """The next number in an arithmetic or geometric series."""
    if rng.random() < 0.6:
        first, step = rng.randint(2, 60), rng.randint(3, 17)
        terms = [first + step * place for place in range(6)]
    else:
        first, factor = rng.randint(2, 9), rng.choice((2, 3))
        terms = [first * factor**place for place in range(6)]
    shown = ", ".join(map(str, terms[:-1]))
    asks = (
        f"Which number comes next in the series {shown}?",
        f"What is the next number after {shown} if the pattern goes on?",
    )
    return number_task(rng, "series", asks, terms[-1], [2 * terms[-2] - terms[-3] + 1])


def percentage(rng: random.Random) -> Task:
    """A percentage of a whole number that is itself whole."""
    percent, base = rng.choice((5, 10, 15, 20, 25, 30, 40, 60, 75)), 20 * rng.randint(2, 45)
    asks = (
        f"What is {percent} percent of {base}?",
        f"How much is {percent}% of {base}?",
        f"A club has {base} members and {percent} percent of them are new. How many members are new?",
    )
    truth = base * percent // 100
    return number_task(rng, "percentage", asks, truth, [base - truth, base // percent])


def spread(rng: random.Random) -> Task:
    """The sum of a list, or the difference between its extremes."""
    numbers = rng.sample(range(3, 99), rng.randint(4, 5))
    total, width = sum(numbers), max(numbers) - min(numbers)
    shown = listed([*map(str, numbers)])
    if rng.random() < 0.5:
        return number_task(rng, "spread", [f"What is the sum of {shown}?"], total, [width])
    asks = [f"What is the difference between the largest and the smallest of {shown}?"]
    return number_task(rng, "spread", asks, width, [total])


def shopping(rng: random.Random) -> Task:
    """The total price of two kinds of things, or the change."""
    name = rng.choice(NAMES)
    (first, second) = rng.sample(("pen", "notebook", "ticket", "mug", "lamp", "poster"), 2)
    price, other = rng.randint(3, 12), rng.randint(3, 12)
    count, more = rng.randint(2, 9), rng.randint(2, 9)
    total = price * count + other * more
    text = (
        f"A {first} costs {price} coins and a {second} costs {other} coins. "
        f"{name} buys {count} {first}s and {more} {second}s."
    )
    if rng.random() < 0.5:
        return number_task(
            rng,
            "shopping",
            [f"{text} How many coins does that cost?", f"{text} What is the price in coins?"],
            total,
            [price * count],
        )
    paid = -(-total // 50) * 50
    text = f"{text} {name} pays with {paid} coins."
    asks = (f"{text} How many coins come back?", f"{text} How many coins is the change?")
    return number_task(rng, "shopping", asks, paid - total, [total])


FAMILIES: tuple[Family, ...] = (chain, series, percentage, spread, shopping)
