"""The interface of a source of challenges."""

from typing import NamedTuple, Protocol, Self
from uuid import uuid4

from engine.values import Challenge


class Cursor(NamedTuple):
    """A source's position, as stored: `name` identifies the challenges, `position` counts those already given."""

    name: str
    position: int


def new_id() -> str:
    """An id for a challenge without one. It does not reveal where the challenge came from."""
    return f"c-{uuid4().hex[:12]}"


class Source(Protocol):
    """An async iterator of challenges for one consumer. `__anext__` may raise ChallengeError."""

    @property
    def name(self) -> str:
        """Its name in rounds and exports."""

    @property
    def cursor(self) -> Cursor:
        """The position after the last challenge given."""

    def resume(self, position: int) -> None:
        """Continue after the `position` of a cursor of the same name. Call it before taking the first challenge."""

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> Challenge: ...
