"""How much a miner server accepts: sizes, times, and the rate limiter behind every gate."""

import time
from collections.abc import Callable, Hashable

from msgspec import Struct

ROUNDING_S = 1e-6
"""Less than this is an error of floating-point arithmetic, and no wait."""

SMALL_BODY = 64 * 1024
"""Bytes that any body may have, 48 MB on all connections together. A challenge has hundreds to thousands."""

LARGE_BODIES = 64 * 1024 * 1024
"""Bytes that all unproven bodies together may take in addition."""


class Limits(Struct, frozen=True, kw_only=True):
    """What one miner server accepts.

    `capacity` requests run at once, `queue` more wait, `queue_per_caller` of them from one caller. A body has at most
    `body_bytes` and must arrive within `body_s` seconds of its request's first byte: a trickling sender is gone after
    10 s, including the time to read why. An answer takes at most `answer_s`, waiting included, which is below the 60 s
    after which validators stop listening.
    """

    capacity: int = 8
    queue: int = 64
    queue_per_caller: int = 16
    body_bytes: int = 1 << 20
    body_s: float = 8.0
    answer_s: float = 55.0


class Room:
    """Memory for large bodies from callers that have proven nothing yet."""

    def __init__(self, size: int = LARGE_BODIES, *, each: int = SMALL_BODY) -> None:
        self.left = size
        self.each = each

    def share(self) -> "RoomShare":
        """One body's share, while it is being read and decrypted."""
        return RoomShare(self)


class RoomShare:
    """`with`: what one body takes of a `Room`, and gives back at the end."""

    __slots__ = ("_room", "_taken")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken = 0

    def __enter__(self) -> Callable[[int], bool]:
        return self._grow

    def __exit__(self, *_: object) -> None:
        self._room.left += self._taken

    def _grow(self, length: int) -> bool:
        """Whether the body fits, at its size so far."""
        more = max(0, length - self._room.each) - self._taken
        if more > self._room.left:
            return False
        self._room.left -= more
        self._taken += more
        return True


class RateLimiter:
    """A token bucket per key: `burst` at once, refilled at `per_minute`.

    A key costs one number, the time at which its bucket will be full again. At most `keys` of them are kept; the least
    recently used makes room.
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
        """Like `wait`, but takes a token if the answer is 0.0."""
        now = self._clock()
        full_at = max(self._full_at.pop(key, now), now)
        wait = self._seconds_until_open(full_at, now)
        self._full_at[key] = full_at if wait else full_at + self._interval
        if len(self._full_at) > self._keys:
            del self._full_at[next(iter(self._full_at))]
        return wait

    def charge(self, key: Hashable, tokens: int) -> None:
        """Take so many tokens, whether they are there or not: what is missing is waited for later."""
        now = self._clock()
        self._full_at[key] = max(self._full_at.pop(key, now), now) + tokens * self._interval

    def left(self, key: Hashable) -> int:
        """How many tokens could be taken now."""
        return max(0, int((self._depth + self._interval - self.full_in(key)) / self._interval + ROUNDING_S))

    def full_in(self, key: Hashable) -> float:
        """Seconds until all tokens are there again."""
        return max(0.0, self._full_at.get(key, 0.0) - self._clock())

    def _seconds_until_open(self, full_at: float, now: float) -> float:
        wait = full_at - self._depth - now
        return wait if wait > ROUNDING_S else 0.0
