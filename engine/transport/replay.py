"""Which nonces were used: the memory that a replayed handshake meets."""

import time
from typing import Protocol


class NoncesUnavailable(Exception):
    """Nothing can be remembered just now (full, or the disk fails): the caller must refuse."""


class NonceStore(Protocol):
    """Durable, so that a nonce that was used stays used after a restart."""

    async def remember(self, key: str, *, until: float) -> bool:
        """Keep `key` until the unix time `until`; False if it is there already. Atomic; on disk when it returns.

        Raises NoncesUnavailable.
        """
        ...


class MemoryNonces:
    """Nonces of this process, for tests and throw-away keys. A full table refuses; it never forgets early."""

    def __init__(self, *, limit: int = 100_000) -> None:
        self._until: dict[str, float] = {}
        self._limit = limit

    async def remember(self, key: str, *, until: float) -> bool:
        if key in self._until:
            return False
        if len(self._until) >= self._limit:
            now = time.time()
            self._until = {key: end for key, end in self._until.items() if end > now}
        if len(self._until) >= self._limit:
            raise NoncesUnavailable(f"{self._limit} nonces are held, none of them old enough to drop")
        self._until[key] = until
        return True
