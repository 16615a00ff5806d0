"""Keeps what the chain says of where our neurons listen equal to where they do listen."""

import asyncio
import logging
from collections.abc import Callable, Sequence

from msgspec import Struct

from engine.chain.interface import Chain, ChainUnavailable
from engine.feed import Feed
from engine.keys import Signer

log = logging.getLogger(__name__)

CHECK_EVERY_S = 30.0


class Axon(Struct, frozen=True):
    """A hotkey and the address at which others reach it."""

    hotkey: Signer
    ip: str
    port: int


class Axons:
    """A service. An address is announced when the chain has another one, and again after a refusal."""

    def __init__(self, chain: Chain, netuid: int, axons: Sequence[Axon], feed: Feed) -> None:
        self._chain = chain
        self._netuid = netuid
        self._axons = axons
        self._feed = feed

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self.announce()
            except ChainUnavailable as error:
                self._feed.raise_attention("warning", "axon", f"the address cannot be announced: {error}")

    async def announce(self) -> None:
        """Announce whatever differs. Raises `ChainUnavailable`."""
        metagraph = await self._chain.metagraph(self._netuid)
        for axon in self._axons:
            neuron = metagraph.by_hotkey(axon.hotkey.ss58_address)
            if neuron is None or (neuron.ip, neuron.port) == (axon.ip, axon.port):
                continue
            outcome = await self._chain.serve_axon(self._netuid, hotkey=axon.hotkey, ip=axon.ip, port=axon.port)
            log.info("axon %s:%d of uid %d: %s %s", axon.ip, axon.port, neuron.uid, outcome.status, outcome.reason)
            if not outcome.ok:
                text = f"{axon.ip}:{axon.port} is not announced: {outcome.reason}"
                self._feed.raise_attention("warning", f"axon of uid {neuron.uid}", text)
