"""One running neuron: what every role shares, and the parts of its role."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.wallets import Wallet
from engine.commands import Acknowledge, AnyCommand, Register, RestartService, Serve, Stop
from engine.errors import StoreError
from engine.feed import Feed
from engine.locks import FOLDER_LOCK
from engine.node.chain_watch import ChainWatch, chain_view
from engine.node.heartbeat import Heartbeat
from engine.node.operator import Operator, not_while_read_only
from engine.node.part import Part, merged
from engine.node.record_watch import DATA_FOLDER, Keeping, all_gone
from engine.node.supervisor import Supervisor
from engine.place import Place
from engine.snapshot import LoopView, Snapshot
from engine.store.errors import StoreGone, StoreLocked
from engine.store.schema import FILE_NAME as STORE_FILE
from engine.store.store import Store
from engine.values import Metagraph, Outcome

STATUS_FILE = "status.json"
PRUNE_EVERY_S = 3600.0
SHRINK_EVERY_S = 60.0
OPERATOR = "operator"


class Node:
    """A neuron of one subnet under one hotkey: what every role shares, and the `parts` that make its role.

    Where two parts have a service, command, name or subject in common, the later one decides.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        feed: Feed,
        store: Store,
        chain: ChainClient,
        wallet: Wallet,
        folder: Path,
        read_only: bool,
    ) -> None:
        self._feed = feed
        self._chain = chain
        self._wallet = wallet
        own = Part(
            handlers={Acknowledge: self._acknowledge, Stop: self._stop},
            changes={Register: self._register, Serve: self._serve, RestartService: self._restart},
            gone={DATA_FOLDER: Place(folder, folder / FOLDER_LOCK).lost, STORE_FILE: lambda: store.gone},
        )
        whole = merged((own, *parts))
        watch = ChainWatch(chain, feed, whole.on_metagraph)
        refused = dict.fromkeys(whole.changes, not_while_read_only)
        self._views = whole.views
        self._gone = whole.gone
        self._operator = Operator(feed, store, {**whole.handlers, **(refused if read_only else whole.changes)})
        self._heartbeat = Heartbeat(feed, self.compose, folder / STATUS_FILE)
        self._supervisor = Supervisor(
            feed,
            {
                "chain watch": lambda: watch,
                OPERATOR: lambda: self._operator,
                "heartbeat": lambda: self._heartbeat,
                "housekeeping": lambda: Housekeeping(feed, store, chain, whole.names),
                "record": lambda: Keeping(feed, store, whole.gone, whole.retries),
                **whole.services,
            },
        )

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
            self._feed.snapshot,
            at=time.time(),
            hotkey=self._wallet.hotkey.ss58_address,
            services=self._supervisor.services,
            loop=loop,
            chain=chain_view(self._chain),
            metagraph=self._chain.seen.metagraph,
            commands=self._operator.log,
            attention=self._feed.attention,
            record_gone=all_gone(self._gone),
        )
        for add in self._views:
            snapshot = add(snapshot)
        return snapshot

    async def _acknowledge(self, command: Acknowledge) -> Outcome:
        if self._feed.acknowledge(command.id):
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
        if self._wallet.coldkey is None:
            return Outcome(status="rejected", reason="registering needs the coldkey, which this wallet does not hold")
        return await self._chain.register(
            coldkey=self._wallet.coldkey, hotkey=self._wallet.hotkey.ss58_address, limit=command.limit
        )

    async def _serve(self, command: Serve) -> Outcome:
        return await self._chain.serve_axon(hotkey=self._wallet.hotkey, ip=command.ip, port=command.port)


class Housekeeping:
    """A service: keeps the store's list of neurons true and drops what is too old or too much."""

    def __init__(self, feed: Feed, store: Store, chain: ChainClient, names: Mapping[str, str]) -> None:
        self._feed = feed
        self._store = store
        self._chain = chain
        self._names = names

    async def run(self, started: Callable[[], None]) -> None:
        started()
        noted = Metagraph(netuid=self._chain.netuid, block=0)
        pruned_at = shrunk_at = -math.inf
        ahead_of_monotonic = time.time() - time.monotonic()  # a clock that jumps ahead makes no record old
        while True:
            metagraph = self._chain.seen.metagraph
            try:
                if metagraph is not noted and metagraph.neurons:
                    await self._note(metagraph)
                    noted = metagraph
                if time.monotonic() - shrunk_at > SHRINK_EVERY_S:
                    await self._shrink()
                    shrunk_at = time.monotonic()
                if time.monotonic() - pruned_at > PRUNE_EVERY_S:
                    await self._store.prune(min(time.time(), ahead_of_monotonic + time.monotonic()))
                    pruned_at = time.monotonic()
            except (StoreGone, StoreLocked):
                pass  # told of by the record watch, and by whoever has something to store
            except StoreError as error:
                self._feed.raise_attention("error", "store", str(error))
            await asyncio.sleep(1.0)

    async def _shrink(self) -> None:
        if rounds := await self._store.shrink():
            text = f"store_cap_mb is reached: the texts of {rounds} more of the oldest rounds were dropped"
            self._feed.raise_attention("warning", "store size", text)

    async def _note(self, metagraph: Metagraph) -> None:
        await self._store.note_neurons(
            metagraph.netuid,
            [(one.hotkey, one.coldkey, one.uid, self._names.get(one.hotkey, "")) for one in metagraph.neurons],
            at=time.time(),
        )
