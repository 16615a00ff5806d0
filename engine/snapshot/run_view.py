"""The run itself: its events, services, commands and alerts, the loop, and the place in a replay."""

from typing import Any, Literal

from msgspec import Struct

from engine.values import Level

Role = Literal["demo", "miner", "validator", "challenge-api"]
ServiceState = Literal["starting", "running", "backing_off", "stopped", "failed"]


class Event(Struct, frozen=True):
    """Something that happened. `name` and `fields` are those of a line of `launch --no-ui`, or of the screens' own."""

    seq: int
    at: float
    name: str
    fields: dict[str, Any] = {}


class Batch(Struct, frozen=True):
    """The events after a given one, oldest first, and how many of them the ring had already dropped."""

    events: tuple[Event, ...]
    missed: int


class ServiceView(Struct, frozen=True, kw_only=True):
    """One supervised service: its state and since when, how often it was restarted, and the last reason."""

    name: str
    state: ServiceState
    since: float
    restarts: int = 0
    reason: str = ""


class CommandView(Struct, frozen=True, kw_only=True):
    """One line of the command log: what was asked of the chain or the engine, and what became of it.

    `id` is that under which it was submitted, "" in a line of an earlier run.
    """

    at: float
    name: str
    detail: str
    outcome: str
    reason: str
    id: str = ""


AboutKind = Literal[
    "miner", "suspects", "round", "weights", "chain", "server", "service", "setting", "commands", "setup"
]


class About(Struct, frozen=True):
    """What an attention is about: the `key` of a miner or a suspect is its hotkey, that of a round its id, of a service
    or a setting its name; the others have none."""

    kind: AboutKind
    key: str = ""


class Attention(Struct, frozen=True, kw_only=True):
    """Something that needs a person. The same (subject, text) is counted, not repeated. What it is `about` is None
    where only the log has more."""

    id: int
    at: float
    level: Level
    subject: str
    text: str
    count: int = 1
    acknowledged: bool = False
    about: About | None = None


class LoopView(Struct, frozen=True, kw_only=True):
    """How late the engine's loop runs, over the last minute."""

    p50_ms: float = 0.0
    p99_ms: float = 0.0


class ReplayView(Struct, frozen=True, kw_only=True):
    """Where a Snapshot of the past lies: after round `place` of the `total` that are recorded.

    `first_at` and `last_at` are when the first and the last were asked; `pace` is how fast it goes on while it plays.
    `folder` is the one that is shown, of which `data_dir` may hold a copy that can be read.
    """

    folder: str
    place: int
    total: int
    first_at: float
    last_at: float
    pace: str = "1x"
    playing: bool = False
