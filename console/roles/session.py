"""Opens and closes what every role needs: locks, keys, store, chain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from console.errors import ConsoleError
from console.roles.alerting import alerting
from engine.chain.client import ChainClient
from engine.chain.embedded import FILE_NAME as CHAIN_FILE
from engine.chain.embedded import EmbeddedChain, Sandbox
from engine.chain.interface import TIMELOCKED, Chain
from engine.chain.substrate import SubstrateChain
from engine.chain.wallets import Wallet, WalletError, load_wallet, throwaway
from engine.commands import Export
from engine.feed import Feed
from engine.folders import usable
from engine.locks import folder_lock, neuron_lock
from engine.node.node import Node
from engine.node.part import Handler, Part
from engine.settings import Settings
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.values import Hyperparameters, Outcome

DEMO_RULES = Hyperparameters(
    tempo=12, weights_rate_limit=6, serving_rate_limit=0, immunity_period=1000, stake_threshold=100.0
)
"""Epochs of a few seconds, so that a short demo has several. The stake threshold keeps miners from becoming validators
with what they earn."""


ONE_MECHANISM = "the embedded chain has one mechanism: leave --mechanism out"
OWN_FOLDER = "give this one a folder of its own with --data-dir"
NO_WALLET = "a real network needs a wallet: name yours with --wallet-name, --wallet-hotkey and --wallet-path"


class Session(Struct, frozen=True):
    """An opened run. `embedded` is its embedded chain; None on a real network."""

    settings: Settings
    folder: Path
    feed: Feed
    store: Store
    embedded: EmbeddedChain | None
    chain: ChainClient
    wallet: Wallet

    @property
    def wallets(self) -> Path:
        """The folder of throwaway keys."""
        return self.folder / "wallets"

    @property
    def sandbox(self) -> Sandbox | None:
        """Sets up neurons on the embedded chain without their coldkeys; a real network has none.

        A read-only run leaves a chain alone that it shares. One of its own it sets up: it would show nothing.
        """
        is_others = self.settings.shared_chain is not None
        return None if self.settings.read_only and is_others else self.embedded

    async def join(self, wallet: Wallet, *, stake: float = 0.0) -> None:
        """Register one of our wallets on the embedded chain, with stake.

        Does nothing without a sandbox: on a real network the operator registers with the coldkey.
        """
        if self.sandbox is not None:
            hotkey = wallet.hotkey.ss58_address
            # With an unknown coldkey the hotkey stands in for it: nothing on this chain has value.
            await self.sandbox.adopt(hotkey, wallet.coldkey_address or hotkey, stake=stake)

    def node(self, *parts: Part) -> Node:
        """A neuron made of these parts and those of every role: exports, alerts, and the embedded chain's service."""
        exports = Part(handlers={Export: exporter(self.folder)})
        return Node(
            (*_own_chain(self.embedded), exports, alerting(self.settings, self.feed), *parts),
            feed=self.feed,
            store=self.store,
            chain=self.chain,
            wallet=self.wallet,
            folder=self.folder,
            read_only=self.settings.read_only,
            if_deregistered=self.settings.if_deregistered,
        )


@asynccontextmanager
async def opened(settings: Settings, folder: Path, feed: Feed) -> AsyncIterator[Session]:
    """Open everything, in an order that leaves nothing open if a step fails.

    Raises whatever makes a run impossible; `ChainUnavailable` if no node answers.
    """
    async with AsyncExitStack() as stack:
        with usable(folder):
            wallet = wallet_of(settings, folder)
            stack.enter_context(neuron_lock(wallet.hotkey.ss58_address, settings.netuid, folder))
            stack.enter_context(folder_lock(folder, otherwise=OWN_FOLDER))
        store = await Store.open(
            folder / FILE_NAME,
            retention_days=settings.retention_days,
            cap_mb=settings.store_cap_mb,
            users_hours=settings.organic_retention,
        )
        stack.push_async_callback(store.close)
        if settings.embedded and settings.mechanism:
            raise ConsoleError(ONE_MECHANISM)
        embedded = await _embedded(settings, folder) if settings.embedded else None
        reached: Chain = embedded or await SubstrateChain.open(settings.network, mechanism=settings.mechanism)
        stack.push_async_callback(reached.close)
        chain = ChainClient(
            reached,
            netuid=settings.netuid,
            hotkey=wallet.hotkey.ss58_address,
            coldkey=wallet.coldkey_address,
        )
        yield Session(settings, folder, feed, store, embedded, chain, wallet)


def _own_chain(embedded: EmbeddedChain | None) -> tuple[Part, ...]:
    """The part that makes the embedded chain's blocks."""
    if embedded is None:
        return ()
    return (Part(services={"chain": lambda: embedded}, gone={CHAIN_FILE: lambda: embedded.gone}),)


async def _embedded(settings: Settings, folder: Path) -> EmbeddedChain:
    return await EmbeddedChain.open(
        (settings.shared_chain or folder) / CHAIN_FILE,
        netuid=settings.netuid,
        block_time=settings.block_time,
        hyperparameters=_rules(settings),
        seed=settings.seed or 0,
        shared=settings.shared_chain is not None,
    )


def _rules(settings: Settings) -> Hyperparameters | None:
    """The demo's rules, which also apply to a new shared chain; None keeps those of the chain."""
    short = settings.role == "demo" or settings.shared_chain
    if not short:
        return None
    return replace(DEMO_RULES, commit_reveal=settings.commit_reveal, commit_reveal_version=TIMELOCKED)


def wallet_of(settings: Settings, folder: Path) -> Wallet:
    """The operator's wallet if one is named, else a throwaway one for the embedded chain. Raises WalletError."""
    if not settings.wallet_name:
        if not settings.embedded:
            raise WalletError(NO_WALLET)
        return throwaway(folder / "wallets", "miner" if settings.role == "miner" else "validator")
    return load_wallet(settings.wallet_path, settings.wallet_name, settings.wallet_hotkey)


def exporter(folder: Path) -> Handler:
    """Handles `Export` for the data in `folder`."""
    return partial(_export, folder)


async def _export(folder: Path, command: Export) -> Outcome:
    if command.out in ("", "-"):
        return Outcome(status="rejected", reason="name a file: stdout is in use while the engine runs")
    try:
        await asyncio.to_thread(_write, folder, command)
    except ConsoleError as error:
        return Outcome(status="rejected", reason=str(error))
    return Outcome(status="ok")


def _write(folder: Path, command: Export) -> None:
    from console.export import export

    out = Path(command.out).expanduser()
    export(command.table, data_dir=folder, since=command.since, format=command.format, out=out)
