"""What an answer type does: it reads the answer from a reply, spells it, and tells whether it is right."""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

from msgspec import Struct

from engine.values import Reply

Comparison = Literal["whole", "fields", "claims"]

MAX_TRUTH = 65_536
"""Maximum length of a known answer, in characters; a longer one cannot be read."""

_MOST_ALIASES = 64
"""Of the ways to put a truth, those that are read: a bound on what a file of challenges can cost."""


class Answer(Struct, frozen=True):
    """The answer that a reply gives. Equal answers have equal `key`s.

    `fields` are the leaves of a structured value, otherwise empty. `marked`: the reply presents it as its answer.
    """

    key: str
    marked: bool = False
    fields: tuple[tuple[str, str], ...] = ()


class AnswerType(ABC):
    """One type of answer. Its methods are pure and return within milliseconds, whatever they are given.

    `compared` says how answers are compared when no truth is known: as a whole, field by field, or claim by claim.
    `worded_alike`: a right answer leaves little choice of words, so equal texts are no sign of copying. `restates`: a
    right answer may repeat the question's own words. `reads_calls`: it may be a tool call without text. `limit` is the
    number of characters read per round, which its replies share.
    """

    name: ClassVar[str]
    compared: ClassVar[Comparison] = "whole"
    worded_alike: ClassVar[bool] = False
    restates: ClassVar[bool] = False
    reads_calls: ClassVar[bool] = False
    limit: ClassVar[int] = 524_288

    @abstractmethod
    def read(self, reply: Reply, question: str) -> Answer | None:
        """The answer that a reply gives, from its words alone; None if it gives none, or more than one."""

    def read_all(self, replies: Sequence[Reply], question: str) -> list[Answer | None]:
        """The answers that replies vote for. A type may read an unclear reply in the light of the clear ones."""
        return [self.read(reply, question) for reply in replies]

    @abstractmethod
    def key(self, truth: str, question: str) -> str | None:
        """The `Answer.key` of a known answer; None if it cannot be read as this type."""

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:  # noqa: ARG002
        """Whether a reply says the truth, does not deny it, and gives no other answer. Other replies play no part.

        `lures` are tempting wrong answers, used by types whose answers stand among other words: a reply that would be
        right by one of them too has not decided. Merely mentioning one does no harm.
        """
        answer = self.read(reply, question)
        return answer is not None and answer.key == self.key(truth, question)

    def explain(self, answer: Answer | None) -> str:
        """What was read, in words: "read 984"."""
        return "no answer can be read from it" if answer is None else f"read {answer.key[:80]}"


def aliases(truth: str) -> tuple[str, ...]:
    """The wordings of a known answer: the items of a JSON array of texts and numbers, or the text itself."""
    if truth.lstrip().startswith("["):
        try:
            value = json.loads(truth)
        except (ValueError, RecursionError):
            return (truth,)
        if isinstance(value, list) and value and all(isinstance(one, str | int | float) for one in value):
            return tuple(one if isinstance(one, str) else json.dumps(one) for one in value[:_MOST_ALIASES])
    return (truth,)
