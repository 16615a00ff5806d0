"""A bounded queue in which callers take turns, however many requests each of them sends."""

import asyncio
import math
from collections import OrderedDict, deque

FIRST_GUESS_S = 1.0
MAX_RETRY_AFTER_S = 60.0
SMOOTHING = 0.2


class QueueFull(Exception):
    """The queue is full; `retry_after` is how many seconds until it may not be."""

    def __init__(self, reason: str, retry_after: float) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class FairQueue:
    """`slots` requests run at once; up to `waiting` others wait, at most `waiting_per_caller` for each caller.

    A free slot goes to each caller in turn, and for one caller to the request that came first.
    """

    def __init__(self, *, slots: int, waiting: int, waiting_per_caller: int) -> None:
        self.slots = slots
        self.waiting = waiting
        self._waiting_per_caller = waiting_per_caller
        self._free = slots
        self._lines: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._queued = 0
        self._usual_s = FIRST_GUESS_S

    @property
    def in_flight(self) -> int:
        return self.slots - self._free

    @property
    def queued(self) -> int:
        return self._queued

    async def enter(self, caller: str) -> None:
        """Wait for a slot, which has to be given back with `leave`. Raises QueueFull."""
        if self._free and not self._queued:
            self._free -= 1
            return
        line = self._lines.get(caller, deque())
        if self._queued >= self.waiting:
            raise QueueFull("this miner's queue is full", self._retry_after())
        if len(line) >= self._waiting_per_caller:
            raise QueueFull("this caller has too many requests waiting", self._retry_after())
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        self._lines[caller] = line
        self._queued += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._withdraw(caller, turn)
            else:
                self._hand_on()
            raise

    def leave(self, worked_s: float) -> None:
        """Give back a slot that was held for `worked_s` seconds."""
        self._usual_s += SMOOTHING * (worked_s - self._usual_s)
        self._hand_on()

    def _hand_on(self) -> None:
        while self._lines:
            caller, line = self._lines.popitem(last=False)
            turn = line.popleft()
            self._queued -= 1
            if line:
                self._lines[caller] = line
            if not turn.cancelled():
                turn.set_result(None)
                return
        self._free += 1

    def _withdraw(self, caller: str, turn: asyncio.Future[None]) -> None:
        line = self._lines.get(caller)
        if line is None or turn not in line:
            return
        line.remove(turn)
        self._queued -= 1
        if not line:
            del self._lines[caller]

    def _retry_after(self) -> float:
        return min(MAX_RETRY_AFTER_S, math.ceil(self._usual_s * (self._queued + 1) / self.slots))
