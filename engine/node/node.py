"""One running neuron: what every role shares, and the parts of its role."""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.wallets import Wallet
from engine.commands import (
    Acknowledge,
    AddCollateral,
    AddStake,
    AnyCommand,
    BringBack,
    OfColdkey,
    Register,
    RemoveStake,
    RestartService,
    Serve,
    SetMinCollateral,
    Stop,
)
from engine.feed import Feed
from engine.files import Whereabouts
from engine.keys import Signer
from engine.locks import FOLDER_LOCK
from engine.node.chain_watch import ChainWatch, chain_view
from engine.node.command_loop import OPERATOR, CommandLoop, not_while_read_only
from engine.node.heartbeat import STATUS_FILE, Heartbeat
from engine.node.node_store import NodeStore
from engine.node.part import Part, merged
from engine.node.record_watch import DATA_FOLDER, Housekeeping, RecordWatch
from engine.node.service_manager import ServiceManager
from engine.node.supervisor import Service, Supervisor
from engine.snapshot import LoopView, Snapshot
from engine.values import Guard, IfDeregistered, Outcome

LAST_LOOK_S = 0.5
"""How long a stopping run waits for a last look at its record: it promises to stop in 3 s, even on a hung disk."""


class Node:
    """A neuron of one subnet under one hotkey: what every role shares, and the `parts` that make its role.

    If two parts share a service, command, name or subject, the later one wins.
    """

    def __init__(
        self,
        parts: Sequence[Part],
        *,
        feed: Feed,
        store: NodeStore,
        chain: ChainClient,
        wallet: Wallet,
        folder: Path,
        read_only: bool,
        if_deregistered: IfDeregistered = "pause",
    ) -> None:
        supervisor = Supervisor(feed)
        files = Part(gone={DATA_FOLDER: Whereabouts(folder, folder / FOLDER_LOCK).lost, store.name: lambda: store.gone})
        whole = merged((files, _Everyones(feed, chain, wallet, supervisor).part(), *parts))
        changes = dict.fromkeys(whole.changes, not_while_read_only) if read_only else whole.changes
        commands = CommandLoop(feed, store, {**whole.handlers, **changes})
        record = RecordWatch(feed, store, whole.gone, whole.retries)
        watch = ChainWatch(chain, feed, whole.on_metagraph, if_lost=if_deregistered)
        view = _View(feed, chain, watch, wallet.guard, supervisor, commands, record, whole.views)
        heartbeat = Heartbeat(feed, view.compose, folder / STATUS_FILE)
        self._services: dict[str, Callable[[], Service]] = {
            "chain watch": lambda: watch,
            OPERATOR: lambda: commands,
            "heartbeat": lambda: heartbeat,
            "housekeeping": lambda: Housekeeping(feed, store, chain, whole.names),
            "record": lambda: record,
            **whole.services,
        }
        if manager := ServiceManager.of(feed):
            self._services["service manager"] = lambda: manager
        self._supervisor = supervisor
        self._commands = commands
        self._record = record
        self._view = view
        self._heartbeat = heartbeat

    async def obey(self, command: AnyCommand) -> Outcome:
        """Carry out one command and log it. Every failure is reported as an outcome."""
        return await self._commands.obey(command)

    def snapshot(self) -> Snapshot:
        """The current Snapshot, whether the node runs or not."""
        return self._view.compose(LoopView())

    async def run(self, until: str) -> None:
        """Run until the service `until` has done its work or a `Stop` arrives. Raises `Fatal`, StoreError."""
        await self._commands.load()
        try:
            await self._supervisor.run(self._services, until, OPERATOR)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_LOOK_S):
                    await self._record.look()
            self._heartbeat.publish()
            self._heartbeat.write_status()


