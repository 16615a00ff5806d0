"""An engine as its screens see it: Snapshot, events, log and record come out, commands go in.

Everything that passes is plain data, so a connection to another process can stand behind the same protocol as the
engine of this process (`engine.node.in_process`) or a record that is replayed (`console.record.player.Player`).
"""

from collections.abc import Sequence
from math import inf
from typing import Literal, Protocol

from msgspec import Struct

from engine.commands import AnyCommand
from engine.snapshot import Batch, LogLine, LogTail, Snapshot
from engine.values import Round
from engine.values.earned import Appearance

EngineState = Literal["running", "ended", "failed"]
"""`running` from before the first service on; `failed`: ended with an error, which its owner reports."""


class Engine(Protocol):
    """An engine, wherever it runs. Nothing here waits for it except `record`, and `events_after` with a timeout."""

    @property
    def state(self) -> EngineState:
        """Whether it runs."""
        ...

    @property
    def snapshot(self) -> Snapshot:
        """The newest one; any that nobody looked at in time are skipped."""
        ...

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        """What happened after event `seq`, waiting up to `timeout` seconds for the first event.

        Old events are dropped: a slow reader is told how many it missed, and the engine never waits for it.
        """
        ...

    def submit(self, command: AnyCommand, id: str) -> bool:
        """Submit a command. False when no engine listens.

        The answer is an event "command" with this `id`, a unique one of the submitter's choice. One that is lost among
        missed events is still in `Snapshot.commands`, unless it says that the command was dropped, in a flood or
        because the engine has ended.
        """
        ...

    @property
    def logs(self) -> "Log":
        """Its last log records."""
        ...

    @property
    def record(self) -> "RecordReader":
        """What it has recorded."""
        ...


class Log(Protocol):
    """What readers of the log see of it."""

    @property
    def added(self) -> int:
        """How many records there have ever been: it changes whenever the tail does."""
        ...

    def tail(self) -> LogTail:
        """The last records."""
        ...


class RecordReader(Protocol):
    """What an engine has recorded. Each call may wait for a disk, so call from a thread. All raise StoreError."""

    def round(self, id: str, steps: int = 0) -> "RecordedRound":
        """The round `steps` after the one under this id; negative steps lead into the past, and stop at the oldest."""
        ...

    def miner(self, netuid: int, hotkey: str, until: float = inf) -> "MinerRecord":
        """The last rounds of a hotkey that were asked until the unix time `until`."""
        ...

    def log(self, until: float) -> Sequence[LogLine]:
        """The last log records until the unix time `until`, oldest first."""
        ...

    def instants(self) -> "Instants":
        """The subnet that was recorded last, as Snapshots of earlier instants."""
        ...


class Instants(Protocol):
    """A record as Snapshots of earlier instants, for one user. Places count rounds from 1; times are unix time."""

    @property
    def total(self) -> int:
        """How many rounds there are."""
        ...

    def time(self, place: int) -> float:
        """When the round at a place was asked."""
        ...

    def place_at(self, at: float) -> int:
        """The place of the last round until `at`, 0 before the first."""
        ...

    def refresh(self) -> int:
        """Take in what was recorded since. Returns how many of the oldest rounds are gone. Raises StoreError."""
        ...

    def snapshot(self, place: int, at: float) -> Snapshot:
        """What was known at the instant `at`, when the round at `place` was the last. Raises StoreError."""
        ...


class EmaStep(Struct, frozen=True):
    """What one round did to a miner's average; None while nothing was known."""

    before: float | None
    after: float | None


class RecordedRound(Struct, frozen=True, kw_only=True):
    """A round as it was stored, its place among `total`, and for each reply, in order, its EMA before and after."""

    round: Round
    place: int
    total: int
    emas: tuple[EmaStep, ...]


class MinerRecord(Struct, frozen=True, kw_only=True):
    """The last rounds of one hotkey, newest first, and its EMA after each of them that counts, newest first.

    `problem` says why there is nothing, when that could not be read.
    """

    appearances: tuple[Appearance, ...] = ()
    averages: tuple[float, ...] = ()
    problem: str = ""
