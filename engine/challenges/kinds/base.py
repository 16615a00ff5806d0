"""What a kind of challenge is."""

import random
from typing import Protocol

from msgspec import Struct

from engine.values import AnswerType, Request

OPEN_SHARE = 0.2


class Question(Struct, frozen=True, kw_only=True):
    """A request and what only the asker knows of it.

    `truth` is the right answer as canonical text ("408", "Canberra", "yes"), None for an open question. `lures` are
    wrong answers of the same form; `points` are true statements for an open question, each in several wordings.
    `topic` names the family of tasks.
    """

    request: Request
    answer_type: AnswerType
    topic: str
    truth: str | None = None
    lures: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()


class Kind(Protocol):
    """What can be asked and answered under one name. Limits are in bytes of UTF-8 JSON."""

    name: str
    request_limit: int
    reply_limit: int

    def generate(self, rng: random.Random) -> Question:
        """A question that depends on `rng` alone."""

    def check(self, request: Request) -> None:
        """Raises ChallengeError with what makes `request` no request of this kind."""
