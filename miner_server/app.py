"""The miner's application: the mounted dialects and the public look-ups."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

import msgspec
from msgspec.structs import replace
from prometheus_client import Metric
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response as StarletteResponse
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from engine.snapshot import CallerView, GpuView, ServerView
from engine.text import safe
from engine.transport.description import JSON, Content, reference
from engine.transport.desk import Desk
from engine.transport.dialect import Response
from engine.transport.errors import Refusal
from miner_server import pages
from miner_server.admission import Admission
from miner_server.allowlist import AllowList
from miner_server.answering import MODEL_WIDTH, Answering
from miner_server.backend_views import Backends
from miner_server.backends.interface import Backend
from miner_server.call import Call, json_response
from miner_server.connections import TurnedAway
from miner_server.endpoint import Calls, Handler
from miner_server.limits import Limits, Room
from miner_server.metrics import CONTENT_TYPE, Metrics
from miner_server.mount import Mount, routes_of
from miner_server.openai.access import Access
from miner_server.openai.description import described
from miner_server.openai.door import OpenAIDoor
from miner_server.openai.errors import OPENAI
from miner_server.openapi import Described, LookUp, SpokenRoute, document
from miner_server.pool import Pool
from miner_server.quotas import Quotas
from miner_server.requestlog import RequestLog

NO_ROUTE = "other"
DISTRIBUTION = "subnet-console"
PATH_WIDTH = 60
"""Characters of an unknown path that are repeated: more than any route has."""

DENDRITE = "bt_header_"
"""How the headers begin that bittensor's SDK sent until version 10."""

OF_A_DENDRITE = "this is how a dendrite asks an axon, as bittensor's SDK did until version 10: not spoken here"

AVAILABILITY = Content(JSON, reference("Availability"))
STATUS = Content(JSON, reference("Status"))
OBJECT = Content(JSON, {"type": "object"})
METRICS = Content("text/plain", {"type": "string"})
PAGE = Content("text/html", {"type": "string"})


