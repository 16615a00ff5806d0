"""Nonces that were seen: kept across restarts, bounded, forgotten once nobody would accept them."""

import time

from engine.errors import StoreError
from engine.store.database import Database
from engine.transport.replay import NoncesUnavailable

MAX_NONCES = 500_000
SWEEP_EVERY = 1000
"""New nonces between two sweeps."""

CLOCK_STEP_S = 3600.0
"""A nonce is kept for so long after its end: a clock that jumps ahead and back must not bring it to life again."""


class NonceTable:
    """A `NonceStore`. When it is full of nonces that still count, it refuses new ones and forgets none."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._room = 0

    async def remember(self, key: str, *, until: float) -> bool:
        """Whether `key` is new. It is remembered until the unix time `until`, at least, whatever ends this process.

        Raises NoncesUnavailable.
        """
        try:
            if self._room <= 0:
                await self.sweep(time.time())
            if self._room <= 0:
                raise NoncesUnavailable(f"{MAX_NONCES} nonces are remembered, none of them old enough to forget")
            self._room -= 1
            return await self._insert(key, until)
        except StoreError as error:
            raise NoncesUnavailable(f"a nonce could not be stored: {error}") from error

    async def sweep(self, now: float) -> None:
        """Forget what is over, and see how many new ones may come before the next sweep."""
        async with self._database.write() as connection:
            await connection.execute("DELETE FROM nonces WHERE until < ?", (now - CLOCK_STEP_S,))
            [(count,)] = await connection.execute_fetchall("SELECT count(*) FROM nonces")
        self._room = min(SWEEP_EVERY, MAX_NONCES - count)

    async def _insert(self, key: str, until: float) -> bool:
        async with self._database.write() as connection:
            query = "INSERT INTO nonces (key, until) VALUES (?, ?) ON CONFLICT DO NOTHING"
            return (await connection.execute(query, (key, until))).rowcount == 1
