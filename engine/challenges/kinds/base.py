"""What a kind of challenge is."""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from msgspec import Struct

from engine.challenges import ChallengeError
from engine.values import AnswerType, Challenge, Mark, Reply, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Encode = Callable[[list[str]], NDArray[np.float32]]
    """One unit vector per text, a row each."""

OPEN_SHARE = 0.2
"""The share of questions without a known answer; the others keep a miner honest."""

KIB = 1024
"""Bytes."""


class Question(Struct, frozen=True, kw_only=True):
    """A request, and what only the asker knows about it.

    `truth` is the right answer as canonical text ("408", "Canberra", "yes"), None for an open question. `lures` are
    wrong answers of the same form; `points` are true statements for an open question, each in several wordings.
    `topic` names the family of tasks. `wordings` are other ways to put the whole question, so that each miner can be
    asked in words of its own. A `withheld` truth is not used: the question is judged as an open one, by votes.
    """

    request: Request
    answer_type: AnswerType
    topic: str
    truth: str | None = None
    lures: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()
    wordings: tuple[str, ...] = ()
    withheld: bool = False

    @property
    def is_probe(self) -> bool:
        """Whether a known truth decides about the answers."""
        return self.truth is not None and not self.withheld


class Need(Struct, frozen=True):
    """What a kind needs beyond a plain set-up: `package`, as an installer knows it, which brings `module`."""

    package: str
    module: str


class Kind(ABC):
    """A kind of question and its answers. Limits are in bytes of UTF-8 JSON.

    `about` says in one line what is asked and how answers are compared. `needs` are packages that a plain set-up lacks,
    `device` is what judging and the reference miner run on, and `encoder` the one encoder that can judge it, None for
    any. `stock_answer` has the right form and is never right: what a miner gives that does no work.

    `open_share`, from 0 to 1, is the share of open questions. Raises ChallengeError for any other value.
    """

    name: ClassVar[str]
    about: ClassVar[str] = ""
    needs: ClassVar[tuple[Need, ...]] = ()
    device: ClassVar[str] = "cpu"
    encoder: ClassVar[str | None] = None
    stock_answer: ClassVar[str] = "It depends on the circumstances."
    request_limit: ClassVar[int] = 256 * KIB
    reply_limit: ClassVar[int] = 256 * KIB

    def __init__(self, open_share: float = OPEN_SHARE) -> None:
        if not 0 <= open_share <= 1:
            raise ChallengeError(f"the share of open questions must be from 0 to 1, not {open_share}")
        self._open_share = open_share

    def draws_open(self, rng: random.Random) -> bool:
        """Whether the next question is open."""
        return rng.random() < self._open_share

    @abstractmethod
    def generate(self, rng: random.Random) -> Question:
        """A question that depends only on `rng`."""

    @abstractmethod
    def check(self, request: Request) -> None:
        """Raises ChallengeError with the first fault of `request`."""

    @classmethod
    def obstacle(cls) -> str:
        """What else keeps this kind from running on this machine, in words; "" for nothing."""
        return ""

    def answered(self, question: Question, asked: str, encode: "Encode") -> Question:  # noqa: ARG002
        """The question with the truth and the lures that hold for it in the words `asked`, one of its wordings."""
        return question

    def marks(self, challenge: Challenge, replies: Sequence[Reply], encode: "Encode") -> Sequence[Mark] | None:  # noqa: ARG002
        """How right each reply is, by its own words alone; None where the answer type is to decide.

        Called in the judging process, never in the one that holds keys. Same input, same output.
        """
        return None
