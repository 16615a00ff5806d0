"""Keeps the announced axons in step with where our neurons serve."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from msgspec import Struct
from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.interface import ChainUnavailable
from engine.commands import Serve
from engine.feed import Feed
from engine.keys import Signer
from engine.node.reach import unreached
from engine.values import Outcome, at_port

log = logging.getLogger(__name__)

CHECK_EVERY_S = 30.0
MAX_AGE_S = 90.0
"""The chain watch looks once a minute, and its last look is recent enough."""


class Axon(Struct, frozen=True):
    """A hotkey and its public address. `near` is where its server listens on this machine."""

    hotkey: Signer
    ip: str
    port: int
    near: tuple[str, int] = ("", 0)


class Axons:
    """A service. Announces an axon when the chain has a different address for it, and again after a refusal."""

    def __init__(self, chain: ChainClient, axons: Iterable[Axon], feed: Feed) -> None:
        self._chain = chain
        self._axons = {axon.hotkey.ss58_address: axon for axon in axons}
        self._feed = feed
        self._stood: set[str] = set()

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self.announce(max_age_s=MAX_AGE_S)
            except ChainUnavailable as error:
                self._feed.raise_attention("warning", "axon", f"cannot announce the axon: {error}")

    async def announce(self, *, max_age_s: float = 0.0) -> None:
        """Announce every axon that differs from a look at most `max_age_s` old. Raises `ChainUnavailable`."""
        look = await self._chain.look(max_age_s=max_age_s)
        for hotkey, axon in self._axons.items():
            neuron = look.metagraph.by_hotkey(hotkey)
            if neuron is None:
                continue
            if (neuron.ip, neuron.port) == (axon.ip, axon.port):
                self._stood.add(hotkey)
                continue
            if hotkey in self._stood:
                text = f"another process announced {at_port(neuron.ip, neuron.port)} with this hotkey: stop it"
                self._feed.raise_attention("error", f"axon of uid {neuron.uid}", text)
                self._stood.discard(hotkey)
            outcome = await self._send(axon)
            if outcome.ok and outcome.reason:
                self._feed.raise_attention("warning", f"axon of uid {neuron.uid}", outcome.reason)
            if not outcome.ok:
                text = f"{at_port(axon.ip, axon.port)} was not announced: {outcome.reason}"
                self._feed.raise_attention("warning", f"axon of uid {neuron.uid}", text)

    async def serve(self, hotkey: str, command: Serve) -> Outcome:
        """Announce the operator's address for one of our neurons, now and in future."""
        axon = replace(self._axons[hotkey], ip=command.ip, port=command.port)
        outcome = await self._send(axon)
        if outcome.ok:
            self._axons[hotkey] = axon
            self._stood.discard(hotkey)
        return outcome

    async def _send(self, axon: Axon) -> Outcome:
        outcome = await self._chain.serve_axon(hotkey=axon.hotkey, ip=axon.ip, port=axon.port)
        log.info("axon %s: %s %s", at_port(axon.ip, axon.port), outcome.status, outcome.reason)
        if outcome.ok and axon.near[1] and (trouble := await unreached(axon.ip, axon.port, near=axon.near)):
            return replace(outcome, reason=trouble)
        return outcome
