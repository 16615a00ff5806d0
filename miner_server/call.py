"""One HTTP request on its way through a route: its content, what is known about it, and its reply."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, NamedTuple

import msgspec
from starlette.types import Receive, Scope

from engine.transport.dialect import Response
from engine.transport.errors import Refusal
from miner_server.connections import EXCHANGE, Exchange, Headers
from miner_server.errors import ClientGone
from miner_server.hosts import network
from miner_server.stream import PIECE_BYTES, ReplyStream

WATCH_AFTER_S = 0.05
"""A body that comes at once needs no timer."""


def json_response(value: Any, status: int = 200) -> Response:
    """A response whose body is `value` as JSON."""
    return Response(msgspec.json.encode(value), status=status)


class Form(NamedTuple):
    """How an API puts its refusals; `in_stream` says whether they can also end a stream that has begun."""

    put: Callable[[Refusal], Refusal] = lambda refusal: refusal
    in_stream: bool = False


_AS_IT_IS = Form()


class Call:
    """A `dialect.Received`. `route` is the path as declared, never what a stranger typed. `gate` is the gate that it
    has reached, in the `dialect` that it turned out to speak; `host` is the caller's IP address.

    `stream` is where a reply can be sent piece by piece. What becomes known about the caller and the answer is filled
    in on the way; `bearer` names the key of one that has a key instead of a hotkey. `form` is how it is refused.
    """

    __slots__ = (
        "_exchange",
        "_headers",
        "answer",
        "bearer",
        "body",
        "body_read",
        "bytes_in",
        "dialect",
        "form",
        "gate",
        "host",
        "hotkey",
        "proven",
        "reason",
        "receive",
        "route",
        "scope",
        "stream",
        "tokens",
    )

    def __init__(self, route: str, scope: Scope, receive: Receive, stream: ReplyStream | None = None) -> None:
        self.route = route
        self.scope = scope
        self.receive = receive
        self.stream = stream
        client = scope["client"]
        self.host: str = client[0] if client else ""
        self._exchange: Exchange | None = scope.get("extensions", {}).get(EXCHANGE)
        self._headers: dict[bytes, bytes] = dict(reversed(scope["headers"]))  # the first of duplicates counts
        self.dialect = ""
        self.gate = ""
        self.hotkey = ""
        self.bearer = ""
        self.form = _AS_IT_IS
        self.proven = False
        self.body = b""
        self.bytes_in = 0
        self.body_read = False
        self.reason = ""
        self.answer: str | None = None
        self.tokens = 0

    @property
    def caller(self) -> str:
        """Who takes turns with others: hotkey or key, or the address of one that has only named a hotkey."""
        return (self.hotkey or self.bearer) if self.proven else network(self.host)

    @property
    def peer(self) -> str:
        """The address at the other end of the connection: a proxy's, if there is one."""
        return self.host if self._exchange is None else self._exchange.seat.host

    @property
    def target(self) -> str:
        """The path with its query, as sent."""
        path, query = self.scope["raw_path"], self.scope["query_string"]
        return str(path + b"?" + query if query else path, "latin-1")

    def prove(self) -> None:
        """Note that the caller is who it claims to be: its connection keeps its place while this is being answered."""
        self.proven = True
        if self._exchange is not None:
            self._exchange.seat.prove()

    def header(self, name: bytes) -> str | None:
        """The first header of this name (lower case)."""
        value = self._headers.get(name)
        return None if value is None else str(value, "latin-1")

    @property
    def length(self) -> int | None:
        """The Content-Length; None for a chunked body. The HTTP parser has refused anything else."""
        declared = self._headers.get(b"content-length")
        if declared is not None:
            return int(declared)
        return None if b"transfer-encoding" in self._headers else 0

    async def read(self, *, limit: int, seconds: float, grow: Callable[[int], bool] = lambda _: True) -> bytes:
        """The whole body, which may `grow` as long as there is room. `seconds` run from the request's first byte.

        Raises Refusal 413 as soon as it is known to be too large, 408 if it is too slow, 503 if there is no room.
        """
        if (self.length or 0) > limit:
            raise _too_large(limit)
        came = None if self._exchange is None else self._exchange.take()
        if came is not None:  # as nearly all do: reading it needs no deadline
            self._take(came, limit, grow)
            self.body = came
        else:
            began = time.monotonic() if self._exchange is None else self._exchange.began
            try:
                async with asyncio.timeout(seconds - (time.monotonic() - began)):
                    self.body = await self._received(limit, grow)
            except TimeoutError:
                raise Refusal(408, f"the body did not arrive within {seconds:g} s", close=True) from None
        self.body_read = True
        return self.body

    async def _received(self, limit: int, grow: Callable[[int], bool]) -> bytes:
        parts = []
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self._take(message["body"], limit, grow)
            parts.append(message["body"])
            more = message["more_body"]
        return b"".join(parts)

    def _take(self, part: bytes, limit: int, grow: Callable[[int], bool]) -> None:
        """A part of the body, or all of it. Raises Refusal if there is no room for it."""
        self.bytes_in += len(part)
        if self.bytes_in > limit:
            raise _too_large(limit)
        if not grow(self.bytes_in):
            raise Refusal(503, "too many large bodies at once", close=True)

    def reply(self, status: int, headers: Headers, body: bytes) -> bool:
        """Reply at once and with one write; False if only `send` can do it."""
        return self._exchange is not None and len(body) <= PIECE_BYTES and self._exchange.reply(status, headers, body)

    async def hang_up(self) -> None:
        """Close the connection in the middle of a reply, by which the caller sees that it broke off."""
        if self.stream is not None:
            self.stream.give_up()
        if self._exchange is None:
            raise RuntimeError("the reply broke off")
        self._exchange.seat.connection.give_way()
        while (await self.receive())["type"] != "http.disconnect":
            pass

    def patience(self, seconds: float) -> "Patience":
        """Limits how long an answer is worth working on. The body must have been read."""
        return Patience(self.receive, seconds)


class Patience:
    """`with`: cancels the block after `seconds` (TimeoutError) or when the caller hangs up (ClientGone).

    Most answers are immediate and need neither timer nor watcher, so both start a moment later.
    """

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._watcher: asyncio.Task[None] | None = None
        self._ended: type[Exception] | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("patience is for tasks")
        self._task = task
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(min(WATCH_AFTER_S, self._seconds), self._begin)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._ended is not None and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise self._ended from error

    def _begin(self) -> None:
        left = max(0.0, self._seconds - WATCH_AFTER_S)
        self._timer = self._loop.call_later(left, self._end, TimeoutError)
        self._watcher = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._end(ClientGone)

    def _end(self, reason: type[Exception]) -> None:
        if self._ended is None:
            self._ended = reason
            self._task.cancel()


def _too_large(limit: int) -> Refusal:
    return Refusal(413, f"the body is larger than {limit} bytes", close=True)
