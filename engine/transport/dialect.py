"""What every wire dialect looks like from outside: the validator's end and the miner's end.

A dialect is a package beside `loosh` with a module for each end. It brings its own handshake and headers and finds the
rest ready: connections (`http`), the clear JSON (`wire`), tables of keys (`sessions`), the order of checks (`gate`).
"""

from collections.abc import Collection
from typing import Protocol

from msgspec import Struct

from engine.snapshot import SessionView
from engine.transport.wire import Completion
from engine.values import Peer


class Availability(Struct, frozen=True):
    """Whether a peer says that it takes questions; the reason if it does not or cannot be asked.

    `retry_after` is in how many seconds it wants to be asked again, if it says.
    """

    available: bool
    reason: str = ""
    ms: float = 0.0
    retry_after: float | None = None


class Answer(Struct, frozen=True):
    """A peer's answer. `ms` runs from the challenge's last byte sent to the answer's last byte received."""

    completion: Completion
    ms: float


class Caller(Protocol):
    """The validator's end: asks peers. One object serves all peers and any number of calls at once."""

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        """Never raises for what a peer does. `timeout` in seconds."""
        ...

    async def ask(self, peer: Peer, challenge: bytes, *, timeout: float, max_bytes: int) -> Answer:
        """Send one challenge (`wire.challenge_json`) and read the answer.

        `timeout` in seconds bounds everything, a handshake too; `max_bytes` bounds each body that is read.
        Raises WireError.
        """
        ...

    async def forget(self, hotkeys: Collection[str]) -> None:
        """Drop the keys and connections of these hotkeys."""
        ...

    async def close(self) -> None: ...


class Desk(Protocol):
    """The miner's end, as far as all dialects are alike: it gets ready, and it can show the keys it holds."""

    async def start(self) -> None: ...

    def sessions(self) -> tuple[SessionView, ...]: ...
