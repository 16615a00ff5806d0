"""What a screen shows at one moment, and whether that is the present."""

from typing import Literal

from msgspec import Struct

from engine.snapshot import Snapshot

Mode = Literal["live", "paused", "past", "replay", "ended"]


class Picture(Struct, frozen=True):
    """A snapshot and the time of day that it is seen at.

    `now` is unix time and stands still while the picture is paused. In the `past` and in a `replay` it is
    the instant of the snapshot; `past` beside a running engine. `ended` is the last snapshot of one that runs no more.
    `lag` is for how many seconds a picture is on its way to the terminal.
    """

    snapshot: Snapshot
    now: float
    mode: Mode = "live"
    paused_for: float = 0.0
    lag: float = 0.0
