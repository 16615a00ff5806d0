"""A whole node in one process: a real store, chain and judge under one supervisor, driven through the feed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from console.roles.session import exporter
from engine.chain.embedded import EmbeddedChain
from engine.chain.wallets import Wallet
from engine.commands import (
    AnyCommand,
    Export,
)
from engine.feed import Feed
from engine.judge.client import Judge
from engine.node.chain_watch import ChainWatch
from engine.node.node import Node
from engine.node.part import Part
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.validator.asking_half import AskingHalf, selection_of
from engine.validator.paying_half import PayingHalf
from engine.validator.selection import Selection
from engine.weights.plan import WeightPlan
from tests.unit.chain_helpers import NETUID, client_of, key, running_subnet
from tests.unit.engine_helpers import Obliging, Questions, a_feed, named, until


class NodeBench:
    """What a node is made of, the node of this run, and the answers to its commands."""

    def __init__(
        self,
        feed: Feed,
        store: Store,
        chain: EmbeddedChain,
        wallet: Wallet,
        folder: Path,
        *,
        read_only: bool = False,
        timeout_s: float = 60.0,
    ) -> None:
        self.feed = feed
        self.store = store
        self.chain = chain
        self.wallet = wallet
        self.folder = folder
        self.read_only = read_only
        self.client = client_of(chain, wallet.name, timeout_s=timeout_s)
        self.parts: tuple[Part, ...] = (Part(handlers={Export: exporter(folder)}),)
        self.node = self.build()

    def build(self, *parts: Part) -> Node:
        """The node with these parts added to those that it has."""
        self.parts += parts
        self.node = Node(
            self.parts, feed=self.feed, store=self.store, chain=self.client, wallet=self.wallet,
            folder=self.folder, read_only=self.read_only,
        )  # fmt: skip
        return self.node

    async def look(self) -> None:
        """Read the chain once, as the chain watch does."""
        await ChainWatch(self.client, self.feed, [hear for part in self.parts for hear in part.on_metagraph]).refresh()

    def next_run(self) -> "NodeBench":
        """The same folder, later."""
        return NodeBench(self.feed, self.store, self.chain, self.wallet, self.folder)

    async def answer(self, command: AnyCommand) -> tuple[str, str]:
        """Outcome and reason of a command, given through the feed."""
        before = len(named(self.feed, "command"))
        assert self.feed.submit(command, "asked")
        await until(lambda: len(named(self.feed, "command")) > before)
        said = named(self.feed, "command")[before]
        assert (said["command"], said["id"]) == (command.name, "asked")
        return said["outcome"], said["reason"]


@asynccontextmanager
async def a_bench(
    folder: Path, *, name: str = "validator", read_only: bool = False, timeout_s: float = 60.0
) -> AsyncIterator[NodeBench]:
    chain = await running_subnet(folder, miners=2)
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    feed, cold = a_feed(), key("cold")
    wallet = Wallet(name, key(name), cold.ss58_address, cold)
    try:
        yield NodeBench(feed, store, chain, wallet, folder, read_only=read_only, timeout_s=timeout_s)
    finally:
        await store.close()
        await chain.close()


@asynccontextmanager
async def running(bench: NodeBench, until_done: str) -> AsyncIterator["asyncio.Task[None]"]:
    task = asyncio.create_task(bench.node.run(until_done))
    try:
        await until(lambda: task.done() or {one.state for one in bench.feed.snapshot.services} == {"running"})
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


class ValidatorBench(NamedTuple):
    """A validator and the bench that it runs on."""

    bench: NodeBench
    selection: Selection
    asker: AskingHalf
    payer: PayingHalf

    @property
    def upcoming(self) -> WeightPlan:
        return self.payer.planner.plan(self.bench.client.seen)

    def view(self) -> Snapshot:
        return self.payer._view(self.bench.feed.snapshot)


@asynccontextmanager
async def a_validator(
    bench: NodeBench, *ids: str, interval: float = 0.0, read_only: bool = False, says: str = "42", **changed: Any
) -> AsyncIterator[ValidatorBench]:
    usual = Settings(
        role="validator",
        netuid=NETUID,
        interval=interval,
        allow_private=True,
        data_dir=bench.folder,
        seed=1,
        read_only=read_only,
    )
    settings = replace(usual, **changed)
    judge, caller = Judge("robust", "hashing"), Obliging(says)
    await judge.start()
    selection = selection_of(settings, bench.client.hotkey)
    payer = PayingHalf(
        settings, feed=bench.feed, store=bench.store, chain=bench.client, wallet=bench.wallet, selection=selection
    )
    asker = AskingHalf(
        settings, feed=bench.feed, store=bench.store, chain=bench.client, source=Questions(*ids), caller=caller,
        judge=judge, selection=selection, scores=payer.scores, sybil=payer.sybil,
    )  # fmt: skip
    await payer.load()
    await asker.load()
    bench.build(asker.part, payer.part)
    try:
        yield ValidatorBench(bench, selection, asker, payer)
    finally:
        await judge.close()


def restarts(bench: NodeBench, service: str) -> int:
    return next(one.restarts for one in bench.feed.snapshot.services if one.name == service)
