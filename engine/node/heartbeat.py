"""The engine's pulse: measures the loop's lag, publishes a Snapshot four times a second, a status file every second."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.feed import Feed
from engine.files import Whereabouts
from engine.folders import replace_file
from engine.patience import impatience
from engine.snapshot import About, LoopView, Snapshot
from engine.values import percentile

BEAT_S = 0.05
BEATS_A_SNAPSHOT = 5
"""The event loop's lateness is taken at each beat; every fifth publishes a Snapshot, four a second."""

STATUS_FILE = "status.json"
STATUS_S = 1.0
"""In a data folder, what `status` reads, and how often it is written."""

LATENESS_KEPT = 1200
"""A minute of beats, for the percentiles."""

STATUS = "status file"
"""Subject of the attention line while the status file cannot be written."""

SILENT_S = 5.0
"""A working disk writes a file of some kilobytes in milliseconds."""

SLOW = "slow status file"
SILENT = f"a write has not finished for {SILENT_S:g} s: its disk is slow, or hangs"


class Heartbeat:
    """A service that measures and publishes. `compose` makes the Snapshot from the loop's lag."""

    def __init__(self, feed: Feed, compose: Callable[[LoopView], Snapshot], status_file: Path) -> None:
        self._feed = feed
        self._compose = compose
        self._status_file = status_file
        self._folder = Whereabouts(status_file.parent)
        self._writing = threading.Lock()
        self._lateness_ms: deque[float] = deque(maxlen=LATENESS_KEPT)

    async def run(self, started: Callable[[], None]) -> None:
        self.publish()
        await asyncio.to_thread(self.write_status)
        started()
        status = asyncio.create_task(self._keep_status())
        try:
            await self._beat(status)
        finally:
            status.cancel()

    async def _keep_status(self) -> None:
        """Separate from the beat, so that a hanging disk affects only the status file."""
        while True:
            await asyncio.sleep(STATUS_S)
            with impatience(self._feed, SLOW, SILENT, "the status file is written again", after=SILENT_S):
                await asyncio.to_thread(self.write_status)

    async def _beat(self, status: "asyncio.Task[None]") -> None:
        beat = 0
        while not status.done():
            began = time.monotonic()
            await asyncio.sleep(BEAT_S)
            self._lateness_ms.append(max(0.0, (time.monotonic() - began - BEAT_S) * 1000))
            beat += 1
            if beat % BEATS_A_SNAPSHOT == 0:
                self.publish()
        status.result()

    def publish(self) -> None:
        """Publish a fresh Snapshot."""
        self._feed.publish(self._compose(self.loop_view()))

    def loop_view(self) -> LoopView:
        """The recent lag of the loop."""
        late = self._lateness_ms
        return LoopView(p50_ms=round(percentile(late, 0.5), 2), p99_ms=round(percentile(late, 0.99), 2))

    def write_status(self) -> None:
        """Replace the status file atomically. A full disk affects only the file, not the engine.

        Nothing is written to a folder that replaced ours: it may belong to another engine.
        """
        try:
            with self._writing:
                if gone := self._folder.lost():
                    self._feed.hold_attention("warning", STATUS, f"not written: {gone}", About("setup"))
                    return
                replace_file(self._status_file, msgspec.json.encode(self._feed.snapshot), durable=False)
        except OSError as error:
            self._feed.hold_attention("warning", STATUS, f"cannot be written: {error}", About("setup"))
        else:
            self._feed.settle(STATUS, "written again")
