"""The marks of replies whose kind of challenge judges them itself: it decodes, measures or runs them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from engine.challenges.kinds.registry import KINDS
from engine.values import Challenge, Mark, Reply

if TYPE_CHECKING:
    from engine.challenges.kinds.base import Encode

READ = 400
"""Characters kept of what a kind says about a reply: five lines of a terminal."""


class MarkingError(Exception):
    """A kind of challenge failed at its replies; the message names it."""


def marks(challenge: Challenge, replies: Sequence[Reply], encode: "Encode") -> tuple[Mark, ...] | None:
    """One mark per reply; None where the kind leaves the answers to their type, or is not installed here.

    Raises MarkingError.
    """
    if challenge.kind not in KINDS:
        return None
    try:
        found = KINDS[challenge.kind]().marks(challenge, replies, encode)
        return None if found is None else _sound(found, len(replies))
    except Exception as error:
        raise MarkingError(f"the kind {challenge.kind} cannot judge: {type(error).__name__}: {error}") from error


def _sound(found: Sequence[Mark], expected: int) -> tuple[Mark, ...]:
    if len(found) != expected:
        raise ValueError(f"{len(found)} marks for {expected} replies")
    if not all(math.isfinite(mark.share) and 0 <= mark.share <= 1 for mark in found):
        raise ValueError("a mark is not from 0 to 1")
    return tuple(Mark(float(mark.share), str(mark.read)[:READ]) for mark in found)
