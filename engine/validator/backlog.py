"""Rounds waiting to be stored. While the store takes no writes, they wait in memory, in order and within bounds."""

import asyncio
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from engine.challenges.sources.source import Cursor
from engine.errors import StoreError
from engine.validator.round_log import RoundLog
from engine.values import Round

MOST_ROUNDS = 200
MOST_BYTES = 64 * 1024 * 1024
"""A tenth of the engine's memory with its model loaded: a full disk must not fill the memory too."""

BYTES_A_REPLY = 4096
"""Rough size of a reply and its verdict without their texts."""

LAST_TRY_S = 1.0
"""A run must end within 3 s of being stopped."""


class UnstoredRound(Struct, frozen=True):
    """A round, and what is stored in the same transaction."""

    round: Round
    history: bytes | None
    cursor: Cursor | None

    @property
    def size(self) -> int:
        """Approximate memory use in bytes."""
        replies = self.round.replies
        texts = sum(sys.getsizeof(reply.text) + _size(reply.tool_calls) + _size(reply.logprobs) for reply in replies)
        return texts + len(self.history or b"") + BYTES_A_REPLY * (len(replies) + 1)


class Backlog:
    """Stores rounds in order. When too many wait, the oldest are dropped and counted in `lost`."""

    def __init__(self, store: RoundLog, netuid: int) -> None:
        self._store = store
        self._netuid = netuid
        self._entries: deque[UnstoredRound] = deque()
        self._bytes = 0
        self._turn = asyncio.Lock()
        self._lost_ids: deque[str] = deque(maxlen=MOST_ROUNDS)
        self.lost = 0

    def __len__(self) -> int:
        """Rounds waiting."""
        return len(self._entries)

    @property
    def unstored(self) -> int:
        """Rounds dropped, and those that would be if the run ended now."""
        return self.lost + len(self._entries)

    @property
    def ids(self) -> frozenset[str]:
        """Ids of the rounds waiting."""
        return frozenset(entry.round.challenge.id for entry in self._entries)

    @property
    def unstored_ids(self) -> frozenset[str]:
        """Ids of the rounds waiting, and of those dropped most recently."""
        return self.ids.union(self._lost_ids)

    async def add(self, entry: UnstoredRound) -> None:
        """Store a round, after all that are waiting. If it raises StoreError, the round waits as well."""
        self._entries.append(entry)
        self._bytes += entry.size
        try:
            await self.flush()
        finally:
            while len(self._entries) > 1 and (len(self._entries) > MOST_ROUNDS or self._bytes > MOST_BYTES):
                self._lost_ids.append(self._drop_oldest().round.challenge.id)
                self.lost += 1

    async def flush(self) -> None:
        """Store what is waiting. Raises StoreError; the rest stays queued."""
        async with self._turn:
            while self._entries:
                oldest = self._entries[0]
                await self._store.record(
                    oldest.round, netuid=self._netuid, history=oldest.history, cursor=oldest.cursor
                )
                if self._entries and self._entries[0] is oldest:
                    self._drop_oldest()

    async def try_last(self) -> None:
        """One last, short attempt at the end of a run."""
        try:
            async with asyncio.timeout(LAST_TRY_S):
                await self.flush()
        except (StoreError, TimeoutError):
            return

    def _drop_oldest(self) -> UnstoredRound:
        oldest = self._entries.popleft()
        self._bytes -= oldest.size
        return oldest


def _size(value: Any) -> int:
    own = sys.getsizeof(value)
    if isinstance(value, Mapping):
        return own + sum(_size(key) + _size(item) for key, item in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return own + sum(map(_size, value))
    return own
