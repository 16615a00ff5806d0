"""Runs the template's services, each at an address of its own: one, or all four in one process."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp

from console.chain.sight import looking
from console.errors import ConsoleError
from console.roles.apart import validators_wallet
from console.roles.beside import streams_of
from console.roles.door import Door
from console.template.apps import managing, scoring, sidecar, synthesizing
from console.template.book import Book, MemoryBook, RedisBook
from console.template.nodes import NODES, TemplateNode, nodes_of, write_nodes
from engine.chain.embedded.state_file import ChainDataError
from engine.chain.interface import ChainUnavailable
from engine.chain.wallets import WalletError
from engine.feed import Feed
from engine.node.supervisor import Service, Supervisor
from engine.quotas import MemoryUse, QuotaTerms, RedisUse, UseBook
from engine.settings import Settings
from engine.streams.interface import Streams, StreamsGone
from engine.streams.memory import MemoryStreams
from engine.text import safe

log = logging.getLogger(__name__)

PORTS = {"sidecar": 9001, "managing": 9002, "scoring": 9003, "synthesizing": 9004}
"""The template's."""

ALL = "template"
TEMPLATE = (*PORTS, ALL)
LOOPBACK = "127.0.0.1"
OPTION = "--host and --port"

LOOK_S = 60.0
"""Between two looks at the chain: the template's sidecar looks every ten minutes, and its quotas are as old."""

LOOK_AGAIN_S = 5.0
PINNED_S = 20 * LOOK_S
"""Nodes hold through a chain that is away for a while."""


async def run(name: str, settings: Settings, feed: Feed, host: str, port: int | None) -> None:
    """Run one of `TEMPLATE` until it is cancelled, at `port` or the usual one. Raises `ConsoleError`, `MinerError`."""
    if name == ALL and port is not None:
        raise ConsoleError(
            f"all four have ports of their own, {min(PORTS.values())} and those after it: leave --port out"
        )
    if name == "managing" and not settings.redis:
        raise ConsoleError("managing apart from the sidecar needs --redis URL, through which it learns the nodes")
    over_redis = streams_of(settings.redis, settings.netuid) if settings.redis else None
    streams: Streams = over_redis or MemoryStreams()
    book: Book = RedisBook(over_redis) if over_redis is not None else MemoryBook()
    terms = QuotaTerms()
    use: UseBook = RedisUse(over_redis, terms.epoch_s) if over_redis is not None else MemoryUse()
    try:
        services: dict[str, Callable[[], Service]] = {}
        nodes = Nodes(settings, streams)
        makers: Mapping[str, Callable[[], ASGIApp]] = {
            "sidecar": lambda: sidecar(lambda: nodes.known, nodes.status),
            "managing": lambda: managing(streams, book, use, terms),
            "scoring": scoring,
            "synthesizing": synthesizing,
        }
        names = tuple(PORTS) if name == ALL else (name,)
        for one in names:
            door = Door(host, PORTS[one] if port is None else port, makers[one](), name=one, option=OPTION)
            feed.raise_attention("info", one, f"listens at {door.url}")
            services[one] = _the(door)
        if "sidecar" in names:
            services["nodes"] = lambda: nodes
        feed.emit("started", role=name, netuid=settings.netuid, hotkey="", data_dir="", version=feed.snapshot.version)
        await Supervisor(feed).run(services, names[0])
    finally:
        await streams.close()


def _the(door: Door) -> Callable[[], Service]:
    return lambda: door


class Nodes:
    """A service: looks at the subnet, and pins its nodes for the managing service."""

    def __init__(self, settings: Settings, streams: Streams) -> None:
        self._settings = settings
        self._streams = streams
        self.known: tuple[TemplateNode, ...] | None = None
        """The subnet's nodes; None before the first look."""
        self._hotkey, self._fault = _own_hotkey(settings)

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            pause = LOOK_S if await self.look() else LOOK_AGAIN_S
            await asyncio.sleep(pause)

    async def look(self) -> bool:
        """Look once. False if it has to be tried again soon."""
        try:
            self.known = await asyncio.to_thread(self._read)
            await self._streams.pin(NODES, write_nodes(self.known), PINNED_S)
        except (ChainUnavailable, ChainDataError, ConsoleError, StreamsGone) as error:
            log.warning("the nodes are as they were: %s", error)
            return False
        return True

    def status(self) -> dict[str, Any]:
        """This validator's own standing."""
        uid = next((node.uid for node in self.known or () if node.hotkey == self._hotkey), None)
        if uid is not None:
            return {"ss58_address": self._hotkey, "uid": uid, "status": "registered"}
        error = self._fault or f"not registered on netuid {self._settings.netuid}"
        return {"ss58_address": self._hotkey, "uid": None, "status": "error", "error": safe(error)}

    def _read(self) -> tuple[TemplateNode, ...]:
        with looking(self._settings) as look:
            return nodes_of(look().metagraph)


def _own_hotkey(settings: Settings) -> tuple[str, str]:
    """The validator's hotkey, or why it is not known."""
    try:
        return validators_wallet(settings).hotkey.ss58_address, ""
    except WalletError as error:
        return "", str(error)
