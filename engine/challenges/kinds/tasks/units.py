"""Converting between units whose ratio is a whole number."""

import random

from engine.challenges.kinds.tasks.base import Family, Task, number_task

LADDERS = (
    (("weeks", 7), ("days", 24), ("hours", 60), ("minutes", 60), ("seconds", 1)),
    (("kilometres", 1000), ("metres", 100), ("centimetres", 10), ("millimetres", 1)),
    (("tonnes", 1000), ("kilograms", 1000), ("grams", 1000), ("milligrams", 1)),
    (("hectolitres", 100), ("litres", 100), ("centilitres", 10), ("millilitres", 1)),
    (("miles", 1760), ("yards", 3), ("feet", 12), ("inches", 1)),
    (("millennia", 10), ("centuries", 10), ("decades", 10), ("years", 12), ("months", 1)),
)
"""Units from large to small, each with how many of the next unit it contains."""


def conversion(rng: random.Random) -> Task:
    """A quantity converted to a unit one or two steps away on the same ladder, in either direction."""
    ladder = rng.choice(LADDERS)
    upper = rng.randrange(len(ladder) - 1)
    lower = min(upper + rng.choice((1, 1, 2)), len(ladder) - 1)
    ratio = 1
    for _, step in ladder[upper:lower]:
        ratio *= step
    large, small, count = ladder[upper][0], ladder[lower][0], rng.randint(2, 12)
    if rng.random() < 0.6:
        slips = [count * ratio * 10, count * ratio // 10, count + ratio]
        return number_task(rng, "units", _down(count, large, small), count * ratio, slips)
    return number_task(rng, "units", _up(count * ratio, small, large), count, [count * 10, count * 100])


def _down(count: int, large: str, small: str) -> tuple[str, ...]:
    return (
        f"How many {small} are there in {count} {large}?",
        f"What is {count} {large} in {small}?",
        f"Convert {count} {large} to {small}. What number do you get?",
    )


def _up(count: int, small: str, large: str) -> tuple[str, ...]:
    return (
        f"How many {large} are {count} {small}?",
        f"Convert {count} {small} to {large}. What number do you get?",
    )


FAMILIES: tuple[Family, ...] = (conversion,)
