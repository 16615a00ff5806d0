"""A door for Prometheus beside the engine, on loopback unless another address is named: `/metrics` and `/health`."""

import asyncio
from collections.abc import Callable, Mapping

import msgspec
from prometheus_client.registry import Collector
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from console.metrics import CONTENT_TYPE, EngineMetrics, page
from engine.feed import Feed
from engine.node.part import Part
from engine.snapshot import Snapshot
from engine.values import at_port, host_and_port
from miner_server.listener import Listener
from miner_server.places import Places

SERVICE = "metrics"
LOOPBACK = "127.0.0.1"
OPTION = "--metrics"


class MetricsDoor:
    """A service that tells whoever asks at this address what the newest Snapshot and `more` hold in numbers.

    It is bound from the beginning: an address that is taken ends the start of the run. Raises MinerError.
    """

    def __init__(self, host: str, port: int, snapshot: Callable[[], Snapshot], *more: Collector) -> None:
        places = Places(known=lambda _: False, shared=lambda _: False)
        self._listener = Listener(host, port, places, name=SERVICE, option=OPTION)
        self._snapshot = snapshot
        self._engine = EngineMetrics(snapshot)
        self._more = more
        self._app = Starlette(routes=[Route("/metrics", self._metrics), Route("/health", self._health)])
        self._listener.bind()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self._listener.address

    async def run(self, started: Callable[[], None]) -> None:
        try:
            await self._listener.serve(self._app, started)
        finally:
            self._listener.close()

    async def _metrics(self, _: Request) -> Response:
        """A Snapshot never changes, so that its page is written beside the loop: 256 miners take some 20 ms."""
        engine = await asyncio.to_thread(page, self._engine)
        return Response(engine + page(*self._more), media_type=CONTENT_TYPE)

    async def _health(self, _: Request) -> Response:
        """200 while every service runs; 503, with those that do not, otherwise."""
        told = health(self._snapshot())
        body = msgspec.json.encode(told)
        return Response(body, 503 if told["stopped"] else 200, media_type="application/json")


def health(snapshot: Snapshot) -> Mapping[str, object]:
    """How the engine is, in a few words for a machine."""
    return {
        "role": snapshot.role,
        "version": snapshot.version,
        "stopped": [one.name for one in snapshot.services if one.state in ("failed", "backing_off")],
        "chain_reachable": snapshot.chain.reachable,
        "registered": snapshot.chain.registered,
        "rounds": snapshot.rounds_done,
    }


def metrics_door(where: str, feed: Feed, *more: Collector) -> Part:
    """The door at PORT or HOST:PORT, none at "". Raises `MinerError`."""
    if not where:
        return Part()
    host, port = host_and_port(where if ":" in where else f"{LOOPBACK}:{where}")
    door = MetricsDoor(host, port, lambda: feed.snapshot, *more)
    feed.raise_attention("info", SERVICE, f"metrics are at http://{at_port(*door.address)}/metrics")
    return Part(services={SERVICE: lambda: door})
