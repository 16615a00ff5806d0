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
from console.roles.door import door_at
from engine.feed import Feed
from engine.node.part import Part
from engine.snapshot import Snapshot

SERVICE = "metrics"
OPTION = "--metrics"


class MetricsPages:
    """`app` tells what the newest Snapshot and `more` hold in numbers, and how the engine is."""

    def __init__(self, snapshot: Callable[[], Snapshot], *more: Collector) -> None:
        self._snapshot = snapshot
        self._engine = EngineMetrics(snapshot)
        self._more = more
        self.app = Starlette(routes=[Route("/metrics", self._metrics), Route("/health", self._health)])

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
    door = door_at(where, MetricsPages(lambda: feed.snapshot, *more).app, name=SERVICE, option=OPTION)
    feed.raise_attention("info", SERVICE, f"metrics are at {door.url}/metrics")
    return Part(services={SERVICE: lambda: door})
