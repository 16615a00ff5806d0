"""What an operator can ask of a running engine: one value a command. The answer is an event named "command"."""

import re
from typing import Literal

from msgspec import Struct


class Command(Struct, frozen=True, tag_field="command", tag=str.lower):
    """The base of all commands; `tag` names it on a wire."""

    @property
    def name(self) -> str:
        """In words, for the command log, events and messages."""
        return re.sub("(?<=.)(?=[A-Z])", " ", type(self).__name__).lower()


class Pause(Command, frozen=True):
    """Ask no new challenges; the round in flight ends as usual."""


class Resume(Command, frozen=True):
    """Go on asking."""


class SetWeights(Command, frozen=True):
    """Submit the weights now, if the chain's rate limit allows it."""


class CommitWeights(Command, frozen=True):
    """Commit to the weights now, where the subnet hides them until they are revealed."""


class RevealWeights(Command, frozen=True):
    """Reveal the oldest commit that the chain takes now."""


class AutoWeights(Command, frozen=True):
    """Switch the automatic setting of weights on or off."""

    on: bool

    @property
    def name(self) -> str:
        return "auto-set on" if self.on else "auto-set off"


class HoldPenalty(Command, frozen=True):
    """Hold back the sybil penalty of one hotkey, whatever is held against it, or let it go on."""

    hotkey: str
    held: bool

    @property
    def name(self) -> str:
        return "hold back" if self.held else "release"


class Register(Command, frozen=True):
    """Register this hotkey on the subnet; the coldkey pays at most `limit` tokens, the going price without it."""

    limit: float | None = None


class Serve(Command, frozen=True):
    """Announce where this neuron listens."""

    ip: str
    port: int


class BlockCaller(Command, frozen=True):
    """Refuse this hotkey's requests to the miner server from now on, also after a restart."""

    hotkey: str


class UnblockCaller(Command, frozen=True):
    """Refuse this hotkey no longer."""

    hotkey: str


class RestartService(Command, frozen=True):
    """End one service and start it again."""

    service: str


class Export(Command, frozen=True):
    """Write one table as a file, as `subnet-console export` does."""

    table: Literal["scores", "rounds", "replies", "weights", "sybil"]
    out: str
    format: Literal["csv", "jsonl"] = "csv"
    since: str | None = None


class Acknowledge(Command, frozen=True):
    """Take one attention off the list; without an id, all of them."""

    id: int | None = None


class Stop(Command, frozen=True):
    """End the run cleanly."""


AnyCommand = (
    Pause
    | Resume
    | SetWeights
    | CommitWeights
    | RevealWeights
    | AutoWeights
    | HoldPenalty
    | Register
    | Serve
    | BlockCaller
    | UnblockCaller
    | RestartService
    | Export
    | Acknowledge
    | Stop
)
