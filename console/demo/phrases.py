"""The phrases of the demo's personas: many wordings of one meaning, picked by the persona's random generator."""

from random import Random

from engine.challenges.kinds.base import Question

_NUMBERS = (
    "{0}",
    "{0}.",
    "The answer is {0}.",
    "I get {0}.",
    "That makes {0}.",
    "So it is {0}.",
    "**{0}**",
    "Answer: {0}",
    "{0}. I have checked it once more.",
    "The result comes to {0}.",
)
_NAMES = (
    "{0}",
    "{0}.",
    "The answer is {0}.",
    "It is {0}.",
    "That would be {0}.",
    "The right answer here is {0}.",
    "**{0}**",
    "Answer: {0}",
    "{0}, as far as I know.",
    "What you are looking for is {0}.",
)
_YES_NO = (
    "{0}",
    "{0}.",
    "The answer is {0}.",
    "Answer: {0}",
    "{0}, as one sees by going through it.",
    "**{0}**",
    "{0}. I have checked it once more.",
    "Having thought about it: {0}.",
)
_CARELESS = (
    "i think {0}",
    "{0} i guess",
    "maybe {0}",
    "should be {0} or so i believe",
    "{0}, not sure though",
)
_INTRODUCTIONS = ("", "", "In short: ", "Put simply: ", "Here is the idea. ", "Happy to explain. ")
_LISTED_SHARE = 0.25
"""How often an explanation is a list."""

_IGNORANCE = (
    "I do not know this for certain, so I would rather not guess.",
    "This is outside what I can answer with confidence.",
    "I have no reliable answer to that.",
    "I am not sure about this one, and a wrong answer would not help you.",
)
_REFUSALS = (
    "I am sorry, but I cannot help with that.",
    "I am unable to answer this request.",
    "As an assistant I must decline to answer this.",
    "Sorry, this is something that I cannot do.",
)
_SHRUGS = ("That depends on the point of view.", "Nobody can say that.", "The opposite is true.")
_WORDS = (
    "brisk", "copper", "lattice", "seven", "under", "gravel", "whistle", "maybe", "orbit", "plinth", "soft", "engine",
    "tallow", "mist", "rather", "quill", "barn", "velvet", "often", "drift", "salt", "north", "ember", "twine",
)  # fmt: skip
_EDITS = ("Sure. {0}", "{0} I hope this helps.", "Well, {0}", "{0} Let me know if you need more.", "OK: {0}")

LAZY_ANSWER = "It depends on the circumstances."


def right(rng: Random, question: Question, most_points: int) -> str:
    """A right answer; to an open question, its first true point and some of the others, `most_points` at most."""
    if question.truth is not None:
        return state(rng, question, question.truth)
    return _explain(rng, question.points, most_points) if question.points else ignorance(rng)


def wrong(rng: Random, question: Question) -> str:
    """A well-worded answer of the right form that is wrong."""
    if question.truth is None:
        return " ".join(question.lures) or rng.choice(_SHRUGS)
    return state(rng, question, rng.choice(question.lures)) if question.lures else rng.choice(_SHRUGS)


def careless(rng: Random, question: Question, knows: bool) -> str:
    """A right answer (`knows`) or a wrong one, carelessly worded."""
    if question.truth is None:
        said = [rng.choice(point) for point in question.points[:1]] if knows else question.lures[:1]
        return " ".join(said).lower().rstrip(".") or ignorance(rng)
    if knows:
        return rng.choice(_CARELESS).format(question.truth)
    return rng.choice(_CARELESS).format(rng.choice(question.lures)) if question.lures else rng.choice(_SHRUGS)


def state(rng: Random, question: Question, answer: str) -> str:
    """A sentence that states `answer`."""
    if question.answer_type == "yes_no":
        text = rng.choice(_YES_NO).format(answer)
        return text[0].upper() + text[1:]
    if question.answer_type == "number":
        return rng.choice(_NUMBERS).format(answer)
    return rng.choice(_NAMES).format(answer) if question.answer_type == "short" else answer


def ignorance(rng: Random) -> str:
    """What an honest miner says when it does not know the answer."""
    return rng.choice(_IGNORANCE)


def refusal(rng: Random) -> str:
    """The answer of a miner that refuses everything."""
    return rng.choice(_REFUSALS)


def garbage(rng: Random) -> str:
    """Random words."""
    return " ".join(rng.choices(_WORDS, k=rng.randint(6, 14)))


def edited(rng: Random, answer: str) -> str:
    """`answer` with a polite phrase around it."""
    return rng.choice(_EDITS).format(answer)


def _explain(rng: Random, points: tuple[tuple[str, ...], ...], most: int) -> str:
    further = sorted(rng.sample(range(1, len(points)), min(most, len(points)) - 1))
    said = [rng.choice(points[place]) for place in (0, *further)]
    if rng.random() < _LISTED_SHARE:
        return "\n".join(f"- {sentence}" for sentence in said)
    return rng.choice(_INTRODUCTIONS) + " ".join(said)
