"""The snapshots of an engine for its terminals: each is compared and encoded once, for all of them."""

from collections import deque

from console.remote.difference import changes
from console.remote.wire import Changes, Whole, encoded, frame
from engine.doors import Engine

STEPS_KEPT = 8
"""Changes kept for terminals that lag: two seconds' worth; one that is further behind gets a whole snapshot."""


class Pictures:
    """Takes the engine's snapshots and numbers them from 1."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._newest = engine.snapshot
        self._steps: deque[bytes] = deque(maxlen=STEPS_KEPT)
        self._whole = b""
        self.number = 1

    def look(self) -> None:
        """Take the newest snapshot, if there is a new one."""
        newest, before = self._engine.snapshot, self._newest
        if newest is not before:
            self._steps.append(frame(Changes(tuple(changes(before, newest)))))
            self._newest, self._whole = newest, b""
            self.number += 1

    def since(self, number: int) -> bytes:
        """The message that brings a terminal from the snapshot of this number (0 for none) to the newest one."""
        missing = self.number - number
        if number and missing <= len(self._steps):
            return b"".join(list(self._steps)[len(self._steps) - missing :])
        if not self._whole:
            self._whole = frame(Whole(encoded(self._newest)))
        return self._whole
