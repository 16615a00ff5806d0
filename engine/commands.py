"""What an operator can ask of a running engine, one type per command. Each is answered by an event "command"."""

import re
from typing import ClassVar, Literal

from msgspec import Struct
from msgspec.structs import replace


class Command(Struct, frozen=True, tag_field="command", tag=str.lower):
    """The base of all commands; `tag` names it on a wire.

    Commands are carried out in their order. One that may take long names its `subject`, and then holds up only those
    that come after it on the same subject.
    """

    subject: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """The command in words, for the command log, events and messages."""
        return re.sub("(?<=.)(?=[A-Z])", " ", type(self).__name__).lower()


class Pause(Command, frozen=True):
    """Send no new challenges; the round in flight finishes as usual."""


class Resume(Command, frozen=True):
    """Send challenges again."""


class ResetPeaks(Command, frozen=True):
    """Begin to look for the highest values of the backends and GPUs anew."""


class OnChain(Command, frozen=True):
    """A command that the chain has to answer, which a silent node does late or never."""

    subject: ClassVar[str] = "chain"


class SetWeights(OnChain, frozen=True):
    """Submit the weights now, if the chain's rate limit allows."""


class CommitWeights(OnChain, frozen=True):
    """Commit to the weights now, on a subnet with commit-reveal."""


class RevealWeights(OnChain, frozen=True):
    """Reveal the oldest commit that the chain accepts now."""


class AutoWeights(Command, frozen=True):
    """Turn automatic weight setting on or off."""

    on: bool

    @property
    def name(self) -> str:
        return "auto-set on" if self.on else "auto-set off"


class HoldPenalty(Command, frozen=True):
    """Waive the sybil penalty of one hotkey, whatever the evidence (`held`), or reinstate it."""

    hotkey: str
    held: bool

    @property
    def name(self) -> str:
        return "hold back" if self.held else "release"


class OfColdkey(OnChain, frozen=True, kw_only=True):
    """A command that the coldkey signs, with the password of its file, which nobody keeps, logs or shows."""

    password: str = ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(…)"


class Register(OfColdkey, frozen=True):
    """Register this hotkey on the subnet. The coldkey pays at most `limit` tokens, or the going price without one."""

    limit: float | None = None


class AddStake(OfColdkey, frozen=True):
    """Move `amount` of the coldkey's tokens to this hotkey as stake."""

    amount: float


class RemoveStake(OfColdkey, frozen=True):
    """Take so much of this hotkey's stake back to the coldkey."""

    amount: float


class AddCollateral(OfColdkey, frozen=True):
    """Lock so much stake as this hotkey's collateral; what is missing is bought for at most `price` tokens each."""

    amount: float
    price: float


class SetMinCollateral(OfColdkey, frozen=True):
    """Let this hotkey's collateral not drain below this amount."""

    amount: float


class Serve(OnChain, frozen=True):
    """Announce the axon: the address where this neuron listens."""

    ip: str
    port: int


class BlockCaller(Command, frozen=True):
    """Refuse this hotkey's requests to the miner server from now on, across restarts."""

    hotkey: str


class UnblockCaller(Command, frozen=True):
    """Accept this hotkey's requests again."""

    hotkey: str


class LetInCaller(Command, frozen=True):
    """Answer this hotkey from now on, across restarts, though no list of validators names it."""

    hotkey: str


class AddKey(Command, frozen=True):
    """Make an API key of this name. The engine writes it into a private file in its data folder, and tells no more."""

    key: str


class RevokeKey(Command, frozen=True):
    """Take the API key of this name back; what its bearer is being answered ends."""

    key: str


class RestartService(Command, frozen=True):
    """Restart one service."""

    service: str


class Export(Command, frozen=True):
    """Write one table to a file, as `subnet-console export` does. `out` is a path of the engine's machine."""

    subject: ClassVar[str] = "export"

    table: Literal["scores", "rounds", "replies", "weights", "sybil"]
    out: str
    format: Literal["csv", "jsonl"] = "csv"
    since: str | None = None


class Acknowledge(Command, frozen=True):
    """Acknowledge one attention, or all of them without an id."""

    id: int | None = None


class BringBack(Command, frozen=True):
    """Show again what was acknowledged last."""


class Stop(Command, frozen=True):
    """Stop the engine cleanly."""


_IN_WORDS = {"hold back": "waive penalty", "release": "reinstate penalty"}
"""Names in the command log and in events whose words on a screen are others."""


def in_words(name: str) -> str:
    """The name of a command as people read it; events and the stored log keep the name itself."""
    return _IN_WORDS.get(name, name)


AnyCommand = (
    Pause
    | Resume
    | ResetPeaks
    | SetWeights
    | CommitWeights
    | RevealWeights
    | AutoWeights
    | HoldPenalty
    | Register
    | AddStake
    | RemoveStake
    | AddCollateral
    | SetMinCollateral
    | Serve
    | BlockCaller
    | UnblockCaller
    | LetInCaller
    | AddKey
    | RevokeKey
    | RestartService
    | Export
    | Acknowledge
    | BringBack
    | Stop
)


def unlocked(command: AnyCommand, password: str) -> AnyCommand:
    """The command with the password of the coldkey, if it is one that needs it."""
    return replace(command, password=password) if isinstance(command, OfColdkey) and password else command
