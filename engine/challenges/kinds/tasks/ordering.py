"""Putting numbers, words and runners in order."""

import random
from itertools import pairwise

from engine.challenges.kinds.tasks.base import NAMES, Family, Task, choice_task, listed, number_task, ordinal

WORDS = (
    "anchor", "basket", "bridge", "candle", "castle", "desert", "dragon", "engine", "feather", "forest", "garden",
    "harbour", "island", "jacket", "kettle", "ladder", "lantern", "marble", "meadow", "needle", "orchard", "pepper",
    "quarry", "ribbon", "saddle", "tunnel", "velvet", "window", "yellow", "zebra",
)  # fmt: skip


def numbers(rng: random.Random) -> Task:
    """The number at a position in a sorted list."""
    shown = rng.sample(range(10, 999), rng.randint(4, 6))
    place = rng.randint(1, len(shown))
    falling = rng.random() < 0.5
    order = "from largest to smallest" if falling else "from smallest to largest"
    listing, which = listed([*map(str, shown)]), ordinal(place)
    asks = (
        f"Sort {listing} {order}. Which number comes {which}?",
        f"Which of the numbers {listing} is the {which} if they are ordered {order}?",
    )
    ordered = sorted(shown, reverse=falling)
    return number_task(rng, "order of numbers", asks, ordered[place - 1], [ordered[-place]])


def alphabet(rng: random.Random) -> Task:
    """The word at a position in alphabetical order."""
    shown = rng.sample(WORDS, rng.randint(4, 6))
    place = rng.randint(1, len(shown))
    asks = (
        f"Which word comes {ordinal(place)} if {listed(shown)} are put in alphabetical order?",
        f"Put these words in alphabetical order: {listed(shown)}. Which is the {ordinal(place)}?",
    )
    return choice_task(rng, "alphabet", asks, sorted(shown)[place - 1], shown)


def race(rng: random.Random) -> Task:
    """Who finished at a position in a race, given who finished before whom."""
    finish = rng.sample(NAMES, rng.randint(3, 5))
    place = rng.randint(1, len(finish))
    clues = [
        f"{earlier} finished before {later}." if rng.random() < 0.5 else f"{later} finished after {earlier}."
        for earlier, later in pairwise(finish)
    ]
    rng.shuffle(clues)
    told = " ".join(clues)
    asks = (f"{told} Who finished {ordinal(place)}?", f"{told} Who was {ordinal(place)} in the race?")
    return choice_task(rng, "race", asks, finish[place - 1], finish)


FAMILIES: tuple[Family, ...] = (numbers, alphabet, race)