class MinerApp(Starlette):
    """One miner's application, with a desk for each dialect, and OpenAI's API if there is `access` to it.

    It watches its backend while it is being served. `trusts` says which addresses are those of trusted proxies, `gpus`
    what is known of the machine's, and `per_hour` what the machine costs.
    """

    def __init__(
        self,
        desks: Sequence[Desk],
        backend: Backend,
        allow: AllowList,
        quotas: Quotas,
        limits: Limits,
        *,
        access: Access | None = None,
        trusts: Callable[[str], bool] = lambda _: False,
        per_hour: float = 0.0,
        gpus: Callable[[], Sequence[GpuView]] = tuple,
    ) -> None:
        self._desks = desks
        self._backend = backend
        self.admission = Admission(allow)
        self._quotas = quotas
        self._answering = Answering(backend, limits, quotas.weight)
        self._requests = RequestLog(lambda hotkey: allow.refusal(hotkey) is None)
        self._backends = Backends(self._answering, per_hour, gpus)
        self._metrics = Metrics(self._answering, self._backends.collect)
        self._calls = Calls(self._requests, self._metrics)
        room = Room()
        mounts = [Mount(desk, self.admission, quotas, self._answering, limits, room) for desk in desks]
        open_to_all: list[tuple[LookUp, Handler]] = [
            (LookUp("/availability", "Whether a challenge would be answered now", AVAILABILITY), self._availability),
            (LookUp("/health", "Whether it runs, and how well", STATUS), self._health),
            (LookUp("/metrics", "Numbers for Prometheus", METRICS), self._page),
            (LookUp("/openapi.json", "This document", OBJECT), self._look(lambda: Response(self._document))),
            (LookUp("/docs", "This document in Swagger UI", PAGE), self._look(lambda: pages.page(pages.SWAGGER))),
            (LookUp("/redoc", "This document in Redoc", PAGE), self._look(lambda: pages.page(pages.REDOC))),
        ]
        spoken = [SpokenRoute(desk.dialect, route) for desk in desks for route in desk.routes]
        self._door = access and OpenAIDoor(access, self._answering, self.admission, limits, room, trusts)
        more = described() if self._door else Described()
        told = document([one for one, _ in open_to_all], spoken, more, version=version(DISTRIBUTION))
        self._document = msgspec.json.encode(told)
        look_ups = {one.path: look for one, look in open_to_all}
        look_ups |= {f"/docs/{name}": self._look(partial(pages.asset, name)) for name in pages.ASSETS}
        routes = [
            *routes_of(mounts, self._calls),
            *(Route(path, self._calls.endpoint(path, look), methods=["GET"]) for path, look in look_ups.items()),
            *(
                Route(path, self._calls.endpoint(path, handler), methods=[method])
                for method, path, handler in (self._door.routes() if self._door else ())
            ),
        ]
        super().__init__(
            routes=routes,
            exception_handlers={HTTPException: self._unmatched},
            lifespan=self._watched,
        )
        self.router.redirect_slashes = False
        self._endpoints = {(method, route.path): route.endpoint for route in routes for method in route.methods or ()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request for a declared path goes straight to its endpoint, which has its own errors and replies: the way
        through Starlette costs a twentieth of a whole challenge. Starlette handles all other requests."""
        endpoint = self._endpoints.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        await (endpoint or super().__call__)(scope, receive, send)

    def turned_away(self, away: TurnedAway) -> None:
        """Record a connection that was closed before it had asked anything."""
        call = Call(NO_ROUTE, {"client": (away.host, 0), "headers": []}, _nothing_comes)
        call.gate, call.reason = "connection", away.reason
        self._calls.note(call, away.status, 0.0)

    def refuse_all(self) -> None:
        """End the requests in flight with a 503."""
        self._calls.refuse_all()

    @property
    def trouble(self) -> str:
        """What the operator has to know about the backend; "" if all is well."""
        return self._answering.readiness.trouble

    @property
    def backends_trouble(self) -> str:
        """Which of several backends cannot answer, while others do."""
        return self._backend.trouble if isinstance(self._backend, Pool) else ""

    @property
    def keys_trouble(self) -> str:
        """What is wrong with the keys of OpenAI's API."""
        return self._door.trouble if self._door else ""

    def metrics(self) -> Iterator[Metric]:
        """What its page `/metrics` holds."""
        return self._metrics.collect()

    def reset_peaks(self) -> None:
        """Begin to look for the highest values of the backends anew."""
        self._backends.reset_peaks()

    def view(self, address: str) -> ServerView:
        """This server as screens show it; foreign text in it is cleaned."""
        queue, log = self._answering.queue, self._requests
        return ServerView(
            address=address,
            backend=self._backend.name,
            model=safe(self._backend.model, MODEL_WIDTH),
            ready=not self._answering.unready,
            readiness=self._answering.unready.why if self._answering.unready else "",
            in_flight=queue.in_flight,
            capacity=queue.slots,
            queued=queue.queued,
            queue_limit=queue.waiting,
            requests_total=log.statuses.total(),
            statuses=dict(log.statuses),
            p50_ms=log.latency(0.5),
            p95_ms=log.latency(0.95),
            tokens_total=log.tokens,
            callers=tuple(map(self._on_the_board, log.callers())),
            blocked=tuple(sorted(self.admission.allow.blocked)),
            let_in=tuple(sorted(self.admission.allow.let_in)),
            refusals=log.refusals(),
            sessions=tuple(session for desk in self._desks for session in desk.sessions()),
            requests=log.requests(),
            backends=self._backends.view(),
            million_tokens_cost=self._backends.million_tokens_cost,
            gpus=tuple(self._backends.gpus()),
        )

    def _on_the_board(self, caller: CallerView) -> CallerView:
        """A caller with its standing and how much of its quota it has consumed."""
        hotkey, allow = caller.hotkey, self.admission.allow
        return replace(
            caller,
            standing=allow.standing(hotkey),
            stake=allow.stake(hotkey),
            consumed=self._quotas.consumed(hotkey),
            quota=self._quotas.quota(hotkey),
        )

    @asynccontextmanager
    async def _watched(self, _: Starlette) -> AsyncIterator[None]:
        watcher = asyncio.create_task(self._answering.readiness.watch())
        await asyncio.sleep(0)  # lets a backend that is ready at once become so before the first request
        try:
            yield
        finally:
            watcher.cancel()
            if self._door:
                self._door.close()

    # -- public look-ups --------------------------------------------------------------------------------------

    async def _availability(self, call: Call) -> Response:
        """Whether a challenge would be answered now, in Loosh's form.

        Validators only ask miners that say so: an address that one of them called from is not charged for it.
        """
        if not self.admission.knows(call.host):
            self.admission.stranger("lookup", call.host, call.route)
        queue, unready = self._answering.queue, self._answering.unready
        full = "the queue is full" if queue.queued >= queue.waiting else ""
        reason = unready.said if unready else full
        return json_response({"available": False, "reason": reason} if reason else {"available": True})

    async def _health(self, call: Call) -> Response:
        """200 as long as the server runs; the fields say whether it can answer."""
        self.admission.stranger("lookup", call.host, call.route)
        return json_response(self._answering.status())

    async def _page(self, call: Call) -> Response:
        """The numbers for Prometheus."""
        self.admission.stranger("lookup", call.host, call.route)
        return Response(self._metrics.page(), CONTENT_TYPE)

    def _look(self, made: Callable[[], Response]) -> Handler:
        """A look-up whose answer is the same for everyone."""

        async def look(call: Call) -> Response:
            self.admission.stranger("lookup", call.host, call.route)
            return made()

        return look

    async def _unmatched(self, request: Request, error: Exception) -> StarletteResponse:
        """No such path, or not with this method: charged to the caller's address like any other look-up."""
        if not isinstance(error, HTTPException):
            raise error

        async def refuse(call: Call) -> Response:
            call.gate = "route"
            self.admission.stranger("lookup", call.host, call.route)
            raise self._no_way(call, request, error)

        call = Call(NO_ROUTE, request.scope, request.receive)
        if self._door and request.url.path.startswith("/v1/"):
            call.form = OPENAI
        reply = await self._calls.serve(call, refuse)
        if reply is None:
            raise error
        headers = {name.decode(): value.decode() for name, value in reply.headers}
        headers |= {"connection": "close", **(error.headers or {})}
        return StarletteResponse(reply.body, reply.status, headers, reply.media.decode())

    def _no_way(self, call: Call, request: Request, error: HTTPException) -> Refusal:
        """The refusal of a request whose path leads nowhere, or not with its method."""
        status, path = error.status_code, request.url.path
        for desk in self._desks:
            if path in desk.closed:
                call.dialect = desk.dialect
                return Refusal(status, f"{path} is closed: {desk.closed[path]}", gate="dialect")
        if any(name.startswith(DENDRITE) for name in request.headers):
            return Refusal(status, OF_A_DENDRITE, gate="dialect")
        typed = safe(path, PATH_WIDTH)
        if status == 405:
            allowed = (error.headers or {}).get("Allow", "another method")
            return Refusal(status, f"{typed} is not for {request.method}: use {allowed}")
        return Refusal(status, f"no dialect spoken here has a route {typed}: GET /openapi.json lists the routes")


async def _nothing_comes() -> Message:
    return {"type": "http.disconnect"}
