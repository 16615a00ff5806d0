"""What a source of challenges is."""

from typing import NamedTuple, Protocol
from uuid import uuid4

from engine.values import Challenge


class Cursor(NamedTuple):
    """How far a source has come, for the store: `name` says which questions, `position` how many are behind."""

    name: str
    position: int


def new_id() -> str:
    """An id for a challenge that came without one; it says nothing of where the challenge came from."""
    return f"c-{uuid4().hex[:12]}"


class Source(Protocol):
    """A stream of challenges for one consumer."""

    @property
    def name(self) -> str:
        """The word for it in rounds and exports."""

    @property
    def cursor(self) -> Cursor:
        """Where the source stands after the last challenge that it gave."""

    def resume(self, position: int) -> None:
        """Goes on after `position`, from a cursor of the same name; to be called before the first `next`."""

    async def next(self) -> Challenge | None:
        """The next challenge, or None when there are no more. Raises ChallengeError when the source fails."""
