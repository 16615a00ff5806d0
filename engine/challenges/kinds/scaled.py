"""What kinds share whose right answer is a JSON value, and other for each miner.

Each wording has a number of its own ("exactly 17 boxes"), and every whole number of the right answer is a multiple of
it. Words are few in such answers, so that equal ones are no sign of copying; but who copies one gives the answer to
another question. Where the truth is withheld, all are asked the same, since only equal questions have equal votes.
"""

import json
import random
import re
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from engine.answers import json_values
from engine.answers.base import AnswerType as Reader
from engine.answers.registry import answer_type
from engine.challenges.kinds.base import Question
from engine.challenges.kinds.text_kind import TextKind
from engine.challenges.kinds.wording import OPENERS, WORDINGS
from engine.values import AnswerType, Challenge, Mark, Reply, Request

if TYPE_CHECKING:
    from engine.challenges.kinds.base import Encode

NUMBERS = range(2, 3 + WORDINGS)
"""One for each wording, and one for the question itself."""

PLACE = "exactly {n}"
_NUMBER = re.compile(r"\bexactly (\d{1,3})\b")

_MAX_TOKENS = 512
_SHOWN = 60
"""Characters of a field that are quoted in a reason."""


class Task(Struct, frozen=True, kw_only=True):
    """A question with its right answer for the number 1. `asks` are ways to put it, each with PLACE in it once; `lures`
    are wrong answers, and `request` is what else the request has."""

    asks: tuple[str, ...]
    truth: Any
    lures: tuple[Any, ...]
    topic: str
    request: Request


class Scaled(TextKind):
    """Questions whose answers grow with a number. `answer_type` reads them."""

    answer_type: AnswerType = "json"

    @abstractmethod
    def draw(self, rng: random.Random) -> Task:
        """A task that depends only on `rng`."""

    def generate(self, rng: random.Random) -> Question:
        withheld, task = self.draws_open(rng), self.draw(rng)
        own, *others = rng.sample(NUMBERS, len(NUMBERS))
        text = _worded(rng, task, own)
        return Question(
            request=replace(task.request, messages=({"role": "user", "content": text},), max_tokens=_MAX_TOKENS),
            answer_type=self.answer_type,
            topic=task.topic,
            truth=_written(scaled(task.truth, own, 1)),
            lures=tuple(_written(scaled(lure, own, 1)) for lure in task.lures),
            wordings=() if withheld else tuple(_worded(rng, task, number) for number in others),
            withheld=withheld,
        )

    def answered(self, question: Question, asked: str, encode: "Encode") -> Question:  # noqa: ARG002
        if question.truth is None:
            return question
        by = number_in(asked), number_in(question.request.question)
        lures = tuple(rescaled(lure, *by) for lure in question.lures)
        return replace(question, truth=rescaled(question.truth, *by), lures=lures)

    def marks(self, challenge: Challenge, replies: Sequence[Reply], encode: "Encode") -> Sequence[Mark] | None:  # noqa: ARG002
        """1 for an answer that is right for the number in the reply's own wording, else 0."""
        question, truth = challenge.request.question, challenge.truth
        reader = answer_type(self.answer_type)
        if truth is None or reader.key(truth, question) is None:
            return None
        found = []
        for reply in replies:
            asked = reply.prompt or question
            wanted = rescaled(truth, number_in(asked), number_in(question))
            found.append(_mark(reader, reply, wanted, asked))
        return found


def number_in(asked: str) -> int | None:
    """The number that a wording has for itself."""
    found = _NUMBER.search(asked)
    return int(found[1]) if found else None


def rescaled(truth: str, over: int | None, under: int | None) -> str:
    """The right answer to the question with the number `under`, for the number `over`."""
    value = json_values.find(truth)
    if not over or not under or over == under or value is None:
        return truth
    return _written(scaled(value, over, under))


def scaled(value: Any, over: int, under: int) -> Any:
    """`value` with each whole number multiplied by over/under."""
    if isinstance(value, dict):
        return {name: scaled(child, over, under) for name, child in value.items()}
    if isinstance(value, list):
        return [scaled(child, over, under) for child in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value * over // under
    return value


def _mark(reader: Reader, reply: Reply, wanted: str, asked: str) -> Mark:
    if reader.equals(reply, wanted, asked):
        return Mark(1.0, f"gives {wanted[:_SHOWN]}")
    answer = reader.read(reply, asked)
    if answer is None:
        return Mark(0.0, reader.explain(None))
    right = reader.read(Reply(uid=0, hotkey="", text=wanted), asked)
    given, needed = dict(answer.fields), dict(right.fields if right else ())
    for path in sorted(given.keys() | needed.keys()):
        if given.get(path) != needed.get(path):
            read, expected = (one.get(path, "nothing")[:_SHOWN] for one in (given, needed))
            return Mark(0.0, f"at {path or '/'}: read {read}, expected {expected}")
    return Mark(0.0, "gives another answer too")


def _worded(rng: random.Random, task: Task, number: int) -> str:
    return rng.choice(OPENERS) + rng.choice(task.asks).replace(PLACE, PLACE.format(n=number))


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