class _View(Struct, frozen=True):
    """Makes the Snapshot of a node."""

    feed: Feed
    chain: ChainClient
    watch: ChainWatch
    coldkey: Guard
    supervisor: Supervisor
    commands: CommandLoop
    record: RecordWatch
    views: Sequence[Callable[[Snapshot], Snapshot]]

    def compose(self, loop: LoopView) -> Snapshot:
        """The current Snapshot."""
        snapshot = replace(
            self.feed.snapshot,
            at=time.time(),
            hotkey=self.chain.hotkey,
            services=self.supervisor.services,
            loop=loop,
            chain=chain_view(self.chain, role=self.feed.snapshot.role),
            metagraph=self.chain.seen.metagraph,
            subnet=self.watch.subnet,
            coldkey=self.coldkey,
            commands=self.commands.log,
            attention=self.feed.attention,
            record_gone=self.record.gone,
        )
        for add in self.views:
            snapshot = add(snapshot)
        return snapshot


class _Everyones(Struct, frozen=True):
    """The commands of every role."""

    feed: Feed
    chain: ChainClient
    wallet: Wallet
    supervisor: Supervisor

    def part(self) -> Part:
        """These commands as a part of a node."""
        return Part(
            handlers={Acknowledge: self.acknowledge, BringBack: self.bring_back, Stop: self.stop},
            changes={
                Register: self.register,
                AddStake: self.add_stake,
                RemoveStake: self.remove_stake,
                AddCollateral: self.add_collateral,
                SetMinCollateral: self.set_min_collateral,
                Serve: self.serve,
                RestartService: self.restart,
            },
        )

    async def acknowledge(self, command: Acknowledge) -> Outcome:
        if self.feed.acknowledge(command.id):
            return Outcome(status="ok")
        return Outcome(status="rejected", reason="there is nothing to acknowledge")

    async def bring_back(self, _command: BringBack) -> Outcome:
        if self.feed.bring_back():
            return Outcome(status="ok")
        return Outcome(status="rejected", reason="nothing that was acknowledged is left")

    async def stop(self, _command: Stop) -> Outcome:
        return Outcome(status="ok")

    async def restart(self, command: RestartService) -> Outcome:
        if command.service == OPERATOR:
            return Outcome(status="rejected", reason="this service runs the commands and cannot restart itself")
        if self.supervisor.restart(command.service):
            return Outcome(status="ok")
        return Outcome(status="rejected", reason=f"no service {command.service} runs")

    async def register(self, command: Register) -> Outcome:
        coldkey = await self.unlocked(command)
        return await self.chain.register(coldkey=coldkey, hotkey=self.hotkey, limit=command.limit)

    async def add_stake(self, command: AddStake) -> Outcome:
        coldkey = await self.unlocked(command)
        return await self.chain.add_stake(coldkey=coldkey, hotkey=self.hotkey, amount=command.amount)

    async def remove_stake(self, command: RemoveStake) -> Outcome:
        coldkey = await self.unlocked(command)
        return await self.chain.remove_stake(coldkey=coldkey, hotkey=self.hotkey, amount=command.amount)

    async def add_collateral(self, command: AddCollateral) -> Outcome:
        coldkey = await self.unlocked(command)
        return await self.chain.add_collateral(
            coldkey=coldkey, hotkey=self.hotkey, amount=command.amount, price=command.price
        )

    async def set_min_collateral(self, command: SetMinCollateral) -> Outcome:
        coldkey = await self.unlocked(command)
        return await self.chain.set_min_collateral(coldkey=coldkey, hotkey=self.hotkey, amount=command.amount)

    @property
    def hotkey(self) -> str:
        return self.wallet.hotkey.ss58_address

    async def unlocked(self, command: OfColdkey) -> Signer:
        """The coldkey, for this command alone. Raises `WalletError`."""
        return await asyncio.to_thread(self.wallet.unlocked, command.password)

    async def serve(self, command: Serve) -> Outcome:
        return await self.chain.serve_axon(hotkey=self.wallet.hotkey, ip=command.ip, port=command.port)
