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
from engine.snapshot import About
from engine.values import Outcome, at_port

log = logging.getLogger(__name__)

CHECK_EVERY_S = 30.0
"""Half of the chain watch's minute: a changed address is seen at its next look."""

MAX_AGE_S = 90.0
"""The chain watch looks once a minute, and its last look is recent enough."""

REACH = "address"
"""Subject of the attention line about an announced address that does not lead here."""


class Axon(Struct, frozen=True):
    """A hotkey and its public address. `near` is where its server listens on this machine.

    One that is not `kept` has whatever address is on chain.
    """

    hotkey: Signer
    ip: str
    port: int
    near: tuple[str, int] = ("", 0)
    kept: bool = True

    @property
    def is_elsewhere(self) -> bool:
        """Whether others call another address than the one listened at."""
        return bool(self.near[1]) and (self.ip, self.port) != self.near


class Axons:
    """A service. Announces an axon when the chain has a different address for it, and again after a refusal.

    An address that stands on chain is tried, from here, until it has led to our server once.
    """

    def __init__(self, chain: ChainClient, axons: Iterable[Axon], feed: Feed) -> None:
        self._chain = chain
        self._axons = {axon.hotkey.ss58_address: axon for axon in axons}
        self._feed = feed
        self._stood: set[str] = set()
        self._reached: dict[str, Axon] = {}

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await asyncio.sleep(CHECK_EVERY_S)
            try:
                await self.announce(max_age_s=MAX_AGE_S)
                await self.probe()
            except ChainUnavailable as error:
                self._feed.raise_attention("warning", "axon", f"cannot announce the axon: {error}", About("server"))

    async def announce(self, *, max_age_s: float = 0.0) -> None:
        """Announce every axon that differs from a look at most `max_age_s` old. Raises `ChainUnavailable`."""
        look = await self._chain.look(max_age_s=max_age_s)
        for hotkey, axon in self._axons.items():
            neuron = look.metagraph.by_hotkey(hotkey)
            if neuron is None:
                continue
            if not axon.kept and neuron.serving:
                self._axons[hotkey] = axon = replace(axon, ip=neuron.ip, port=neuron.port)
            if (neuron.ip, neuron.port) == (axon.ip, axon.port):
                self._stood.add(hotkey)
                continue
            if not axon.kept:
                continue
            if hotkey in self._stood:
                text = f"another process announced {at_port(neuron.ip, neuron.port)} with this hotkey: stop it"
                self._feed.raise_attention("error", f"axon of uid {neuron.uid}", text, About("server"))
                self._stood.discard(hotkey)
            outcome = await self._send(axon)
            if not outcome.ok:
                text = f"{at_port(axon.ip, axon.port)} was not announced: {outcome.reason}"
                self._feed.raise_attention("warning", f"axon of uid {neuron.uid}", text, About("server"))

    async def probe(self) -> None:
        """Report an address that stands on chain and does not lead here, until it does."""
        for hotkey, axon in self._axons.items():
            if hotkey not in self._stood or not axon.is_elsewhere or self._reached.get(hotkey) == axon:
                continue
            trouble = await unreached(axon.ip, axon.port, near=axon.near)
            if trouble:
                self._feed.hold_attention("warning", REACH, trouble, About("server"))
            elif trouble is not None:
                self._reached[hotkey] = axon
                self._feed.settle(REACH, f"{at_port(axon.ip, axon.port)} leads here")

    async def serve(self, hotkey: str, command: Serve) -> Outcome:
        """Announce the operator's address for one of our neurons, now and in future."""
        axon = replace(self._axons[hotkey], ip=command.ip, port=command.port, kept=True)
        outcome = await self._send(axon)
        if outcome.ok:
            self._axons[hotkey] = axon
            self._stood.discard(hotkey)
            if axon.is_elsewhere and (trouble := await unreached(axon.ip, axon.port, near=axon.near)):
                return replace(outcome, reason=trouble)
        return outcome

    async def _send(self, axon: Axon) -> Outcome:
        outcome = await self._chain.serve_axon(hotkey=axon.hotkey, ip=axon.ip, port=axon.port)
        log.info("axon %s: %s %s", at_port(axon.ip, axon.port), outcome.status, outcome.reason)
        return outcome
