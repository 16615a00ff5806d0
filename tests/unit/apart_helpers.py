"""A validator, asking workers and gateways that meet in streams, in one process: each part as it runs apart."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from engine.gateway.board import PinnedMiners, Pinner, pinned_miners
from engine.gateway.demand import Demand
from engine.gateway.judged_elsewhere import JudgedElsewhere, JudgeForOthers
from engine.gateway.load import Load
from engine.gateway.messages import MINERS
from engine.gateway.organic import Organic
from engine.gateway.relay import Relay
from engine.gateway.worker import AskingWorker
from engine.store.store import Store
from engine.streams.interface import Streams
from engine.validator.dispatch import Dispatch
from tests.unit.engine_helpers import until
from tests.unit.test_gateway_organic import Speaking
from tests.unit.test_validator import Bench, a_bench


class Dialects:
    """Remembers what was chosen."""

    def __init__(self) -> None:
        self.chosen: Mapping[str, str] = {}

    def choose(self, dialects: Mapping[str, str]) -> None:
        self.chosen = dialects


class Apart:
    """The parts that run now. `caller` is how workers reach miners, `bench` the validator."""

    def __init__(self, bench: Bench, streams: Streams, stack: AsyncExitStack) -> None:
        self.bench = bench
        self.streams = streams
        self.caller = Speaking()
        self.dialects = Dialects()
        self._stack = stack
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def start(self, name: str, service: Any) -> None:
        """Run a service until the end, or until it is killed."""
        started = asyncio.Event()
        task = self._tasks[name] = asyncio.create_task(service.run(started.set))
        self._stack.push_async_callback(self.kill, name)
        await started.wait()
        assert not task.done()

    async def kill(self, name: str) -> None:
        task = self._tasks[name]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def judge(self, name: str = "validator") -> None:
        told: Callable[[], bytes] = lambda: pinned_miners(self.bench.selection, self.bench.scores, lambda _: "btauth")  # noqa: E731
        await self.start(f"{name} told", Pinner(self.streams, MINERS, told))
        await self.start(name, JudgeForOthers(name, self.streams, self.bench.rounds))

    async def worker(self, name: str) -> AskingWorker:
        miners = PinnedMiners(self.streams, self.dialects)
        rounds = JudgedElsewhere(Dispatch(self.caller, timeout=20.0, round_timeout=25.0), self.streams, name)
        organic = Organic(rounds, miners, miners, asked=3, demand=Demand(30, 8192, 60.0), load=Load())
        worker = AskingWorker(name, self.streams, organic, rounds)
        await self.start(f"{name} miners", miners)
        await until(lambda: miners.willing)
        await self.start(name, worker)
        return worker

    async def gateway(self, name: str = "gateway") -> Relay:
        relay = Relay(self.streams)
        await self.start(name, relay)
        self._stack.push_async_callback(relay.close)
        await until(lambda: not relay.unwilling)
        return relay


@asynccontextmanager
async def apart(store: Store, streams: Streams) -> AsyncIterator[Apart]:
    """A validator alone; its tests start the rest."""
    async with a_bench(store) as bench, AsyncExitStack() as stack:
        parts = Apart(bench, streams, stack)
        await parts.judge()
        yield parts
