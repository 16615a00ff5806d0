"""What stands on the chain, read beside a running engine and without its locks."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from console.chain.keys import own_hotkey
from console.errors import ConsoleError, ExitCode
from console.export.output import time_text
from console.faults import told
from console.network import require_embedded
from engine.chain.embedded import FILE_NAME
from engine.chain.embedded.look import look
from engine.chain.embedded.reads import StateReads
from engine.errors import StoreError
from engine.settings import Settings
from engine.store.past import open_past
from engine.store.schema import FILE_NAME as STORE_FILE
from engine.values import Metagraph, Neuron, at_port

LOG_LINES = 100

Found = dict[str, Any]


def require_chain(settings: Settings) -> Path:
    """The embedded chain's file. Raises ConsoleError when there is none, and for any other network."""
    require_embedded(settings)
    path = Path(settings.data_dir) / FILE_NAME
    if not path.exists():
        raise ConsoleError(
            f"no embedded chain is in {path.parent}: `launch` makes one; name its folder with --data-dir"
        )
    return path


def metagraph(settings: Settings) -> Found:
    """Every neuron of the subnet."""

    async def read(chain: StateReads) -> Found:
        found = await chain.metagraph(settings.netuid)
        return {
            "network": chain.network,
            "netuid": found.netuid,
            "block": found.block,
            "neurons": [_neuron(one) for one in found.neurons],
        }

    return _read(settings, read)


def hyperparameters(settings: Settings) -> Found:
    """The subnet's rules of this block."""

    async def read(chain: StateReads) -> Found:
        rules: Found = msgspec.to_builtins(await chain.hyperparameters(settings.netuid))
        block, epoch = await chain.block(), await chain.next_epoch(settings.netuid)
        return {"network": chain.network, "netuid": settings.netuid, "block": block, "next_epoch": epoch, **rules}

    return _read(settings, read)


def neuron(settings: Settings, who: str) -> Found:
    """One neuron, by uid or hotkey, this wallet's by default: its weights and commits on chain beside its row."""

    async def read(chain: StateReads) -> Found:
        found = await chain.metagraph(settings.netuid)
        one = _named(found, who or own_hotkey(settings))
        commits = await chain.commits(settings.netuid, one.hotkey)
        return {
            "network": chain.network,
            "netuid": found.netuid,
            "block": found.block,
            **_neuron(one),
            "balance": await chain.balance(one.coldkey),
            "weights": dict(await chain.weights(settings.netuid, one.uid)),
            "commits": [msgspec.to_builtins(commit) for commit in commits],
        }

    return _read(settings, read)


def stake(settings: Settings) -> Found:
    """The stake on this wallet's hotkey, and what its coldkey has."""
    found = neuron(settings, "")
    return {
        name: found[name] for name in ("network", "netuid", "block", "uid", "hotkey", "coldkey", "stake", "balance")
    }


def log(settings: Settings) -> Found:
    """The last commands to the engine and the chain, newest first, and what became of them."""
    path = require_chain(settings).with_name(STORE_FILE)
    try:
        with open_past(path) as past:
            lines = past.commands(math.inf, LOG_LINES)
    except StoreError as error:
        raise ConsoleError(str(error)) from error
    return {"commands": [{**msgspec.to_builtins(line), "at": time_text(line.at)} for line in lines]}


def _read(settings: Settings, read: Callable[[StateReads], Awaitable[Found]]) -> Found:
    path = require_chain(settings)

    async def answered() -> Found:
        state = look(path)
        if state is None:
            raise ConsoleError(f"the embedded chain in {path.parent} has no block yet")
        if state.netuid != settings.netuid:
            held = f"{path} holds netuid {state.netuid}, not {settings.netuid}"
            raise ConsoleError(f"{held}: use --netuid {state.netuid}")
        return await read(StateReads(state))

    with told():
        return asyncio.run(answered())


def _named(found: Metagraph, who: str) -> Neuron:
    one = next((one for one in found.neurons if who in (str(one.uid), one.hotkey)), None)
    if one is None:
        what = f"uid {who}" if who.isdigit() else f"hotkey {who}"
        raise ConsoleError(f"{what} is not registered on netuid {found.netuid}", ExitCode.NOT_REGISTERED)
    return one


def _neuron(one: Neuron) -> Found:
    fields: Found = msgspec.to_builtins(one)
    return {**fields, "axon": at_port(one.ip, one.port) if one.serving else ""}
