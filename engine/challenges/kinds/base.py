"""What a kind of challenge is."""

import random
from abc import ABC, abstractmethod
from typing import ClassVar

from msgspec import Struct

from engine.challenges import ChallengeError
from engine.values import AnswerType, Request

OPEN_SHARE = 0.2
"""The share of questions without a known answer; the others keep a miner honest."""

KIB = 1024
"""Bytes."""


class Question(Struct, frozen=True, kw_only=True):
    """A request, and what only the asker knows about it.

    `truth` is the right answer as canonical text ("408", "Canberra", "yes"), None for an open question. `lures` are
    wrong answers of the same form; `points` are true statements for an open question, each in several wordings.
    `topic` names the family of tasks. `wordings` are other ways to put the whole question, so that each miner can be
    asked in words of its own.
    """

    request: Request
    answer_type: AnswerType
    topic: str
    truth: str | None = None
    lures: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()
    wordings: tuple[str, ...] = ()


class Kind(ABC):
    """A kind of question and its answers. Limits are in bytes of UTF-8 JSON.

    `open_share`, from 0 to 1, is the share of open questions. Raises ChallengeError for any other value.
    """

    name: ClassVar[str]
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
