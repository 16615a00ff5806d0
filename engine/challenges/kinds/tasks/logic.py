"""Simple logic: syllogisms, truth values, comparisons, and who owns what."""

import random
from itertools import pairwise, permutations

from engine.challenges.kinds.tasks.base import NAMES, Family, Task, choice_task, listed, yes_no_task

GROUPS = ("gardeners", "singers", "pilots", "bakers", "chess players", "painters", "swimmers", "teachers", "poets")

MOODS = (
    ("All {a} are {b}.", "All {b} are {c}.", "all {a} are {c}", True),
    ("All {a} are {b}.", "All {c} are {b}.", "all {a} are {c}", False),
    ("All {b} are {a}.", "All {b} are {c}.", "all {a} are {c}", False),
    ("Some {a} are {b}.", "All {b} are {c}.", "some {a} are {c}", True),
    ("Some {a} are {b}.", "Some {b} are {c}.", "some {a} are {c}", False),
    ("No {b} are {c}.", "All {a} are {b}.", "no {a} are {c}", True),
    ("No {a} are {b}.", "No {b} are {c}.", "no {a} are {c}", False),
    ("All {a} are {b}.", "No {c} are {b}.", "no {a} are {c}", True),
    ("All {a} are {b}.", "Some {b} are {c}.", "some {a} are {c}", False),
    ("No {a} are {b}.", "Some {c} are {b}.", "some {c} are not {a}", True),
)
"""Two premises, a conclusion, and whether it follows."""

THINGS = ("a cat", "a dog", "a parrot", "a hamster", "a rabbit", "a tortoise")


def syllogism(rng: random.Random) -> Task:
    """Whether a conclusion follows from two premises."""
    a, b, c = rng.sample(GROUPS, 3)
    first, second, conclusion, truth = rng.choice(MOODS)
    premises = [premise.format(a=a, b=b, c=c) for premise in (first, second)]
    rng.shuffle(premises)
    wanted = conclusion.format(a=a, c=c)
    given = " ".join(premises)
    asks = (f"{given} Does it follow that {wanted}?", f"{given} Can we be certain that {wanted}?")
    return yes_no_task(rng, "syllogism", asks, truth)


def statement(rng: random.Random) -> Task:
    """The truth of a statement made up of three others."""
    p, q, r = (rng.random() < 0.5 for _ in range(3))
    given = ", ".join(f"{name} is {'true' if value else 'false'}" for name, value in (("P", p), ("Q", q), ("R", r)))
    words, truth = rng.choice(
        (
            ("(P and Q) or R", (p and q) or r),
            ("P and (Q or R)", p and (q or r)),
            ("(not P) or (Q and R)", not p or (q and r)),
            ("(P or Q) and (not R)", (p or q) and not r),
            ("not (P and Q and R)", not (p and q and r)),
        )
    )
    asks = (f'Suppose that {given}. Is the statement "{words}" true?', f'Is "{words}" true if {given}?')
    return yes_no_task(rng, "statement", asks, truth)


def taller(rng: random.Random) -> Task:
    """Whether one person is taller than another, given comparisons of neighbours."""
    people = rng.sample(NAMES, rng.randint(3, 5))
    clues = [
        f"{tall} is taller than {small}." if rng.random() < 0.5 else f"{small} is shorter than {tall}."
        for tall, small in pairwise(people)
    ]
    rng.shuffle(clues)
    first, second = rng.sample(range(len(people)), 2)
    asks = [f"{' '.join(clues)} Is {people[first]} taller than {people[second]}?"]
    return yes_no_task(rng, "taller", asks, first < second)


def owner(rng: random.Random) -> Task:
    """Who owns a thing, when the clues leave only one possibility."""
    people, things = rng.sample(NAMES, 3), rng.sample(THINGS, 3)
    clues = _clues(rng, people, things)
    asked = rng.randrange(3)
    text = (
        f"{listed(people)} own {listed(rng.sample(things, 3))}, one each. "
        f"{' '.join(f'{people[who]} does not own {things[what]}.' for who, what in clues)}"
    )
    asks = [f"{text} Who owns {things[asked]}?"]
    return choice_task(rng, "owner", asks, people[asked], people)


def _clues(rng: random.Random, people: list[str], things: list[str]) -> list[tuple[int, int]]:
    """Denials (person, thing) that leave only "the nth person owns the nth thing"."""
    denials = [(who, what) for who in range(len(people)) for what in range(len(things)) if who != what]
    rng.shuffle(denials)
    ways = [*permutations(range(len(things)))]
    needed = []
    for who, what in denials:
        left = [way for way in ways if way[who] != what]
        if len(left) < len(ways):
            needed.append((who, what))
        ways = left
    return needed


FAMILIES: tuple[Family, ...] = (syllogism, statement, taller, owner)
