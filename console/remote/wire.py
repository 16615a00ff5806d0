"""The messages between an engine and an attached terminal, each framed by its length and encoded as MessagePack,
because JSON has no infinity. Either side skips messages that it does not know.
"""

from typing import Any, Literal

import msgspec
from msgspec import Struct

from console.config import Shown
from console.remote.difference import Change
from engine.snapshot import Event, LogLine

PROTOCOL = 1
"""Incremented when an older program would misread a newer one's messages, not when it merely knows fewer."""

OLDEST = 1
HEAD = 4
FROM_TERMINAL = 64 * 1024
"""Longest message to an engine in bytes: a command, the longest of which holds a path."""

FROM_ENGINE = 64 * 1024 * 1024
"""Longest message from an engine in bytes: several times a snapshot of 4096 miners."""


class Hello(Struct, frozen=True, tag=True):
    """A terminal's first message."""

    protocol: int
    version: str
    read_only: bool = False


class Submit(Struct, frozen=True, tag=True):
    """A command, still encoded: an unknown one is refused under its id."""

    id: str
    command: msgspec.Raw


FromTerminal = Hello | Submit


class Welcome(Struct, frozen=True, tag=True):
    """The engine's first message, with its settings as they are shown."""

    protocol: int
    version: str
    pid: int
    settings: tuple[Shown, ...] = ()


class TerminalRefused(Struct, frozen=True, tag="Refused"):
    """The engine's last message to a terminal that it refuses."""

    reason: str


class Whole(Struct, frozen=True, tag=True):
    """A snapshot, as plain data."""

    snapshot: msgspec.Raw


class Changes(Struct, frozen=True, tag=True):
    """The changes to the previous snapshot."""

    changes: tuple[Change, ...]


class News(Struct, frozen=True, tag=True):
    """Events, oldest first, and how many before them were lost."""

    events: tuple[Event, ...]
    missed: int = 0


class LogNews(Struct, frozen=True, tag=True):
    """Log records from number `first` on; `lost` is how many were dropped before them."""

    first: int
    lines: tuple[LogLine, ...]
    lost: int = 0


class CommandOutcome(Struct, frozen=True, tag="Answer"):
    """The outcome of a command that did not reach the engine."""

    id: str
    command: str
    reason: str


class EngineEnded(Struct, frozen=True, tag="Ended"):
    """The engine's last message when it ends."""

    state: Literal["ended", "failed"]
    reason: str = ""


FromEngine = Welcome | TerminalRefused | Whole | Changes | News | LogNews | CommandOutcome | EngineEnded

_encoder = msgspec.msgpack.Encoder()
_from_terminal: msgspec.msgpack.Decoder[FromTerminal] = msgspec.msgpack.Decoder(FromTerminal)
_from_engine: msgspec.msgpack.Decoder[FromEngine] = msgspec.msgpack.Decoder(FromEngine)


def frame(message: FromTerminal | FromEngine) -> bytes:
    """A message, framed and encoded."""
    body = _encoder.encode(message)
    return len(body).to_bytes(HEAD, "big") + body


def encoded(value: Any) -> msgspec.Raw:
    """A value, encoded for use inside a message."""
    return msgspec.Raw(_encoder.encode(value))


def to_engine(body: bytes) -> FromTerminal:
    """Read a terminal's message. Raises `msgspec.ValidationError` for an unknown one, DecodeError for garbage."""
    return _from_terminal.decode(body)


def to_terminal(body: bytes) -> FromEngine:
    """Read an engine's message. Raises as `to_engine`."""
    return _from_engine.decode(body)
