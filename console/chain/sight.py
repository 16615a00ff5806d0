"""A look at the chain without an engine: from the embedded chain's file, or a node."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from console.errors import ConsoleError
from engine.chain.embedded import FILE_NAME
from engine.chain.embedded.look import look_of
from engine.chain.embedded.state import ChainState
from engine.chain.embedded.state_file import read_state
from engine.chain.interface import Look
from engine.chain.substrate import SubstrateChain
from engine.node.chain_watch import endpoint_views
from engine.settings import Settings
from engine.snapshot import EndpointView

PRICE_EVERY, PRICES_BACK = 30, 240
"""Earlier prices are read at this distance and this far back, in blocks: most nodes keep the state of the last 256."""


class Looking(Protocol):
    """Looks at the settings' subnet. May raise `ChainUnavailable`."""

    @property
    def endpoints(self) -> tuple[EndpointView, ...]:
        """The endpoints with their health; empty for the embedded chain."""
        ...

    def __call__(self, hotkey: str = "", coldkey: str = "") -> Look: ...

    def prices_before(self, block: int) -> tuple[tuple[int, float], ...]:
        """Earlier blocks with their registration price, oldest first: those of the last hour that a node keeps."""
        ...


class _AtFile(Struct, frozen=True):
    state: ChainState
    endpoints: tuple[EndpointView, ...] = ()

    def __call__(self, hotkey: str = "", coldkey: str = "") -> Look:
        return look_of(self.state, hotkey=hotkey, coldkey=coldkey)

    def prices_before(self, block: int) -> tuple[tuple[int, float], ...]:  # noqa: ARG002 it keeps the newest alone
        return ()


class _AtNode(Struct, frozen=True):
    runner: asyncio.Runner
    chain: SubstrateChain
    netuid: int

    @property
    def endpoints(self) -> tuple[EndpointView, ...]:
        return endpoint_views(self.chain)

    def __call__(self, hotkey: str = "", coldkey: str = "") -> Look:
        return self.runner.run(self._looked(hotkey, coldkey))

    def prices_before(self, block: int) -> tuple[tuple[int, float], ...]:
        earlier = range(block - PRICE_EVERY, max(0, block - PRICES_BACK) - 1, -PRICE_EVERY)
        return tuple(reversed(self.runner.run(self.chain.prices(self.netuid, earlier))))

    async def _looked(self, hotkey: str, coldkey: str) -> Look:
        await self.chain.block()  # by the heads an endpoint is seen to be stuck or behind
        return await self.chain.look(self.netuid, hotkey=hotkey, coldkey=coldkey)


@contextmanager
def looking(settings: Settings) -> Iterator[Looking]:
    """The way to look at this configuration's chain. Raises ConsoleError, `ChainDataError`, `ChainUnavailable`."""
    if settings.embedded:
        yield _AtFile(_state(settings))
        return
    with asyncio.Runner() as runner:
        chain = runner.run(SubstrateChain.open(settings.network, mechanism=settings.mechanism))
        try:
            yield _AtNode(runner, chain, settings.netuid)
        finally:
            runner.run(chain.close())


def require_data(settings: Settings) -> None:
    """Raises ConsoleError if the network is the embedded chain but the data folder has none."""
    path = _path(settings)
    if settings.embedded and not path.exists():
        raise ConsoleError(f"no embedded chain in {path.parent}: `launch` creates one; name its folder with --data-dir")


def _state(settings: Settings) -> ChainState:
    """The embedded chain's state in its file. Raises ConsoleError, `ChainDataError`."""
    require_data(settings)
    path = _path(settings)
    state = read_state(path)
    if state is None:
        raise ConsoleError(f"the embedded chain in {path.parent} has no blocks yet")
    if state.netuid != settings.netuid:
        held = f"{path} holds netuid {state.netuid}, not {settings.netuid}"
        raise ConsoleError(f"{held}: use --netuid {state.netuid}")
    return state


def _path(settings: Settings) -> Path:
    return Path(settings.shared_chain or settings.data_dir) / FILE_NAME
