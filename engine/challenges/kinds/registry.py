"""The kinds of challenges by name."""

from engine.challenges import ChallengeError
from engine.challenges.kinds.arithmetic import Arithmetic
from engine.challenges.kinds.base import OPEN_SHARE, Kind
from engine.challenges.kinds.chat import Chat

NAMES = ("arithmetic", "chat")


def kind(name: str, *, open_share: float = OPEN_SHARE) -> Kind:
    """The kind called `name`; `open_share` (0..1) is the share of open questions.

    Raises ChallengeError with the known names.
    """
    if name == "chat":
        return Chat(open_share)
    if name == "arithmetic":
        return Arithmetic(open_share)
    raise ChallengeError(f"unknown kind of challenge {name!r}; known are {', '.join(NAMES)}")
