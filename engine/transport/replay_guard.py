"""Remembers which nonces have been used, to stop replays."""

import asyncio
import time
from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

MOST_IN_MEMORY = 100_000
"""At about 120 bytes each. A hotkey shakes hands at most 60 times a minute, so this is two minutes' worth of nonces
from 800 hotkeys at once."""

SPAN_S = 20.0
"""A nonce is kept for 20 s (btauth) to 4 minutes (Fiber), hence in one of two to thirteen sets."""

MARK_BYTES = 16
"""Of a nonce's hash: no two are ever the same by chance, and nobody can make two the same."""

PATIENCE_S = 1.0
"""How long a handshake waits for its nonce to reach the disk: a disk takes some ms, validators give up after 15 s."""

SLOW_S = 15.0
"""A store that has neither stored nor refused a nonce for this long hangs: SQLite waits 5 s for a lock."""

RETRY_S = 5.0
"""Between two attempts while the store takes no writes; SQLite waits as long for a lock, and everyone else queues."""


class NoncesUnavailable(Exception):
    """Nothing can be recorded right now (full, or the disk fails): the caller must refuse."""


class NonceStore(Protocol):
    """Durable: a used nonce stays used after a restart."""

    async def remember(self, key: str, *, until: float) -> bool:
        """Keep `key` until the unix time `until`; False if it is already there. Atomic; on disk when it returns.

        Raises NoncesUnavailable.
        """
        ...


class MemoryNonces:
    """Nonces in memory, for keys that end with this process. A full table refuses new ones; it never forgets early.

    Nonces that end within the same `SPAN_S` are held together, and dropped together once the last of them has ended.
    """

    def __init__(self, *, limit: int = MOST_IN_MEMORY) -> None:
        self._spans: dict[int, set[bytes]] = {}
        self._now = 0
        self._held = 0
        self._limit = limit

    def __len__(self) -> int:
        return self._held

    async def remember(self, key: str, *, until: float) -> bool:
        mark = blake2b(key.encode(errors="surrogatepass"), digest_size=MARK_BYTES).digest()
        now = int(time.time() // SPAN_S)
        if now != self._now:
            self._forget(now)
        for held in self._spans.values():
            if mark in held:
                return False
        span = int(until // SPAN_S)
        if span < now:
            return True  # it has ended already
        if self._held >= self._limit:
            raise NoncesUnavailable(f"{self._limit} nonces are held, and none is old enough to drop")
        self._spans.setdefault(span, set()).add(mark)
        self._held += 1
        return True

    def _forget(self, now: int) -> None:
        """Drop what has ended before the span `now`."""
        self._now = now
        for span in [span for span in self._spans if span < now]:
            self._held -= len(self._spans.pop(span))


class SteadyNonces:
    """A `NonceStore` in front of one that may fail: used nonces are known here at once and stored there as well.

    While the store takes no writes, handshakes go on with this process's memory, and `tell` gets the reason; when it
    takes writes again, it gets the nonces that it missed, and `tell` gets "". A process that ends in between loses only
    nonces of handshakes for an RSA key that ends with it.
    """

    def __init__(self, store: NonceStore, *, tell: Callable[[str], None], limit: int = MOST_IN_MEMORY) -> None:
        self._store = store
        self._tell = tell
        self._memory = MemoryNonces(limit=limit)
        self._unwritten: dict[str, tuple[float, asyncio.Future[bool]]] = {}
        self._writing: asyncio.Task[None] | None = None
        self._trouble = ""

    async def remember(self, key: str, *, until: float) -> bool:
        if not await self._memory.remember(key, until=until):
            return False
        is_new: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._unwritten[key] = (until, is_new)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="nonces")
        if not self._trouble:
            await asyncio.wait([is_new], timeout=PATIENCE_S)
        return is_new.result() if is_new.done() else True

    async def _write(self) -> None:
        """Write the nonces that the store lacks, until it has them all."""
        while self._unwritten:
            key, (until, is_new) = next(iter(self._unwritten.items()))
            try:
                answer = until < time.time() or await self._kept(key, until)
            except Exception as error:  # handshakes go on no matter how the store fails
                named = str(error) if isinstance(error, NoncesUnavailable) else f"{type(error).__name__}: {error}"
                self._go_on_without(named)
                await asyncio.sleep(RETRY_S)
                continue
            del self._unwritten[key]
            if not is_new.done():
                is_new.set_result(answer)
        if self._trouble:
            self._trouble = ""
            self._tell("")

    async def _kept(self, key: str, until: float) -> bool:
        keeping = asyncio.ensure_future(self._store.remember(key, until=until))
        try:
            return await asyncio.wait_for(asyncio.shield(keeping), SLOW_S)
        except TimeoutError:
            self._go_on_without(f"the store has not accepted a nonce within {SLOW_S:g} s")
            return await keeping

    def _go_on_without(self, reason: str) -> None:
        """Stop waiting for the store."""
        for _, is_new in self._unwritten.values():
            if not is_new.done():
                is_new.set_result(True)
        if reason != self._trouble:
            self._trouble = reason
            self._tell(reason)
