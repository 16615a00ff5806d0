"""What an answer type is: it reads an answer from a reply, spells it, and tells whether it is right."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

from msgspec import Struct

from engine.values import Reply

Comparison = Literal["whole", "fields", "claims"]

MAX_TRUTH = 65_536
"""Characters of a known answer; a longer one cannot be read."""

_MOST_ALIASES = 64


class Answer(Struct, frozen=True):
    """What a reply answers. `key` is equal for equal answers; `fields` are the leaves of a structured value, else
    empty; `marked` says that the reply presents it as its answer."""

    key: str
    marked: bool = False
    fields: tuple[tuple[str, str], ...] = ()


class AnswerType(ABC):
    """One type of answer. Its methods are pure and take at most some milliseconds, whatever they are given.

    `compared` says how answers are held against each other where no truth is known: as wholes, field by field, or claim
    by claim. `worded_alike` says that a right answer leaves little choice of words, so that equal texts say nothing
    about copying. `restates` says that a right answer may consist of the question's own words, `reads_calls` that it
    may be a tool call without text. `limit` is how many characters of a round are read, whose replies share them.
    """

    name: ClassVar[str]
    compared: ClassVar[Comparison] = "whole"
    worded_alike: ClassVar[bool] = False
    restates: ClassVar[bool] = False
    reads_calls: ClassVar[bool] = False
    limit: ClassVar[int] = 524_288

    @abstractmethod
    def read(self, reply: Reply, question: str) -> Answer | None:
        """The answer that a reply gives, by its words alone; None where it gives none, or more than one."""

    def read_all(self, replies: Sequence[Reply], question: str) -> list[Answer | None]:
        """The answers to vote with. A type may read an unclear reply in the light of the clear ones."""
        return [self.read(reply, question) for reply in replies]

    @abstractmethod
    def key(self, truth: str, question: str) -> str | None:
        """A known answer in the spelling of `Answer.key`; None where it cannot be read as this type."""

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:  # noqa: ARG002
        """Whether a reply says the truth, does not deny it, and says no other answer. No other reply has a part in it.

        `lures` are wrong answers that the question tempts to, for types whose answers stand among other words: a reply
        that would be right by one of them as well has not decided. To mention one is no fault.
        """
        answer = self.read(reply, question)
        return answer is not None and answer.key == self.key(truth, question)

    def explain(self, answer: Answer | None) -> str:
        """What was read, for people: "read 984"."""
        return "no answer can be read in it" if answer is None else f"read {answer.key[:80]}"


def aliases(truth: str) -> tuple[str, ...]:
    """The ways to put a known answer: the items of a JSON array of words and numbers, or the text itself."""
    if truth.lstrip().startswith("["):
        try:
            value = json.loads(truth)
        except (ValueError, RecursionError):
            return (truth,)
        if isinstance(value, list) and value and all(isinstance(one, str | int | float) for one in value):
            return tuple(one if isinstance(one, str) else json.dumps(one) for one in value[:_MOST_ALIASES])
    return (truth,)
