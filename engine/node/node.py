"""One running neuron: what every role shares, put together. A role adds its services, commands and views."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from msgspec.structs import replace

from engine.chain.deadline import deadline
from engine.chain.interface import Chain
from engine.chain.wallets import Wallet
from engine.commands import Acknowledge, AnyCommand, Register, RestartService, Serve, Stop
from engine.errors import StoreError
from engine.feed import Feed
from engine.locks import FOLDER_LOCK
from engine.node.chain_watch import ChainWatch
from engine.node.heartbeat import Heartbeat
from engine.node.operator import Handler, Operator, not_while_read_only
from engine.node.record_watch import DATA_FOLDER, Keeping, all_gone
from engine.node.supervisor import Service, Supervisor
from engine.place import Place
from engine.snapshot import LoopView, Snapshot
from engine.store.errors import StoreGone, StoreLocked
from engine.store.schema import FILE_NAME as STORE_FILE
from engine.store.store import Store
from engine.values import Metagraph, Outcome

STATUS_FILE = "status.json"
PRUNE_EVERY_S = 3600.0
SHRINK_EVERY_S = 60.0
CHAIN_TIMEOUT_S = 60.0
OPERATOR = "operator"


class Node:
    """A neuron of one subnet under one hotkey.

    `services` are run by name, `handlers` carry out commands by type, `views` each add their part to a Snapshot,
    `on_metagraph` get each metagraph that is read, `names` are what hotkeys are called, `gone` says by subject
    what of the record was deleted or replaced, and `retries` store what waits. Fill them, then `run`.
    """

    def __init__(
        self, *, feed: Feed, store: Store, chain: Chain, wallet: Wallet, netuid: int, folder: Path, read_only: bool
    ) -> None:
        self.feed = feed
        self.store = store
        self.chain = chain
        self.wallet = wallet
        self.netuid = netuid
        self.read_only = read_only
        self.names: dict[str, str] = {}
        self.watch = ChainWatch(
            chain,
            netuid=netuid,
            hotkey=wallet.hotkey.ss58_address,
            coldkey=wallet.coldkey_address,
            feed=feed,
            on_metagraph=self._see,
        )
        self.handlers: dict[type, Handler] = {Acknowledge: self._acknowledge, Stop: self._stop}
        self.handle_unless_read_only({Register: self._register, Serve: self._serve, RestartService: self._restart})
        self._operator = Operator(feed, store, self.handlers)
        self.views: list[Callable[[Snapshot], Snapshot]] = []
        self.on_metagraph: list[Callable[[Metagraph], None]] = []
        self.gone: dict[str, Callable[[], str]] = {
            DATA_FOLDER: Place(folder, folder / FOLDER_LOCK).lost,
            STORE_FILE: lambda: store.gone,
        }
        self.retries: list[Callable[[], Awaitable[None]]] = []
        self._heartbeat = Heartbeat(feed, self.compose, folder / STATUS_FILE)
        self.services: dict[str, Callable[[], Service]] = {
            "chain watch": lambda: self.watch,
            OPERATOR: lambda: self._operator,
            "heartbeat": lambda: self._heartbeat,
            "housekeeping": lambda: Housekeeping(self),
            "record": lambda: Keeping(feed, store, self.gone, self.retries),
        }
        self._supervisor = Supervisor(feed, self.services)

    def handle_unless_read_only(self, handlers: Mapping[type, Handler]) -> None:
        """Add handlers of commands that change something beyond this screen: a read-only run refuses them."""
        self.handlers |= dict.fromkeys(handlers, not_while_read_only) if self.read_only else handlers

    async def obey(self, command: AnyCommand) -> Outcome:
        """Carry out one command, and note it in the command log. Every failure is an outcome in words."""
        return await self._operator.obey(command)

    async def run(self, until: str) -> None:
        """Run everything until the service `until` has done its work, or a `Stop` came. Raises `Fatal`, StoreError."""
        await self._operator.load()
        try:
            await self._supervisor.run(until, OPERATOR)
        finally:
            self._heartbeat.publish()
            self._heartbeat.write_status()

    def compose(self, loop: LoopView) -> Snapshot:
        """What is to be seen now."""
        snapshot = replace(
            self.feed.snapshot,
            at=time.time(),
            hotkey=self.wallet.hotkey.ss58_address,
            services=self._supervisor.services,
            loop=loop,
            chain=self.watch.view(),
            metagraph=self.watch.metagraph,
            commands=self._operator.log,
            attention=self.feed.attention,
            record_gone=all_gone(self.gone),
        )
        for add in self.views:
            snapshot = add(snapshot)
        return snapshot

    def _see(self, metagraph: Metagraph) -> None:
        for tell in self.on_metagraph:
            tell(metagraph)

    async def _acknowledge(self, command: Acknowledge) -> Outcome:
        if self.feed.acknowledge(command.id):
            return Outcome(status="ok")
        return Outcome(status="rejected", reason="there is nothing to acknowledge")

    async def _stop(self, _command: Stop) -> Outcome:
        return Outcome(status="ok")

    async def _restart(self, command: RestartService) -> Outcome:
        if command.service == OPERATOR:
            return Outcome(status="rejected", reason="it is the operator that carries this out")
        if self._supervisor.restart(command.service):
            return Outcome(status="ok")
        return Outcome(status="rejected", reason=f"no service {command.service} runs")

    async def _register(self, command: Register) -> Outcome:
        if self.wallet.coldkey is None:
            return Outcome(status="rejected", reason="registering needs the coldkey, which this wallet does not hold")
        async with deadline(self.chain, CHAIN_TIMEOUT_S):
            return await self.chain.register(
                self.netuid,
                coldkey=self.wallet.coldkey,
                hotkey=self.wallet.hotkey.ss58_address,
                limit=command.limit,
            )

    async def _serve(self, command: Serve) -> Outcome:
        async with deadline(self.chain, CHAIN_TIMEOUT_S):
            return await self.chain.serve_axon(self.netuid, hotkey=self.wallet.hotkey, ip=command.ip, port=command.port)


class Housekeeping:
    """A service: keeps the store's list of neurons true and drops what is too old or too much."""

    def __init__(self, node: Node) -> None:
        self._node = node

    async def run(self, started: Callable[[], None]) -> None:
        started()
        noted = Metagraph(netuid=self._node.netuid, block=0)
        pruned_at = shrunk_at = -math.inf
        ahead_of_monotonic = time.time() - time.monotonic()  # a clock that jumps ahead makes no record old
        while True:
            metagraph = self._node.watch.metagraph
            try:
                if metagraph is not noted and metagraph.neurons:
                    await self._note(metagraph)
                    noted = metagraph
                if time.monotonic() - shrunk_at > SHRINK_EVERY_S:
                    await self._shrink()
                    shrunk_at = time.monotonic()
                if time.monotonic() - pruned_at > PRUNE_EVERY_S:
                    await self._node.store.prune(min(time.time(), ahead_of_monotonic + time.monotonic()))
                    pruned_at = time.monotonic()
            except (StoreGone, StoreLocked):
                pass  # told of by the record watch, and by whoever has something to store
            except StoreError as error:
                self._node.feed.raise_attention("error", "store", str(error))
            await asyncio.sleep(1.0)

    async def _shrink(self) -> None:
        if rounds := await self._node.store.shrink():
            text = f"store_cap_mb is reached: the texts of {rounds} more of the oldest rounds were dropped"
            self._node.feed.raise_attention("warning", "store size", text)

    async def _note(self, metagraph: Metagraph) -> None:
        names = self._node.names
        await self._node.store.note_neurons(
            metagraph.netuid,
            [(one.hotkey, one.coldkey, one.uid, names.get(one.hotkey, "")) for one in metagraph.neurons],
            at=time.time(),
        )
