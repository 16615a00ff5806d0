"""Tables of symmetric keys, bounded in number and lifetime. Each dialect decides what a session is.

`Sessions` is the validator's: one session per peer, made on demand by one handshake at a time. `KeyRing` is the
miner's: several keys per hotkey, added by handshakes. Both use the monotonic clock.
"""

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from engine.snapshot import SessionView
from engine.values import At, Peer

KEY_TTL_S = 3600
LATE_S = 300.0
"""How much longer an opened message is remembered than it is valid: clocks differ."""
MOST_OPENED = 16_384
"""Most messages that one key opens: more than 240 a minute, a miner's limit for one hotkey, during the hour for which a
key is valid. Each is remembered in about 130 bytes, so that a key costs at most 2.1 MB."""

S = TypeVar("S")
K = TypeVar("K")


class _Seat(Generic[S]):
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.session: S | None = None
        self.renew_at = 0.0


class Sessions(Generic[S]):
    """The validator's sessions by peer. A session is renewed `margin` seconds before its `ttl` ends at the miner.

    `brief` says for how many seconds a session is used that is to be renewed sooner, or None.
    """

    def __init__(
        self,
        *,
        ttl: float = KEY_TTL_S,
        margin: float = 60.0,
        limit: int = 4096,
        brief: Callable[[S], float | None] = lambda _: None,
    ) -> None:
        self._life = ttl - margin
        self._brief = brief
        self._limit = limit
        self._seats: OrderedDict[Peer, _Seat[S]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seats)

    async def obtain(self, peer: Peer, shake: Callable[[], Awaitable[S]], *, instead_of: S | None = None) -> S:
        """The peer's session. `shake` makes a new one if there is none, if renewal is due, or if it is `instead_of`.

        Concurrent callers wait and get the same one. What `shake` raises propagates, and the next in line tries.
        """
        seat = self._seat(peer)
        async with seat.lock:
            if seat.session is None or seat.session is instead_of or time.monotonic() >= seat.renew_at:
                seat.session = None
                began = time.monotonic()
                seat.session = session = await shake()
                life = self._brief(session)
                seat.renew_at = began + (self._life if life is None else life)
            return seat.session

    def held(self, peer: Peer) -> S | None:
        """The peer's latest session, if there is one."""
        seat = self._seats.get(peer)
        return None if seat is None else seat.session

    def _seat(self, peer: Peer) -> _Seat[S]:
        seat = self._seats.get(peer)
        if seat is None:
            if len(self._seats) >= self._limit:
                oldest = next((other for other, seat in self._seats.items() if not seat.lock.locked()), None)
                if oldest is not None:
                    del self._seats[oldest]
            seat = self._seats[peer] = _Seat()
        self._seats.move_to_end(peer)
        return seat


class SavedKey(Struct, frozen=True, kw_only=True):
    """A key saved for the next run: who brought it, its bytes, and what it has already opened.

    Times are unix seconds.
    """

    hotkey: str
    key_uuid: str
    secret: bytes
    created_at: At
    expires_at: At
    opened: tuple[bytes, ...]


class _HeldKey(Struct, Generic[K], frozen=True):
    key: K
    view: SessionView
    ends: float
    opened: dict[bytes, float]  # by mark, when


class KeyRing(Generic[K]):
    """The miner's keys by (hotkey, key uuid), first in, first out. Unix timestamps are for display only.

    A key opens each message once, even if it is added again while held; it opens at most `most_opened` messages, and
    none after its `ttl`.
    """

    def __init__(
        self, *, ttl: float = KEY_TTL_S, per_hotkey: int = 8, limit: int = 2048, most_opened: int = MOST_OPENED
    ) -> None:
        self._ttl = ttl
        self._per_hotkey = per_hotkey
        self._limit = limit
        self._most_opened = most_opened
        self._held: dict[tuple[str, str], _HeldKey[K]] = {}
        self._opening = threading.Lock()

    def put(self, hotkey: str, key_uuid: str, key: K) -> None:
        """Add a key; drop expired keys, then the hotkey's oldest, then the oldest of all."""
        created, now = time.time(), time.monotonic()
        opened = self._opened_by(key, now)
        self._held.pop((hotkey, key_uuid), None)
        self._held = {name: held for name, held in self._held.items() if now < held.ends + LATE_S}
        mine = [name for name in self._held if name[0] == hotkey]
        for name in mine[: max(0, len(mine) + 1 - self._per_hotkey)]:
            del self._held[name]
        if len(self._held) >= self._limit:
            del self._held[next(iter(self._held))]
        view = SessionView(hotkey=hotkey, key_uuid=key_uuid, created_at=created, expires_at=created + self._ttl)
        self._held[hotkey, key_uuid] = _HeldKey(key, view, now + self._ttl, opened)

    def _opened_by(self, key: K, now: float) -> dict[bytes, float]:
        """What an equal key has already opened, without messages too old to be opened again."""
        opened = next((held.opened for held in self._held.values() if held.key == key), dict[bytes, float]())
        with self._opening:
            for mark in [mark for mark, at in opened.items() if now >= at + self._ttl + LATE_S]:
                del opened[mark]
        return opened

    def to_open(self, hotkey: str, key_uuid: str) -> K | None:
        """The key for opening a challenge; None if it is unknown, expired or used up."""
        held = self._held.get((hotkey, key_uuid))
        usable = held is not None and time.monotonic() < held.ends and len(held.opened) < self._most_opened
        return held.key if held is not None and usable else None

    def was_opened(self, hotkey: str, key_uuid: str, mark: bytes) -> bool:
        """Whether this key has opened the message with this mark before."""
        held = self._held.get((hotkey, key_uuid))
        return held is not None and mark in held.opened

    def note_opened(self, hotkey: str, key_uuid: str, mark: bytes) -> bool:
        """Record, for the key's lifetime, that it opened this message; False if it already had. Thread-safe."""
        held = self._held.get((hotkey, key_uuid))
        if held is None:
            return True
        with self._opening:
            if mark in held.opened:
                return False
            held.opened[mark] = time.monotonic()
            return True

    def saved(self, secret_of: Callable[[K], bytes]) -> tuple[SavedKey, ...]:
        """The keys that are valid now."""
        now = time.monotonic()
        return tuple(
            SavedKey(
                hotkey=hotkey,
                key_uuid=key_uuid,
                secret=secret_of(held.key),
                created_at=held.view.created_at,
                expires_at=held.view.expires_at,
                opened=tuple(held.opened),
            )
            for (hotkey, key_uuid), held in self._held.items()
            if now < held.ends
        )

    def restore(self, saved: Iterable[SavedKey], key_of: Callable[[bytes], K]) -> None:
        """Restore the keys of an earlier run for the rest of their lifetime. They do not reopen messages."""
        now, at = time.monotonic(), time.time()
        for one in saved:
            left = min(one.expires_at - at, self._ttl)
            if left > 0:
                key = key_of(one.secret)
                self.put(one.hotkey, one.key_uuid, key)
                held = self._held[one.hotkey, one.key_uuid]
                view = replace(held.view, created_at=one.created_at, expires_at=at + left)
                opened = dict.fromkeys(one.opened, now)
                self._held[one.hotkey, one.key_uuid] = _HeldKey(key, view, now + left, opened)

    def views(self) -> tuple[SessionView, ...]:
        """The keys as values of a Snapshot."""
        now = time.monotonic()
        return tuple(held.view for held in self._held.values() if now < held.ends)
