"""Keep-alive connections to one model server: HTTP/1.1, one request at a time on each, every reply bounded.

A call is one write, one parse and one wake-up, which costs a third of aiohttp and a tenth of httpx. No redirects,
cookies or proxies.
"""

import asyncio
import os
import re
import socket
import ssl
import time
import zlib
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple, cast
from urllib.parse import quote, urlsplit

import httptools
from aiohappyeyeballs import start_connection

from engine.redaction import redact
from engine.text import safe
from miner_server.backends.failures import DETAIL_WIDTH
from miner_server.errors import BackendError, BackendUnavailable

KEEP_ALIVE_S = 4.0  # under uvicorn's 5 s: a connection is not used again while the server is closing it
CONNECT_S = 5.0
"""A model server that does not take a connection in this time is down, or overloaded."""

NEXT_ADDRESS_S = 0.25  # RFC 8305: when a second address of the host is tried beside the first
MAX_REPLY_BYTES = 8 * 1024 * 1024
HEAD_BYTES = 64 * 1024
"""Bounds on a model server's reply, whole and before its body: many times what any of them sends."""

LINGER_S = 0.5
"""How long the end of a reply may come after the end of its events: there are servers that leave it out."""

FRAMING = 8
"""Most bytes of framing per byte of a body: a chunk of one byte has six."""

EVENTS = (b"text/event-stream", b"application/x-ndjson")
"""The media types of what comes piece by piece: server-sent events, and lines of JSON, as from Ollama."""

OnEvents = Callable[[bytes], bool]
"""Gets a stream of events as it comes, and says True once it has ended."""

_ERRNO = re.compile(r"\[Errno (\d+)\]")


class ServerReply(NamedTuple):
    """A complete reply. Header names are lower case; of duplicates the first is kept."""

    status: int
    headers: Mapping[bytes, bytes]
    body: bytes


class Connections:
    """Connections to the server at `base_url`, whose path prefixes that of each call. Every request has `headers`.

    They belong to the event loop of the first call.
    """

    def __init__(self, base_url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(base_url)
        self._server = base_url
        self._host = parts.hostname or ""
        self._tls = _tls() if parts.scheme == "https" else None
        self._port = parts.port or (443 if self._tls else 80)
        self._path = quote(parts.path, safe="/%:@!$&'()*+,;=~")
        ascii_host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
        fields = {"host": ascii_host, "user-agent": "subnet-console", "accept-encoding": "identity", **headers}
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self._idle: deque[_Connection] = deque()
        self._is_closed = False

    async def get(self, path: str) -> ServerReply:
        """Like `post`, without a body."""
        return await self._call(f"GET {self._path}{path} HTTP/1.1\r\n{self._fields}\r\n".encode())

    def post(self, path: str, body: bytes, on_events: OnEvents | None = None) -> Coroutine[Any, Any, ServerReply]:
        """The reply to JSON. Only connecting has a deadline; cancelling the call closes the connection.

        A 200 that is a stream of events goes to `on_events` as it arrives, and its `body` is then empty. Raises
        BackendError for a reply that is too large, and BackendUnavailable if there is none.
        """
        return self._call(
            f"POST {self._path}{path} HTTP/1.1\r\n{self._fields}"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body,
            on_events,
        )

    def close(self) -> None:
        self._is_closed = True
        while self._idle:
            self._idle.pop().close()

    async def _call(self, request: bytes, on_events: OnEvents | None = None) -> ServerReply:
        try:
            if kept := self._kept():
                try:
                    return await self._exchange(kept, request, on_events)
                except _ClosedUnanswered:
                    pass  # the server closed the connection just as we took it: not a fault of the server
            return await self._exchange(await self._connected(), request, on_events)
        except _NoReply as error:
            raise BackendUnavailable(f"{self._server} does not reply in HTTP: {error}", again_in=0.0) from None
        except OSError as error:
            raise BackendUnavailable(f"{self._server} cannot be reached: {_words(error)}", again_in=0.0) from None

    async def _exchange(self, connection: "_Connection", request: bytes, on_events: OnEvents | None) -> ServerReply:
        try:
            return await connection.exchange(request, on_events)
        finally:
            if connection.is_reusable and not self._is_closed:
                connection.rests_since = time.monotonic()
                self._idle.append(connection)
            else:
                connection.close()

    def _kept(self) -> "_Connection | None":
        """The most recently used connection; drops those that are too old or gone."""
        too_old = time.monotonic() - KEEP_ALIVE_S
        while self._idle and self._idle[0].rests_since < too_old:
            self._idle.popleft().close()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_reusable:
                return connection
        return None

    async def _connected(self) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                # Not by the loop: uvloop's tries a second address only after the first has failed.
                addresses = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
                sock = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_S, interleave=1)
                host = self._host if self._tls else None
                _, connection = await loop.create_connection(
                    _Connection, sock=sock, ssl=self._tls, server_hostname=host
                )
        except TimeoutError:
            raise ConnectionError(f"no connection within {CONNECT_S:g} s") from None
        return connection


class _NoReply(Exception):
    """What arrived is not a complete HTTP reply."""


class _ClosedUnanswered(_NoReply):
    def __init__(self) -> None:
        super().__init__("it closed the connection")


