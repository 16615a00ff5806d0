"""The miner's application: what each dialect brings, behind common gates and one fair queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.snapshot import ServerView
from engine.text import safe
from engine.transport.loosh.miner import LooshDesk
from miner_server.admission import Admission, AllowList
from miner_server.answering import Answering
from miner_server.backends.interface import Backend
from miner_server.call import Call, Reply
from miner_server.endpoint import Calls
from miner_server.errors import Refusal
from miner_server.limits import Limits
from miner_server.metrics import Metrics
from miner_server.requestlog import RequestLog
from miner_server.routes.common import CommonRoutes
from miner_server.routes.loosh import LooshRoutes

NO_ROUTE = "other"
NAME_WIDTH = 120


class MinerApp(Starlette):
    """The application of one miner. It watches its backend while it is served."""

    def __init__(self, desk: LooshDesk, backend: Backend, allow: AllowList, limits: Limits) -> None:
        self._desk = desk
        self._backend = backend
        self.admission = Admission(allow)
        self._answering = Answering(backend, limits)
        self._requests = RequestLog(lambda hotkey: allow.refusal(hotkey) is None)
        metrics = Metrics(self._answering)
        self._calls = Calls(self._requests, metrics)
        super().__init__(
            routes=[
                *LooshRoutes(desk, self.admission, self._answering, limits).routes(self._calls),
                *CommonRoutes(self.admission, self._answering, metrics).routes(self._calls),
            ],
            exception_handlers={HTTPException: self._unmatched},
            lifespan=self._watched,
        )
        self.router.redirect_slashes = False

    def refuse_all(self) -> None:
        """End the requests that are still being served; each of them gets a 503."""
        self._calls.refuse_all()

    @property
    def trouble(self) -> str:
        """What the operator has to know of the backend, "" when all is well."""
        return self._answering.readiness.trouble

    def view(self, address: str) -> ServerView:
        """What a screen shows of this server; foreign text in it is clean."""
        queue, log = self._answering.queue, self._requests
        return ServerView(
            address=address,
            backend=self._backend.name,
            model=safe(self._backend.model, NAME_WIDTH),
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
            callers=log.callers(),
            blocked=tuple(sorted(self.admission.allow.blocked)),
            sessions=self._desk.sessions(),
            requests=log.requests(),
        )

    @asynccontextmanager
    async def _watched(self, _: Starlette) -> AsyncIterator[None]:
        watcher = asyncio.create_task(self._answering.watch())
        await asyncio.sleep(0)  # a backend that is ready at once is so before the first request
        try:
            yield
        finally:
            watcher.cancel()

    async def _unmatched(self, request: Request, error: Exception) -> Response:
        """No such path, or not with this method: paid by the caller's address like any other look-up."""
        if not isinstance(error, HTTPException):
            raise error

        async def refuse(call: Call) -> Reply:
            self.admission.stranger("lookup", call.host, call.route)
            raise Refusal(error.status_code, error.detail)

        reply = await self._calls.serve(Call(NO_ROUTE, request.scope, request.receive), refuse)
        if reply is None:
            raise error
        headers = {name.decode(): value.decode() for name, value in reply.headers}
        headers |= {"connection": "close", **(error.headers or {})}
        return Response(reply.body, reply.status, headers, reply.media.decode())


def create_app(desk: LooshDesk, backend: Backend, allow: AllowList, *, limits: Limits | None = None) -> MinerApp:
    """The application of one miner. Start the desk (`await desk.start()`) before serving it."""
    return MinerApp(desk, backend, allow, limits or Limits())
