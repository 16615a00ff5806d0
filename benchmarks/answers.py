"""Replies of about a hundred tokens, no two alike, so that a cache of vectors does not help."""

import random

SUBJECTS = ("The question", "This problem", "The statement", "What is asked here", "The task as it is written")
OPENINGS = (
    "can be taken apart into a few small steps that depend on each other",
    "looks harder than it is once the numbers stand in the right order",
    "asks for one value, although it mentions several along the way",
    "is easiest to follow when each quantity is written down separately",
)
STEPS = (
    "We begin with {a} and add {b}, which gives {c} before anything is left out.",
    "Of the {a} that remain, {b} belong to the first group and {c} to the second.",
    "Multiplying {a} by {b} would be wrong here, since {c} of them were counted before.",
    "In the next step {a} is divided among {b}, and {c} stays as it was at the beginning.",
    "A quick check with {a} instead of {b} shows that the result moves by {c} only.",
    "The unit changes once, so {a} metres become {b} centimetres after removing {c}.",
)
ENDINGS = ("The answer is {n}.", "So the result is {n}.", "That leaves {n}.", "Therefore: {n}")


def answer(miner: int, turn: int) -> str:
    """A reply that depends on these two numbers alone. A third of the miners agree on the result; the rest scatter."""
    lots = random.Random(f"{miner}:{turn}")
    steps = [
        step.format(a=lots.randint(2, 99), b=lots.randint(2, 99), c=lots.randint(2, 999))
        for step in lots.sample(STEPS, 4)
    ]
    result = 42 if miner % 3 == 0 else lots.randint(1, 20)
    opening = f"{lots.choice(SUBJECTS)} {lots.choice(OPENINGS)}."
    return " ".join([opening, *steps, lots.choice(ENDINGS).format(n=result)])
