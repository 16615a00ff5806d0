"""What any `Streams` give: streams of work, boxes of messages, and pinned values."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

MOST_WAITING = 10_000
"""Entries of a stream: more work than its workers do within any caller's patience."""

DEAD_AFTER_S = 5.0
"""Without a sign of life for this long a worker is dead, and what it held goes to another one."""

HOLD_EVERY_S = 1.0
"""A worker's signs of life: several may be lost before it counts as dead."""

BOX_KEPT_S = 120.0
"""A box that nobody empties belonged to a process that is gone."""


class StreamsGone(Exception):
    """The other side cannot be reached, or takes nothing at the moment. The message is for the operator."""


class StreamFull(Exception):
    """The stream has as much work as it may hold."""


class Entry(Struct, frozen=True):
    """A piece of work: `times` is how often it was handed to a worker, this time included."""

    id: str
    body: bytes
    times: int


class Stream(Protocol):
    """Work for a group of workers. Each entry is done by one of them; if that one dies, by another.

    Every method may raise StreamsGone.
    """

    async def add(self, body: bytes) -> str:
        """Add an entry and return its id. Raises StreamFull."""
        ...

    async def take(self, worker: str, count: int, seconds: float) -> Sequence[Entry]:
        """Up to `count` entries for this worker, those of dead ones first; waits up to `seconds` for the first."""
        ...

    async def hold(self, worker: str, ids: Sequence[str]) -> None:
        """A sign of life: this worker still works on these."""
        ...

    async def finish(self, worker: str, id: str, box: str = "", message: bytes = b"") -> bool:
        """Finish an entry and put a message into a box, both or neither. False if the entry is no longer this worker's:
        another one has it, or it was removed."""
        ...

    async def remove(self, id: str) -> None:
        """Take an entry back, whoever has it."""
        ...


class Streams(Protocol):
    """Where processes meet. Every method but `stream` and `close` may raise StreamsGone."""

    def stream(self, name: str) -> Stream:
        """The stream of this name."""
        ...

    async def post(self, box: str, messages: Sequence[bytes]) -> None:
        """Put messages into a box, in order."""
        ...

    async def receive(self, box: str, seconds: float) -> Sequence[bytes]:
        """Take what is in a box; waits up to `seconds` for the first message."""
        ...

    async def pin(self, name: str, value: bytes, seconds: float) -> None:
        """Have everyone see a value under this name, for `seconds` unless it is pinned again."""
        ...

    async def look(self, name: str) -> bytes | None:
        """The value pinned under this name."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
