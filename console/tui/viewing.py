"""What there is to be seen: the engine's present, an earlier instant, or the picture at which the operator stopped."""

import time
from collections.abc import Callable, Iterator, Sequence
from queue import Empty
from typing import TYPE_CHECKING

from console.present.picture import Picture
from engine.feed import Feed
from engine.logs import Log
from engine.node.thread import EngineThread
from engine.snapshot import Event, Snapshot

if TYPE_CHECKING:
    from console.record.player import Player


class Viewing:
    """Looks at a feed, and at the engine behind it when there is one; or at the past, which a player goes through."""

    def __init__(self, feed: Feed, logs: Log, engine: EngineThread | None, clock: Callable[[], float]) -> None:
        self._feed = feed
        self._logs = logs
        self._engine = engine
        self._clock = clock
        self._paused: Picture | None = None
        self._paused_at = 0.0
        self._seq = 0
        self.past: Player | None = None

    @property
    def known(self) -> Snapshot:
        """The snapshot of the instant that is looked at, also while the picture stands still."""
        return self.past.feed.snapshot if self.past is not None else self._feed.snapshot

    @property
    def present(self) -> float:
        """Unix time."""
        return self._clock()

    @property
    def is_replay(self) -> bool:
        """Whether there is no present to go back to."""
        return self._feed.snapshot.replay is not None

    @property
    def logs(self) -> Log:
        """The log of the instant that is looked at."""
        return self.past.logs if self.past is not None else self._logs

    @property
    def picture(self) -> Picture:
        """What is to be seen now."""
        if self._paused is not None:
            return Picture(self._paused.snapshot, self._paused.now, "paused", time.monotonic() - self._paused_at)
        if self.past is not None:
            return Picture(self.known, self.known.at, "replay" if self.is_replay else "past")
        ended = self._engine is not None and self._engine.ended
        return Picture(self._feed.snapshot, self._clock(), "ended" if ended else "live")

    @property
    def why_nothing_is_sent(self) -> str:
        """Why no command can be given to the engine; "" when it can."""
        if self.is_replay:
            return "not in a replay"
        if self.past is not None:
            return "this is the past, :live leads back"
        return "the engine has ended" if self.picture.mode == "ended" else ""

    @property
    def engine_failed(self) -> bool:
        return self._engine is not None and self._engine.ended and self._engine.error is not None

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

    def told(self) -> Iterator[str]:
        """What the player had to say since this was last asked."""
        while self.past is not None:
            try:
                yield self.past.told.get_nowait()
            except Empty:
                return
