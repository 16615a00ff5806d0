"""What all families of tasks share."""

import random
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from msgspec import Struct

from engine.values import AnswerType

LURES = 4
"""Wrong answers kept of those that a question tempts to: more are seldom tempting."""

NAMES = (
    "Ada", "Ben", "Clara", "David", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Liam", "Mona", "Nils",
    "Olga", "Pavel", "Rosa", "Samir", "Tara", "Viktor",
)  # fmt: skip


class Task(Struct, frozen=True, kw_only=True):
    """One question in plain English and what the asker knows; the fields are those of `Question`.

    `text` is one of `asks`, the ways to ask it. `wants` says what to write: the answer, or the way to work it out.
    """

    text: str
    asks: tuple[str, ...]
    wants: Literal["answer", "way"] = "answer"
    answer_type: AnswerType
    topic: str
    truth: str | None = None
    lures: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()


Family = Callable[[random.Random], Task]


def number_task(rng: random.Random, topic: str, asks: Sequence[str], truth: int, slips: Iterable[int] = ()) -> Task:
    """A task whose answer is a non-negative whole number; `slips` are the results of likely mistakes."""
    return Task(
        text=rng.choice(asks),
        asks=tuple(asks),
        answer_type="number",
        topic=topic,
        truth=str(truth),
        lures=near(rng, truth, slips),
    )


def choice_task(rng: random.Random, topic: str, asks: Sequence[str], truth: str, others: Iterable[str]) -> Task:
    """A task whose answer is one of a few words or names."""
    text = rng.choice(asks)
    wrong = sorted(set(others) - {truth})
    lures = tuple(rng.sample(wrong, min(LURES, len(wrong))))
    return Task(text=text, asks=tuple(asks), answer_type="short", topic=topic, truth=truth, lures=lures)


def yes_no_task(rng: random.Random, topic: str, asks: Sequence[str], truth: bool) -> Task:
    """A task whose answer is yes or no."""
    return Task(
        text=rng.choice(asks),
        asks=tuple(asks),
        answer_type="yes_no",
        topic=topic,
        truth="yes" if truth else "no",
        lures=("no" if truth else "yes",),
    )


def near(rng: random.Random, truth: int, slips: Iterable[int] = ()) -> tuple[str, ...]:
    """Wrong numbers that a small mistake might lead to; none is below 0."""
    around = (truth + 1, truth - 1, truth + 2, truth + 5, truth + 10, truth - 10, truth * 2)
    wrong = sorted({number for number in (*slips, *around) if number >= 0 and number != truth})
    return tuple(str(number) for number in rng.sample(wrong, LURES))


def listed(words: Sequence[str]) -> str:
    """`words` as a list in a sentence: "a, b and c"."""
    return f"{', '.join(words[:-1])} and {words[-1]}"


def ordinal(number: int) -> str:
    """ "first" to "sixth" for 1 to 6."""
    return ("first", "second", "third", "fourth", "fifth", "sixth")[number - 1]
