"""A route as a plain ASGI application: runs its handler, turns refusals into replies, sends, counts and logs."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec
from starlette.types import Message, Receive, Scope, Send

from engine.transport.dialect import Response
from engine.transport.errors import Refusal
from miner_server import reflection
from miner_server.call import Call
from miner_server.errors import ClientGone
from miner_server.metrics import Metrics
from miner_server.requestlog import RequestLog
from miner_server.stream import READ_S, ReplyStream, send_body

log = logging.getLogger(__name__)

Handler = Callable[[Call], Awaitable[Response]]

CLIENT_GONE = 499
"""nginx's code for a client that closed the connection."""

LEFTOVER_BYTES = 64 * 1024
DRAIN_BYTES = 1024 * 1024
DRAIN_S = 1.0
"""What is still read of a body that is refused, so that the caller reads the reply before the connection closes."""

PROVEN_DRAIN_BYTES = 64 * 1024 * 1024
PROVEN_DRAIN_S = 10.0
"""Of a caller who has proven who it is: a user with pictures in a long chat reads why that was too much."""

_PROCESS = reflection.HEADER.encode()
_REFLECTED = Response(
    b'{"detail":"this is the miner that asks"}',
    headers=((_PROCESS, reflection.MARK.encode()),),
    status=reflection.STATUS,
)


class Calls:
    """What all routes of a server share: the log, the counters, and the requests in flight."""

    def __init__(self, requests: RequestLog, metrics: Metrics) -> None:
        self._requests = requests
        self._metrics = metrics
        self._running: set[asyncio.Task[None]] = set()
        self._closing = False

    def refuse_all(self) -> None:
        """End the requests in flight with a 503."""
        self._closing = True
        for task in self._running:
            task.cancel()

    def note(self, call: Call, status: int, seconds: float) -> None:
        """Log and count what has become of a call."""
        self._requests.add(call, status, seconds * 1000)
        self._metrics.add(call, status, seconds)

    def endpoint(self, route: str, handler: Handler) -> "Endpoint":
        return Endpoint(self, route, handler)

    async def serve(self, call: Call, handler: Handler) -> Response | None:
        """The handler's reply, or that of the refusal; None if nobody is left to read it. Always logged and counted."""
        if call.header(_PROCESS) == reflection.MARK:  # sent by this process itself
            return _REFLECTED
        began = time.perf_counter()
        task = asyncio.current_task()
        if task is not None:
            self._running.add(task)
        try:
            reply = await handler(call)
            status, call.gate = reply.status, ""
        except Refusal as refused:
            reply, status = _reply_to(call.form.put(refused)), refused.status
            call.gate = refused.gate or call.gate
            call.reason = _said(refused.detail)
        except ClientGone as gone:
            reply, status, call.reason = None, CLIENT_GONE, str(gone) or "the caller hung up"
        except asyncio.CancelledError:
            if not self._closing or task is None:
                raise
            task.uncancel()
            call.reason = "this miner is stopping"
            reply, status = _reply_to(call.form.put(Refusal(503, call.reason, close=True))), 503
        except Exception:
            log.exception("%s failed", call.route)
            call.reason = "an internal error: see the log"
            reply, status = _reply_to(call.form.put(Refusal(500, "internal error"))), 500
        finally:
            if task is not None:
                self._running.discard(task)
        self.note(call, status, time.perf_counter() - began)
        return reply


class Endpoint:
    """One route of the application."""

    def __init__(self, calls: Calls, route: str, handler: Handler) -> None:
        self._calls = calls
        self._route = route
        self._handler = handler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = Call(self._route, scope, receive, stream := ReplyStream(send))
        reply = await self._calls.serve(call, self._handler)
        if reply is None:
            if stream.has_begun:
                await call.hang_up()
        elif not stream.has_begun:
            await _send(call, reply, send)
        elif not stream.is_given_up and (reply.status == 200 or call.form.in_stream):
            last = reply.body if reply.status == 200 else b"data: %b\n\n" % reply.body
            await _read_in_time(call, stream.end(last))
        else:
            await call.hang_up()


async def _read_in_time(call: Call, sending: Coroutine[Any, Any, None]) -> None:
    """Send what is complete; whoever does not read it in time is hung up on."""
    try:
        async with asyncio.timeout(READ_S):
            await sending
    except TimeoutError:
        await call.hang_up()


def _said(detail: Any) -> str:
    """A refusal's detail in words, also where it is FastAPI's list of fields."""
    if isinstance(detail, str):
        return detail
    return f"missing: {', '.join(str(field['loc'][-1]) for field in detail)}"


def _reply_to(refused: Refusal) -> Response:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if refused.retry_after is not None:
        headers = ((b"retry-after", b"%d" % max(1, math.ceil(refused.retry_after))),)
    return Response(msgspec.json.encode(refused.body()), headers=headers, status=refused.status, close=refused.close)


async def _send(call: Call, reply: Response, send: Send) -> None:
    headers = [(b"content-type", reply.media), *reply.headers]
    length = 0 if call.body_read else call.length
    unread = length is None or length > (0 if reply.close else LEFTOVER_BYTES)
    if not unread and not reply.close and call.reply(reply.status, headers, reply.body):
        return
    headers.append((b"content-length", b"%d" % len(reply.body)))
    if reply.close or unread:
        headers.append((b"connection", b"close"))
    await _read_in_time(call, _write(send, reply, headers, more=unread))
    if unread:
        await _drain(call)
        await send(_END)


async def _write(send: Send, reply: Response, headers: list[tuple[bytes, bytes]], *, more: bool) -> None:
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send_body(send, reply.body, more=more)


_END: Message = {"type": "http.response.body", "body": b""}


async def _drain(call: Call) -> None:
    """Read some of an unwanted body: closing on unread bytes would reset the connection and lose the reply."""
    left, seconds = (PROVEN_DRAIN_BYTES, PROVEN_DRAIN_S) if call.proven else (DRAIN_BYTES, DRAIN_S)
    try:
        async with asyncio.timeout(seconds):
            while left > 0:
                message = await call.receive()
                if message["type"] == "http.disconnect" or not message["more_body"]:
                    return
                left -= len(message["body"])
    except TimeoutError:
        return
