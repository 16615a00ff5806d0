"""How a question is phrased: one pool of wordings and sampling parameters for all tasks.

The words around a question must not reveal whether the validator knows its answer. The pools vary widely in opening
words and length, to hide how the tasks themselves begin and how long they are. They contain no numbers: those belong to
the tasks. Whether the answer or the way to it is wanted has to be said, and is said in the same words in a different
order.
"""

import random

from engine.challenges.kinds.base import Question
from engine.challenges.kinds.tasks.base import Task
from engine.values import Request

OPENERS = (
    "Quick question: ",
    "Please help me with this. ",
    "I have a question for you. ",
    "Here is something I was asked today. ",
    "This came up at work: ",
    "I am curious. ",
    "A short one: ",
    "Hello! ",
    "We could not agree on this at lunch, and nobody wanted to look it up. ",
    "My neighbour wanted to know this and I had no good answer ready. ",
    "For a quiz evening with friends I am collecting questions of every sort. This is one of them: ",
    "There is something that I should know and do not. ",
    "While I was tidying up an old notebook I found a question that I had never answered. It goes like this: ",
    "Somebody on the train asked the person beside me, and I have been thinking about it since then. ",
)
CLOSERS = (
    "",
    " Please keep it short.",
    " One or two sentences are enough.",
    " Thank you.",
    " No long introduction, please.",
    " Write it so that I can pass it on as it is, without headings or lists.",
    " Plain words are best, since I am going to read it to somebody over the telephone.",
    " If there is more to say about it, leave that out: I only want what was asked, and I can ask again later.",
)
WISHES = (
    " Please give me {wanted}, not {other}.",
    " I would like {wanted}, and not {other}.",
    " All that I need is {wanted}, not {other}.",
    " What I lack is {wanted}, rather than {other}.",
    " Leave out {other}, just write {wanted}.",
    " I do not need {other}, only {wanted}.",
    " Never mind {other}, I am after {wanted}.",
    " Somebody has already sent me {other}, so what I need is {wanted}.",
)
"""`wanted` and `other` each come first as often as last, and equally often before a comma."""

_ANSWER = ("the answer", "the result", "the answer itself", "the solution")
_WAY = ("the way to it", "the method", "the steps", "the working")

WORDINGS = 64
"""Ways to put each question: with more miners a few share one, who then prove nothing about each other."""

_BARE = 0.1
_MAX_TOKENS = (128, 160, 192)
_TEMPERATURES = (0.2, 0.3, 0.5, 0.7)
_TOP_P = (0.9, 0.95)
"""How often a question comes without any instruction, and the parameters that it is drawn with: a user's usual ones."""


def put(rng: random.Random, task: Task) -> Question:
    """The question that asks `task` and says what is wanted; one in ten has no other words around it."""
    text, closer = task.text + _wish(rng, task), ""
    if rng.random() >= _BARE:
        opener, closer = rng.choice(OPENERS), rng.choice(CLOSERS)
        text = opener + text + closer
    request = ask(rng, text)
    return Question(
        request=request,
        wordings=tuple(dict.fromkeys(_reworded(rng, task, closer) for _ in range(WORDINGS))),
        answer_type=task.answer_type,
        topic=task.topic,
        truth=task.truth,
        lures=task.lures,
        points=task.points,
    )


def ask(rng: random.Random, text: str) -> Request:
    """A chat request with one message and random sampling parameters."""
    return Request(
        messages=({"role": "user", "content": text},),
        max_tokens=rng.choice(_MAX_TOKENS),
        temperature=rng.choice(_TEMPERATURES),
        top_p=rng.choice(_TOP_P),
    )


def _reworded(rng: random.Random, task: Task, closer: str) -> str:
    """The question in another order, with other words around it and perhaps within. The closer stays, since it says how
    much is wanted."""
    opener, text, wish = rng.choice(OPENERS), rng.choice(task.asks), _wish(rng, task)
    order = rng.choice(
        ("{opener}{text}{wish}{closer}", "{opener}{text}{closer}{wish}", "{wish} {opener}{text}{closer}")
    )
    return order.format(opener=opener, text=text, wish=wish, closer=closer).strip()


def _wish(rng: random.Random, task: Task) -> str:
    answer, way = rng.choice(_ANSWER), rng.choice(_WAY)
    wanted, other = (answer, way) if task.wants == "answer" else (way, answer)
    return rng.choice(WISHES).format(wanted=wanted, other=other)
