"""A miner's server under the supervisor."""

import asyncio
import json

import httpx
import pytest

from console.roles.miner import Serving
from engine.node import supervisor as supervisor_module
from engine.node.supervisor import Supervisor
from miner_server.server import MinerServer
from tests.unit.engine_helpers import a_feed, until
from tests.unit.miner_helpers import ObedientBackend, make_server


async def test_a_server_that_fails_is_made_afresh_at_the_same_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_S", 0.01)
    backends: list[ObedientBackend] = []

    def make(port: int) -> MinerServer:
        backends.append(ObedientBackend())
        return make_server(backends[-1], port=port)

    serving = Serving(make, 0)
    address = serving.address
    assert address[1] > 0

    class Breaks:
        """The first server ends with an error after a while; the factory is asked for another one."""

        def __init__(self, server: MinerServer) -> None:
            self._server = server

        async def run(self, started: object) -> None:
            async with asyncio.timeout(0.3 if len(backends) == 1 else None):
                await self._server.run(started)  # type: ignore[arg-type]

    feed = a_feed()
    supervisor = Supervisor(feed)
    running = asyncio.create_task(supervisor.run({"miner": lambda: Breaks(serving())}, "miner"))
    await until(lambda: supervisor.services and supervisor.services[0].restarts == 1)
    await until(lambda: supervisor.services[0].state == "running")
    assert serving.address == address
    assert [backend.closed for backend in backends] == [True, False]
    async with httpx.AsyncClient(trust_env=False) as client:
        answered = await client.get(f"http://{address[0]}:{address[1]}/availability")
    assert json.loads(answered.content) == {"available": True}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
