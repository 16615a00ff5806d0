"""What a node of any role needs from a store."""

from collections.abc import Iterable
from typing import Protocol

from engine.snapshot import CommandView


class CommandLog(Protocol):
    """The log of the operator's commands. Both methods may raise `StoreError`."""

    async def log_command(self, at: float, name: str, detail: str, outcome: str, reason: str) -> None:
        """Record the outcome of a command at the unix time `at`."""
        ...

    async def recent_commands(self, limit: int) -> tuple[CommandView, ...]:
        """The latest lines, newest first, cleaned for display."""
        ...


class NodeStore(CommandLog, Protocol):
    """The command log, and the upkeep of the whole record. Every method may raise `StoreError`."""

    @property
    def name(self) -> str:
        """The name of the record's file, for messages."""
        ...

    @property
    def gone(self) -> str:
        """Why the record is no longer the one that was opened, or "" if it still is."""
        ...

    async def mend(self) -> str:
        """Repair what can be repaired. Returns a description of the repair, or ""."""
        ...

    async def require_unlocked(self) -> None:
        """Raise `StoreLocked` while another process keeps this one from writing."""
        ...

    async def note_neurons(self, netuid: int, neurons: Iterable[tuple[str, str, int, str]], *, at: float) -> None:
        """Record that exactly these (hotkey, coldkey, uid, name) are registered at the unix time `at`. An empty name
        keeps the old one."""
        ...

    async def prune(self, now: float) -> int:
        """Delete rounds older than the retention period, in small transactions. Returns how many were deleted."""
        ...

    async def shrink(self) -> int:
        """While the record exceeds its cap, drop the texts of the oldest answers, which take the most space, and once
        none is left, the oldest rounds. Returns the number of rounds that lost their texts or were deleted."""
        ...
