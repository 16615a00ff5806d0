"""What a node needs of a store, whatever its role."""

from collections.abc import Iterable
from typing import Protocol

from engine.snapshot import CommandView


class CommandLog(Protocol):
    """What the operator had done. Both may raise `StoreError`."""

    async def log_command(self, at: float, name: str, detail: str, outcome: str, reason: str) -> None:
        """Write down what became of a command at the unix time `at`."""
        ...

    async def recent_commands(self, limit: int) -> tuple[CommandView, ...]:
        """The newest lines, newest first, cleaned."""
        ...


class NodeStore(CommandLog, Protocol):
    """With the upkeep of the whole. Each method may raise `StoreError`."""

    @property
    def name(self) -> str:
        """What is missed where it is gone, as the operator knows it."""
        ...

    @property
    def gone(self) -> str:
        """Whether the record is not what was opened any more, in words; "" while all is well."""
        ...

    async def mend(self) -> str:
        """Put right what can be where a part of the record was lost; what that was, in words."""
        ...

    async def note_neurons(self, netuid: int, neurons: Iterable[tuple[str, str, int, str]], *, at: float) -> None:
        """These (hotkey, coldkey, uid, name) are registered at `at`, and nobody else. An empty name changes none."""
        ...

    async def prune(self, now: float) -> int:
        """Delete what is older than the retention. Returns how many rounds went."""
        ...

    async def shrink(self) -> int:
        """Keep the record within its cap. Returns of how many rounds answers' texts, or all, went."""
        ...
