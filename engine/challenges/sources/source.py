"""What a source of challenges is."""

from typing import NamedTuple, Protocol, Self
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
    """Challenges for one consumer, as an async iterator. Its next one raises ChallengeError when the source fails."""

    @property
    def name(self) -> str:
        """The word for it in rounds and exports."""

    @property
    def cursor(self) -> Cursor:
        """Where the source stands after the last challenge that it gave."""

    def resume(self, position: int) -> None:
        """Goes on after `position`, from a cursor of the same name; to be called before the first challenge."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Challenge: ...
