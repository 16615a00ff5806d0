"""What a screen shows at one moment, live or of the past."""

from typing import Literal

from msgspec import Struct

from engine.snapshot import Snapshot

Mode = Literal["live", "paused", "past", "replay", "ended"]


class Picture(Struct, frozen=True):
    """A snapshot and the time of day that it is seen at.

    `now` is unix time and stands still while the picture is paused. In the `past` and in a `replay` it is the instant
    of the snapshot; `past` beside a running engine. `ended` marks the last snapshot of an engine that has ended. `lag`
    is how many seconds a picture takes to reach the terminal.
    """

    snapshot: Snapshot
    now: float
    mode: Mode = "live"
    paused_for: float = 0.0
    lag: float = 0.0
