"""What there is to be seen: the engine's present, or the picture at which the operator stopped."""

import time
from collections.abc import Callable, Sequence

from console.present.picture import Picture
from engine.feed import Feed
from engine.host import EngineThread
from engine.snapshot import Event


class Viewing:
    """Looks at a feed, and at the engine behind it when there is one."""

    def __init__(self, feed: Feed, engine: EngineThread | None, clock: Callable[[], float]) -> None:
        self._feed = feed
        self._engine = engine
        self._clock = clock
        self._paused: Picture | None = None
        self._paused_at = 0.0
        self._seq = 0

    @property
    def picture(self) -> Picture:
        """What is to be seen now."""
        if self._paused is not None:
            return Picture(self._paused.snapshot, self._paused.now, "paused", time.monotonic() - self._paused_at)
        ended = self._engine is not None and not self._engine.running
        return Picture(self._feed.snapshot, self._clock(), "ended" if ended else "live")

    @property
    def engine_failed(self) -> bool:
        return self._engine is not None and not self._engine.running and self._engine.error is not None

    def toggle_pause(self) -> None:
        """Stop at the picture of now, or go back to the present."""
        if self._paused is None:
            self._paused, self._paused_at = self.picture, time.monotonic()
        else:
            self._paused = None

    def outcomes(self) -> Sequence[Event]:
        """How commands came out since this was last asked."""
        events = self._feed.events_after(self._seq).events
        if events:
            self._seq = events[-1].seq
        return [event for event in events if event.name == "command"]
