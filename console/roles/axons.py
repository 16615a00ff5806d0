"""Keeps what the chain says of where our neurons listen equal to where they do listen."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from engine.chain.deadline import deadline
from engine.chain.interface import Chain, ChainUnavailable
from engine.commands import Serve
from engine.feed import Feed
from engine.keys import Signer
from engine.values import Outcome, at_port

log = logging.getLogger(__name__)

CHECK_EVERY_S = 30.0
CALL_TIMEOUT_S = 60.0


class Axon(Struct, frozen=True):
    """A hotkey and the address at which others reach it."""

    hotkey: Signer
    ip: str
    port: int


class Axons:
    """A service. An address is announced when the chain has another one, and again after a refusal."""

    def __init__(self, chain: Chain, netuid: int, axons: Iterable[Axon], feed: Feed) -> None:
        self._chain = chain
        self._netuid = netuid
        self._axons = {axon.hotkey.ss58_address: axon for axon in axons}
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
        async with deadline(self._chain, CALL_TIMEOUT_S):
            metagraph = await self._chain.metagraph(self._netuid)
        for hotkey, axon in self._axons.items():
            neuron = metagraph.by_hotkey(hotkey)
            if neuron is None or (neuron.ip, neuron.port) == (axon.ip, axon.port):
                continue
            outcome = await self._send(axon)
            if not outcome.ok:
                text = f"{at_port(axon.ip, axon.port)} is not announced: {outcome.reason}"
                self._feed.raise_attention("warning", f"axon of uid {neuron.uid}", text)

    async def serve(self, hotkey: str, command: Serve) -> Outcome:
        """Announce the address that the operator names for one of ours, from here on. Raises `ChainUnavailable`."""
        axon = replace(self._axons[hotkey], ip=command.ip, port=command.port)
        outcome = await self._send(axon)
        if outcome.ok:
            self._axons[hotkey] = axon
        return outcome

    async def _send(self, axon: Axon) -> Outcome:
        async with deadline(self._chain, CALL_TIMEOUT_S):
            outcome = await self._chain.serve_axon(self._netuid, hotkey=axon.hotkey, ip=axon.ip, port=axon.port)
        log.info("axon %s: %s %s", at_port(axon.ip, axon.port), outcome.status, outcome.reason)
        return outcome
