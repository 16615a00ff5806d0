"""Counting letters, multiples, things of one kind, and pairs."""

import random

from engine.challenges.kinds.tasks.base import Family, Task, listed, number_task

WORDS = (
    "banana", "committee", "mississippi", "assessment", "bookkeeper", "parallel", "millennium", "possession", "balloon",
    "engineering", "independence", "strawberry", "coffee", "tomorrow", "occurrence", "successful", "refrigerator",
    "accommodation", "referee", "cinnamon", "statistics", "nineteen", "lollipop", "wheelbarrow", "mathematics",
    "umbrella", "raspberry", "attention", "television", "necessary",
)  # fmt: skip

SORTS = {
    "animals": ("horse", "otter", "falcon", "goat", "trout", "spider", "camel", "badger"),
    "fruits": ("apple", "pear", "mango", "cherry", "banana", "grape", "plum", "peach"),
    "tools": ("hammer", "saw", "chisel", "wrench", "screwdriver", "pliers", "drill", "shovel"),
    "colours": ("red", "green", "yellow", "purple", "black", "white", "blue", "grey"),
    "musical instruments": ("violin", "flute", "trumpet", "piano", "cello", "drum", "harp", "oboe"),
}


def letters(rng: random.Random) -> Task:
    """How often a letter occurs in a word."""
    word = rng.choice(WORDS)
    letter = rng.choice(word)
    asks = (
        f'How many times does the letter "{letter}" occur in the word "{word}"?',
        f'How often is there a "{letter}" in "{word}"?',
    )
    return number_task(rng, "letters", asks, word.count(letter), [len(word)])


def multiples(rng: random.Random) -> Task:
    """How many whole numbers in a range are divisible by a number."""
    first, divisor = rng.randint(5, 60), rng.randint(3, 12)
    last = first + rng.randint(20, 90)
    truth = last // divisor - (first - 1) // divisor
    asks = (
        f"How many whole numbers from {first} to {last}, both included, are divisible by {divisor}?",
        f"How many multiples of {divisor} are there from {first} to {last}, both included?",
    )
    return number_task(rng, "multiples", asks, truth, [(last - first) // divisor])


def things(rng: random.Random) -> Task:
    """How many things in a list are of one kind."""
    sort, other = rng.sample(sorted(SORTS), 2)
    wanted, rest = rng.sample(SORTS[sort], rng.randint(2, 6)), rng.sample(SORTS[other], rng.randint(2, 5))
    words = rng.sample(wanted + rest, len(wanted) + len(rest))
    asks = (
        f"How many of these are {sort}: {listed(words)}?",
        f"Here is a list: {listed(words)}. How many {sort} are in it?",
    )
    return number_task(rng, "things", asks, len(wanted), [len(rest), len(words)])


def pairs(rng: random.Random) -> Task:
    """How many pairs can be formed from a group."""
    people = rng.randint(4, 16)
    asks = (
        f"{people} people meet and each shakes hands once with every other. How many handshakes are there?",
        f"In a league of {people} teams each plays every other team once. How many games are played?",
    )
    return number_task(rng, "pairs", asks, people * (people - 1) // 2, [people * (people - 1), people * people])


FAMILIES: tuple[Family, ...] = (letters, multiples, things, pairs)
