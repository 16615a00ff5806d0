"""Parts of a validator in processes of their own, which meet in Redis: a gateway, and an asking worker."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from uuid import uuid4

from console.errors import ConsoleError
from console.roles.beside import streams_of
from console.roles.gateway import server
from console.roles.miner import Serving
from console.roles.session import wallet_of
from engine.chain.wallets import THROWAWAY_HOTKEY, Wallet, load_throwaway
from engine.feed import Feed
from engine.gateway.board import PinnedMiners
from engine.gateway.demand import Demand
from engine.gateway.judged_elsewhere import JudgedElsewhere
from engine.gateway.ledger import Ledger
from engine.gateway.load import Load
from engine.gateway.organic import Organic
from engine.gateway.pinned_keys import PinnedKeys
from engine.gateway.relay import Relay
from engine.gateway.worker import AskingWorker
from engine.node.supervisor import Service, Supervisor
from engine.settings import Settings
from engine.streams.on_redis import RedisStreams
from engine.transport.callers import Callers
from engine.validator.dispatch import Dispatch
from engine.values import at_port
from miner_server.openai.access import Access
from miner_server.openai.shared_budgets import SharedBudgets

Services = Mapping[str, Callable[[], Service]]

GATEWAY = "gateway"
WORKER = "worker"
OPTION = "--host and --port"


async def run(name: str, settings: Settings, feed: Feed) -> None:
    """Run the gateway or a worker until it is cancelled. Raises `ConsoleError`, `MinerError` and `WalletError`."""
    async with AsyncExitStack() as stack:
        streams = streams_of(settings.redis, settings.netuid)
        stack.push_async_callback(streams.close)
        make = {GATEWAY: gateway, WORKER: worker}[name]
        services = make(settings, feed, streams, stack)
        feed.emit("started", role=name, netuid=settings.netuid, hotkey="", data_dir="", version=feed.snapshot.version)
        await Supervisor(feed).run(services, name)


def gateway(settings: Settings, feed: Feed, streams: RedisStreams, stack: AsyncExitStack) -> Services:
    """A door for users whose requests workers take."""
    relay, keys = Relay(streams), PinnedKeys(streams)
    stack.push_async_callback(relay.close)
    access = Access(keys, SharedBudgets(Ledger(streams)), public=settings.openai_public)
    serving = Serving(lambda port: server(settings, relay, access, settings.host, port, OPTION), settings.port)
    feed.raise_attention("info", GATEWAY, f"users' requests are answered at http://{at_port(*serving.address)}/v1")
    return {"relay": lambda: relay, "keys": lambda: keys, GATEWAY: serving}


def validators_wallet(settings: Settings) -> Wallet:
    """The validator's. Raises `WalletError`: a key of its own would be nobody's."""
    if settings.embedded and not settings.wallet_name:
        return load_throwaway(settings.data_dir / "wallets", "validator", THROWAWAY_HOTKEY)
    return wallet_of(settings, settings.data_dir)


def worker(settings: Settings, feed: Feed, streams: RedisStreams, stack: AsyncExitStack) -> Services:
    """Asks miners in the validator's name, for which it needs its hotkey."""
    wallet = validators_wallet(settings)
    try:
        caller = Callers(wallet.hotkey, usual=settings.dialect, allow_private=settings.allow_private)
    except ValueError as error:
        raise ConsoleError(f"--dialect: {error}") from error
    stack.push_async_callback(caller.close)
    name, miners = f"{WORKER}-{uuid4().hex}", PinnedMiners(streams, caller)
    dispatch = Dispatch(caller, timeout=settings.challenge_timeout, round_timeout=settings.round_timeout)
    rounds = JudgedElsewhere(dispatch, streams, name)
    demand = Demand(settings.gateway_rate, settings.gateway_context, settings.challenge_timeout)
    organic = Organic(rounds, miners, miners, asked=settings.gateway_sample, demand=demand, load=Load())
    feed.raise_attention("info", WORKER, f"asks miners in the name of {wallet.hotkey.ss58_address}")
    return {"miners": lambda: miners, WORKER: lambda: AskingWorker(name, streams, organic, rounds)}
