"""`Streams` in one process."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence

from msgspec import Struct

from engine.streams.interface import DEAD_AFTER_S, MOST_WAITING, Entry, StreamFull


class MemoryStreams:
    """Everything in memory; `clock` gives monotonic seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, most: int = MOST_WAITING) -> None:
        self._clock = clock
        self._most = most
        self._streams: dict[str, MemoryStream] = {}
        self._boxes: dict[str, deque[bytes]] = {}
        self._pinned: dict[str, tuple[float, bytes]] = {}
        self.changed = asyncio.Event()

    def stream(self, name: str) -> "MemoryStream":
        return self._streams.setdefault(name, MemoryStream(self, self._clock, self._most))

    async def post(self, box: str, messages: Sequence[bytes]) -> None:
        self._boxes.setdefault(box, deque()).extend(messages)
        self.tell()

    async def receive(self, box: str, seconds: float) -> Sequence[bytes]:
        await self.wait_for(lambda: bool(self._boxes.get(box)), seconds)
        return tuple(self._boxes.pop(box, ()))

    async def pin(self, name: str, value: bytes, seconds: float) -> None:
        self._pinned[name] = (self._clock() + seconds, value)

    async def look(self, name: str) -> bytes | None:
        until, value = self._pinned.get(name, (0.0, b""))
        return value if self._clock() < until else None

    async def close(self) -> None:
        """There is nothing to let go of."""

    def tell(self) -> None:
        """Something has changed: whoever waits looks again."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def wait_for(self, is_so: Callable[[], bool], seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not is_so():
                    await self.changed.wait()
        except TimeoutError:
            pass


class _HeldEntry(Struct):
    """An entry, and who has it since when: nobody at "" ."""

    body: bytes
    worker: str = ""
    seen: float = 0.0
    times: int = 0


class MemoryStream:
    """A stream of `MemoryStreams`."""

    def __init__(self, streams: MemoryStreams, clock: Callable[[], float], most: int) -> None:
        self._streams = streams
        self._clock = clock
        self._most = most
        self._last = 0
        self._entries: dict[str, _HeldEntry] = {}

    async def add(self, body: bytes) -> str:
        if len(self._entries) >= self._most:
            raise StreamFull(f"{self._most} entries wait already")
        self._last += 1
        self._entries[str(self._last)] = _HeldEntry(body)
        self._streams.tell()
        return str(self._last)

    async def take(self, worker: str, count: int, seconds: float) -> Sequence[Entry]:
        await self._streams.wait_for(lambda: any(map(self._is_free, self._entries.values())), seconds)
        free = [(id, held) for id, held in self._entries.items() if self._is_free(held)]
        taken = sorted(free, key=lambda one: one[1].times, reverse=True)[:count]
        for _, held in taken:
            held.worker, held.seen, held.times = worker, self._clock(), held.times + 1
        return [Entry(id, held.body, held.times) for id, held in taken]

    async def hold(self, worker: str, ids: Sequence[str]) -> None:
        for id in ids:
            if (held := self._entries.get(id)) is not None and held.worker == worker:
                held.seen = self._clock()

    async def finish(self, worker: str, id: str, box: str = "", message: bytes = b"") -> bool:
        held = self._entries.get(id)
        if held is None or held.worker != worker:
            return False
        del self._entries[id]
        if box:
            await self._streams.post(box, [message])
        return True

    async def remove(self, id: str) -> None:
        self._entries.pop(id, None)

    def _is_free(self, held: _HeldEntry) -> bool:
        return not held.worker or self._clock() - held.seen > DEAD_AFTER_S
