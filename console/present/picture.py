"""What a screen shows at one moment, and whether that is the present."""

from typing import Literal

from msgspec import Struct

from engine.snapshot import Snapshot

Mode = Literal["live", "paused", "past", "ended"]


class Picture(Struct, frozen=True):
    """A snapshot and the time of day that it is seen at.

    `now` is unix time and stands still while the picture is paused. `past` is a recorded round, `ended` the last
    snapshot of an engine that no longer runs.
    """

    snapshot: Snapshot
    now: float
    mode: Mode = "live"
    paused_for: float = 0.0
