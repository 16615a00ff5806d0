"""Moves through a record on its own thread, step by step or playing, and publishes a Snapshot of each instant."""

import logging
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from threading import Thread

from msgspec.structs import replace

from engine.commands import AnyCommand
from engine.doors import EngineState, RecordReader
from engine.errors import StoreError
from engine.feed import Feed
from engine.snapshot import Batch, LogLine, LogTail, Snapshot

log = logging.getLogger(__name__)

PACES = {"1x": 1.0, "4x": 4.0, "16x": 16.0, "max": inf}
"""How fast it plays, slowest first."""

LONGEST_GAP_S = 10.0
"""Longer gaps between two rounds are shortened to this."""

SHORTEST_GAP_S = 0.02
"""Shortest time between two steps: the screen needs its share of the CPU."""

LOG_EVERY_S = 0.25
"""While playing, the log is read only this often, because that takes longer than reading a round."""


class LogOfThen:
    """The records that a `LogRing` held at an earlier time, for the same readers: `added` changes with that time."""

    def __init__(self) -> None:
        self._tail = LogTail(0, (), 0)

    def show(self, lines: Sequence[LogLine]) -> None:
        """Show the records of another time, oldest first, under new numbers."""
        self._tail = LogTail(self.added, tuple(lines), 0)

    @property
    def added(self) -> int:
        """How many records it has ever shown."""
        return self._tail.first + len(self._tail.lines)

    def tail(self) -> LogTail:
        """The records shown now."""
        return self._tail


class Player:
    """An `Engine` whose Snapshot comes from a record. Moving returns at once; the Snapshot follows soon.

    Notices to the operator, such as "this is the last recorded round", are events "notice" with a `text`. It takes no
    commands. Raises StoreError on opening.
    """

    state: EngineState = "running"

    def __init__(self, record: RecordReader, *, at: float | None = None) -> None:
        self.record = record
        self._instants = record.instants()
        self._place = self._instants.total
        self._at = self._instants.time(self._place)
        self._pace = "1x"
        self._playing = False
        self._due = 0.0
        self._log_read_at = -inf
        self._requests: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = Thread(target=self._run, name="replay", daemon=True)
        self.logs = LogOfThen()
        last = self._instants.snapshot(self._place, self._at)
        self._feed = Feed(last)
        if at is not None:
            self._go_to(at)
            self._feed.publish(self._instants.snapshot(self._place, self._at))

    # -- the doors -------------------------------------------------------------------------------------------------

    @property
    def snapshot(self) -> Snapshot:
        return self._feed.snapshot

    def events_after(self, seq: int, *, timeout: float = 0.0) -> Batch:
        return self._feed.events_after(seq, timeout=timeout)

    def submit(self, command: AnyCommand, id: str) -> bool:  # noqa: ARG002 an engine takes them
        return False

    def tell(self, text: str) -> None:
        """Tell the operator something."""
        self._feed.emit("notice", text=text)

    # -- moves, from any thread --------------------------------------------------------------------

    def step(self, rounds: int) -> None:
        """Move on by this many rounds, or back when negative."""
        self._requests.put(lambda: self._seek(self._place + rounds))

    def go_to_round(self, place: int) -> None:
        """To the round at a place, counted from 1."""
        self._requests.put(lambda: self._seek(place))

    def first(self) -> None:
        """To the first recorded round."""
        self._requests.put(lambda: self._seek(1))

    def last(self) -> None:
        """To the last recorded round."""
        self._requests.put(lambda: self._seek(self._instants.total))

    def go_to(self, at: float) -> None:
        """To an instant (unix time), which may lie between two rounds."""
        self._requests.put(lambda: self._go_to(at))

    def play_or_pause(self) -> None:
        """Play from here on, or stop playing."""
        self._requests.put(self._play_or_pause)

    def change_pace(self) -> None:
        """To the next faster pace, and from the fastest to the slowest."""
        self._requests.put(self._change_pace)

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                request = self._requests.get(timeout=self._until_due())
            except queue.Empty:
                request = self._advance
            if request is None:
                return
            self._carry_out(request)

    def _carry_out(self, request: Callable[[], None]) -> None:
        """Make a move, and show its result unless another move is already waiting."""
        try:
            gone = self._instants.refresh()
            self._place = min(max(1, self._place - gone), self._instants.total)
            request()
            self._stay_in_the_record()
            if self._requests.empty():
                self._show()
        except StoreError as error:
            self._stop_at(str(error))
        except Exception as error:
            log.exception("the replay stopped at round %d", self._place)
            self._stop_at(f"this round cannot be shown ({type(error).__name__}): see the replay's log")

    def _stay_in_the_record(self) -> None:
        """Go to the nearest remaining round if the one on the screen was deleted."""
        place = min(max(1, self._place), self._instants.total)
        if place != self._place:
            self._set(place, max(self._at, self._instants.time(place)))

    def _stop_at(self, reason: str) -> None:
        self._playing = False
        self.tell(reason)

    def _show(self) -> None:
        snapshot = self._instants.snapshot(self._place, self._at)
        if snapshot.replay is not None:
            where = replace(snapshot.replay, pace=self._pace, playing=self._playing)
            snapshot = replace(snapshot, replay=where)
        self._feed.publish(snapshot)
        now = time.monotonic()
        if not self._playing or now - self._log_read_at >= LOG_EVERY_S:
            self.logs.show(self.record.log(self._at))
            self._log_read_at = now

    def _seek(self, place: int) -> None:
        total = self._instants.total
        if not 1 <= place <= total:
            self._stop_at(f"this is the {'last' if place > total else 'first'} recorded round")
        place = min(max(1, place), total)
        self._set(place, self._instants.time(place))

    def _go_to(self, at: float) -> None:
        instants = self._instants
        first, last = instants.time(1), instants.time(instants.total)
        if not first <= at <= last:
            self.tell(f"the record {'begins' if at < first else 'ends'} here")
        at = min(max(first, at), last)
        self._set(instants.place_at(at), at)

    def _set(self, place: int, at: float) -> None:
        self._place, self._at = place, at
        self._plan()

    def _play_or_pause(self) -> None:
        self._playing = not self._playing
        self._plan()

    def _change_pace(self) -> None:
        paces = list(PACES)
        self._pace = paces[(paces.index(self._pace) + 1) % len(paces)]
        self._plan()

    def _advance(self) -> None:
        self._seek(self._place + 1)

    def _plan(self) -> None:
        """Schedule the next round, if it is playing."""
        gap = self._instants.time(self._place + 1) - self._at if self._place < self._instants.total else 0.0
        self._due = time.monotonic() + max(SHORTEST_GAP_S, min(gap, LONGEST_GAP_S) / PACES[self._pace])

    def _until_due(self) -> float | None:
        return max(0.0, self._due - time.monotonic()) if self._playing else None

    def start(self) -> None:
        """Start the thread, which publishes the player's position."""
        self._requests.put(lambda: None)
        self._thread.start()

    def stop_soon(self) -> None:
        """Ask the thread to end, without waiting for it."""
        self._requests.put(None)

    def stop(self) -> None:
        """End the thread and wait for its end."""
        self.stop_soon()
        self._thread.join()


@contextmanager
def playing(player: Player) -> Iterator[Player]:
    """Run the player's thread for the duration of the block."""
    player.start()
    try:
        yield player
    finally:
        player.stop()
