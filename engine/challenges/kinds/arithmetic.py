"""The kind `arithmetic`: the addition and multiplication subnet of the Inference Subnet Template, asked as chat.

The template's payload {a, b} and its two routes become one sentence, and the hidden truth is the template's result.
"""

import random

from engine.challenges import ChallengeError
from engine.challenges.kinds.base import KIB, Question
from engine.challenges.kinds.tasks import opens
from engine.challenges.kinds.tasks.base import Task, number_task
from engine.challenges.kinds.text_kind import TextKind
from engine.challenges.kinds.wording import put
from engine.sums import Operation, read
from engine.values import Request

_ADDING = ("What is {a} plus {b}?", "What is {a} + {b}?", "How much is {a} plus {b}?", "Can you add {a} and {b}?")
_MULTIPLYING = (
    "What is {a} times {b}?",
    "What is {a} * {b}?",
    "How much is {a} times {b}?",
    "Can you multiply {a} by {b}?",
)


class Arithmetic(TextKind):
    """Addition and multiplication of two whole numbers; open questions ask how to do it."""

    name = "arithmetic"
    about = "sums and products of two whole numbers; a few open questions ask how to do one"
    request_limit = 8 * KIB
    reply_limit = 64 * KIB

    def generate(self, rng: random.Random) -> Question:
        is_open = self.draws_open(rng)
        task = _task(rng)
        return put(rng, opens.worked_out(task, "numbers") if is_open else task)

    def check(self, request: Request) -> None:
        super().check(request)
        if read(request.question) is None:
            raise ChallengeError("the question is not one sum or product of two whole numbers")


def _task(rng: random.Random) -> Task:
    if rng.random() < 0.5:
        payload, wordings = Operation(rng.randint(1, 999), rng.randint(1, 999), False), _ADDING
    else:
        payload, wordings = Operation(rng.randint(2, 99), rng.randint(2, 99), True), _MULTIPLYING
    slip = Operation(payload.a, payload.b, not payload.multiply)
    topic = "multiplication" if payload.multiply else "addition"
    asks = [wording.format(a=payload.a, b=payload.b) for wording in wordings]
    return number_task(rng, topic, asks, payload.result, [slip.result])
