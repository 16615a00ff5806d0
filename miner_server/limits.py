"""How much a miner server takes on: sizes, times, and the rate limiter behind every gate."""

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

from msgspec import Struct

ROUNDING_S = 1e-6

SMALL_BODY = 64 * 1024
"""Bytes that every body may have, on all connections at once 32 MB. A challenge has some hundred to some thousand."""

LARGE_BODIES = 64 * 1024 * 1024
"""What all bodies that are read and not proven yet take beyond that, in bytes."""


class Limits(Struct, frozen=True, kw_only=True):
    """What one miner server takes on.

    `capacity` requests are worked on at once, `queue` more wait, `queue_per_caller` of them for one caller. A body has
    at most `body_bytes` and arrives within `body_s` seconds; an answer is there within `answer_s`, waiting included,
    which stays below the 60 s after which the field's validators stop listening.
    """

    capacity: int = 8
    queue: int = 64
    queue_per_caller: int = 16
    body_bytes: int = 1 << 20
    body_s: float = 10.0
    answer_s: float = 55.0


class Room:
    """Memory for large bodies of callers that have proved nothing so far."""

    def __init__(self, size: int = LARGE_BODIES, *, each: int = SMALL_BODY) -> None:
        self._left = size
        self._each = each

    @contextmanager
    def share(self) -> Iterator[Callable[[int], bool]]:
        """A body's part while it is read and opened. Told how long it has become, it says whether there is room."""
        taken = 0

        def grow(length: int) -> bool:
            nonlocal taken
            more = max(0, length - self._each) - taken
            if more > self._left:
                return False
            self._left -= more
            taken += more
            return True

        try:
            yield grow
        finally:
            self._left += taken


class RateLimiter:
    """A token bucket for each key: `burst` at once, refilled at `per_minute`.

    A key costs one number, the moment at which its bucket will be full again. At most `keys` of them are kept; the
    one used longest ago makes room.
    """

    def __init__(
        self,
        per_minute: int,
        *,
        burst: int | None = None,
        keys: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = 60.0 / per_minute
        self._depth = self._interval * ((burst or per_minute) - 1)
        self._keys = keys
        self._clock = clock
        self._full_at: dict[Hashable, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, key: Hashable) -> float:
        """Seconds until this key may pass; 0.0 means now. Takes nothing."""
        return self._seconds_until_open(self._full_at.get(key, 0.0), self._clock())

    def take(self, key: Hashable) -> float:
        """Like `wait`; when the answer is 0.0, one token is gone."""
        now = self._clock()
        full_at = max(self._full_at.pop(key, now), now)
        wait = self._seconds_until_open(full_at, now)
        self._full_at[key] = full_at if wait else full_at + self._interval
        if len(self._full_at) > self._keys:
            del self._full_at[next(iter(self._full_at))]
        return wait

    def _seconds_until_open(self, full_at: float, now: float) -> float:
        wait = full_at - self._depth - now
        return wait if wait > ROUNDING_S else 0.0