class _Connection(asyncio.Protocol):
    """One connection, and what its parser has read of the awaited reply."""

    def __init__(self) -> None:
        self.is_reusable = False
        self.rests_since = 0.0
        self._loop = asyncio.get_running_loop()
        self._awaited: asyncio.Future[ServerReply] | None = None
        self._on_events: OnEvents | None = None
        self._parser = httptools.HttpResponseParser(self)
        # Lenient like browsers and aiohttp: some servers end lines with only LF, or put a space after a chunk's size.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def exchange(self, request: bytes, on_events: OnEvents | None) -> asyncio.Future[ServerReply]:
        """Send a request and return its reply. Cancelling closes the connection."""
        self.is_reusable = False
        self._on_events = on_events
        self._is_stream = False
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._received = self._body_bytes = 0
        self._is_head_read = self._is_whole = self._keeps_alive = False
        self._awaited = awaited = self._loop.create_future()
        if self._transport.is_closing():
            self._settle(_ClosedUnanswered())
        else:
            self._transport.write(request)
        return awaited

    def close(self) -> None:
        """Close at once: nothing that arrives from now on is read."""
        self.is_reusable = False
        self._transport.abort()

    # -- transport callbacks -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._awaited is None:  # unsolicited data
            self.close()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._keeps_alive = False
            if not self._is_whole:
                self._settle(_NoReply(safe(str(error), DETAIL_WIDTH)))
                return
        if self._is_stream and self._parts:
            self._hand_on()
        if self._body_bytes > MAX_REPLY_BYTES:
            self._settle(_too_large())
        elif self._received - (1 + FRAMING) * self._body_bytes > HEAD_BYTES:
            self._settle(_NoReply(f"its head is longer than {HEAD_BYTES} bytes"))
        elif self._is_whole:
            self._finish()

    def _hand_on(self) -> None:
        body, self._parts = b"".join(self._parts), []
        try:
            has_ended = self._on_events is not None and self._on_events(body)
        except Exception as error:
            self._settle(error)
            return
        if has_ended and not self._is_whole:
            self._loop.call_later(LINGER_S, self._settle_early, self._awaited)

    def _settle_early(self, awaited: asyncio.Future[ServerReply] | None) -> None:
        if awaited is self._awaited:
            self._settle(ServerReply(self._status, self._headers, b""))

    def eof_received(self) -> None:
        self.is_reusable = False
        if self._awaited is None:
            return
        is_chunked = self._headers.get(b"transfer-encoding", b"").lower().endswith(b"chunked")
        is_framed = is_chunked or b"content-length" in self._headers
        if self._is_head_read and not is_framed:  # this end is the body's
            self._finish()
        else:
            self._settle(self._broken())

    def connection_lost(self, _: Exception | None) -> None:
        self.is_reusable = False
        self._settle(self._broken())

    # -- parser callbacks ---------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._is_whole:
            raise ValueError("a second reply")

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._is_head_read:  # otherwise it is a trailer
            self._headers.setdefault(name.lower(), value)

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._is_head_read = True
        if self._on_events is not None and self._status == 200:
            kind, packed = self._headers.get(b"content-type", b""), self._headers.get(b"content-encoding", b"identity")
            self._is_stream = kind.lower().startswith(EVENTS) and packed.lower() == b"identity"

    def on_body(self, body: bytes) -> None:
        self._parts.append(body)
        self._body_bytes += len(body)

    def on_message_complete(self) -> None:
        if 100 <= self._status < 200:  # the actual reply is still to come
            self._headers.clear()
            self._is_head_read = False
            return
        self._is_whole = True
        self._keeps_alive = self._parser.should_keep_alive()

    # -- how it ends -------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        try:
            body = _unpacked(b"".join(self._parts), self._headers.get(b"content-encoding", b"").lower())
        except BackendError as error:
            self._settle(error)
            return
        # If the reply arrives before the whole request was sent, the unsent rest blocks the connection.
        self.is_reusable = self._keeps_alive and not self._transport.get_write_buffer_size()
        self._settle(ServerReply(self._status, self._headers, body))

    def _broken(self) -> "_NoReply":
        return _NoReply("it broke off") if self._awaited and self._received else _ClosedUnanswered()

    def _settle(self, outcome: ServerReply | Exception) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is None or awaited.done():
            return
        if isinstance(outcome, Exception):
            awaited.set_exception(outcome)
        else:
            awaited.set_result(outcome)


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def _unpacked(body: bytes, coding: bytes) -> bytes:
    """Decompress a body: some servers and proxies compress even when asked not to."""
    if coding in (b"", b"identity"):
        return body
    if coding not in (b"gzip", b"x-gzip", b"deflate"):
        raise BackendError(
            f"the model server's reply has the unknown encoding {safe(str(coding, 'latin-1'), DETAIL_WIDTH)}"
        )
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # detects which of the two it is
    try:
        clear = unpacking.decompress(body, MAX_REPLY_BYTES + 1)
    except zlib.error as error:
        raise BackendError(f"the model server's reply cannot be decompressed: {error}") from None
    if len(clear) > MAX_REPLY_BYTES:
        raise _too_large()
    if not unpacking.eof:
        raise BackendError("the model server's reply cannot be decompressed: it broke off")
    return clear


def _too_large() -> BackendError:
    return BackendError(f"the model server's reply is larger than {MAX_REPLY_BYTES} bytes")


def _words(error: OSError) -> str:
    """The operating system's words if there are any, without asyncio's around them."""
    number = None if isinstance(error, ssl.SSLError) else error.errno
    if number is None and (several := _ERRNO.search(str(error))):  # one of the addresses tried
        number = int(several[1])
    if number is not None and number > 0:  # those of DNS look-ups are negative
        return os.strerror(number)
    return safe(redact(error.strerror or str(error) or type(error).__name__), DETAIL_WIDTH)
