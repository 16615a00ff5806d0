"""A bounded queue in which callers take turns by weight, no matter how many requests each of them sends."""

import asyncio
import math
from collections import deque

FIRST_GUESS_S = 1.0
MAX_RETRY_AFTER_S = 60.0
SMOOTHING = 0.2
"""How long an answer is taken to last: a guess at first, then an average in which the newest weighs .2."""


class QueueFull(Exception):
    """The queue is full; `retry_after` is how many seconds until it may have room."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class _Turn:
    """A waiting request. `due` is when its turn comes, on the queue's own clock of turns given."""

    __slots__ = ("come", "due")

    def __init__(self, due: float) -> None:
        self.due = due
        self.come: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class FairQueue:
    """`slots` requests run at once; up to `waiting` others wait, at most `waiting_per_caller` for each caller.

    Weighted fair queueing: a caller of weight 3 gets three turns for every turn of a caller of weight 1, and nobody
    waits forever. Each caller's requests are served in order of arrival. When the queue is full, the request with the
    latest turn makes room, even if it has just arrived.
    """

    def __init__(self, *, slots: int, waiting: int, waiting_per_caller: int) -> None:
        self.slots = slots
        self.waiting = waiting
        self._waiting_per_caller = waiting_per_caller
        self._free = slots
        self._lines: dict[str, deque[_Turn]] = {}
        self._queued = 0
        self._given = 0.0
        self._usual_s = FIRST_GUESS_S

    @property
    def in_flight(self) -> int:
        """How many requests hold a slot."""
        return self.slots - self._free

    @property
    def queued(self) -> int:
        """How many requests wait for one."""
        return self._queued

    def require_room(self, caller: str, weight: float = 1.0) -> None:
        """Raises QueueFull if `enter` would refuse this caller now. Takes nothing."""
        self._due(caller, weight)

    async def enter(self, caller: str, weight: float = 1.0) -> None:
        """Wait for a slot, to be returned with `leave`. Raises QueueFull, possibly while waiting."""
        due = self._due(caller, weight)
        if due is None:
            self._free -= 1
            return
        if self._queued >= self.waiting:
            self._drop_last()
        turn = _Turn(due)
        self._lines.setdefault(caller, deque()).append(turn)
        self._queued += 1
        try:
            await turn.come
        except asyncio.CancelledError:
            if turn.come.cancelled():
                self._withdraw(caller, turn)
            elif turn.come.exception() is None:
                self._hand_on()
            raise

    def leave(self, worked_s: float) -> None:
        """Return a slot that was held for `worked_s` seconds."""
        self._usual_s += SMOOTHING * (worked_s - self._usual_s)
        self._hand_on()

    def _hand_on(self) -> None:
        while self._lines:
            caller = min(self._lines, key=lambda name: self._lines[name][0].due)
            turn = self._lines[caller][0]
            self._withdraw(caller, turn)
            self._given = turn.due
            if not turn.come.done():
                turn.come.set_result(None)
                return
        self._free += 1

    def _due(self, caller: str, weight: float) -> float | None:
        """When this caller's next turn would come; None if a slot is free. Raises QueueFull if it would get none."""
        if self._free and not self._queued:
            return None
        line = self._lines.get(caller)
        if line is not None and len(line) >= self._waiting_per_caller:
            raise QueueFull("this caller has too many requests waiting", self._retry_after())
        due = max(self._given, line[-1].due if line else 0.0) + 1 / weight
        if self._queued >= self.waiting and (not self._lines or self._lines[self._last()][-1].due <= due):
            raise QueueFull("this miner's queue is full", self._retry_after())
        return due

    def _last(self) -> str:
        """Whose turn comes last."""
        return max(self._lines, key=lambda name: self._lines[name][-1].due)

    def _drop_last(self) -> None:
        """Make room for a turn that comes sooner."""
        last = self._last()
        turn = self._lines[last][-1]
        self._withdraw(last, turn)
        if not turn.come.done():
            full = "this miner's queue is full, and a caller with more stake came"
            turn.come.set_exception(QueueFull(full, self._retry_after()))

    def _withdraw(self, caller: str, turn: _Turn) -> None:
        line = self._lines.get(caller)
        if line is None or turn not in line:
            return
        line.remove(turn)
        self._queued -= 1
        if not line:
            del self._lines[caller]

    def _retry_after(self) -> float:
        return min(MAX_RETRY_AFTER_S, math.ceil(self._usual_s * (self._queued + 1) / self.slots))
