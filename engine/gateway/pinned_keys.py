"""The API keys of a validator elsewhere, as it told last."""

import asyncio
import logging
from collections.abc import Callable

import msgspec

from engine.api_keys import MOST_KEYS, ApiKey, ApiKeyRing
from engine.gateway.messages import KEYS
from engine.streams.interface import Streams, StreamsGone

log = logging.getLogger(__name__)

EVERY_S = 1.0
"""How often keys are pinned and read: a revoked key stops working within seconds everywhere."""

read_keys = msgspec.msgpack.Decoder(tuple[ApiKey, ...]).decode


class PinnedKeys(ApiKeyRing):
    """A key ring, and the service that looks for newer keys. While Redis is away those told last are valid."""

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self._streams = streams

    async def run(self, started: Callable[[], None]) -> None:
        await self.look()
        started()
        while True:
            await asyncio.sleep(EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Take the keys that are pinned."""
        try:
            pinned = await self._streams.look(KEYS)
            if pinned is not None:
                self.replace(read_keys(pinned)[:MOST_KEYS])
            self._trouble = ""
        except StreamsGone as gone:
            self._trouble = str(gone)
        except msgspec.DecodeError as error:
            self._trouble = f"the validator's keys cannot be read: {error}"
