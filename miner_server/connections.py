"""The server's connections, with bounds on what uvicorn leaves unbounded.

They are on heads, on other bytes outside bodies, and on how long an answer may stay unread. How many there may be is
for `places` to say.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

import httptools
from starlette.types import Message
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import (
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from miner_server.places import Places, Seat

EXCHANGE = "subnet_console.exchange"
"""The key of a request's `Exchange` in its scope's extensions."""

Headers = Sequence[tuple[bytes, bytes]]

HEAD_S = 8.0
HEAD_BYTES = 32 * 1024
"""How long a request's head may take, and its size: what nginx takes by default, four buffers of 8 KiB."""

MOST_HEADERS = 100
"""Python's own HTTP client accepts as many. Each costs ten times its shortest form of four bytes."""

FRAMING = 8
"""Bytes of framing allowed per byte of body: a chunk of one byte has six, and such callers are still served."""

MOST_WAITING = 8
"""Pipelined requests that may wait for the previous one. No known client sends any."""

PIECE_BYTES = 4096
"""The parser is fed in pieces of this size and checked after each, so it exceeds its bounds by at most one piece."""

UNREAD_ANSWER_S = 20.0
"""After this a caller that does not read its answer is disconnected."""

REFUSED_S = 1.0
"""How long a caller has to read why it was refused; anything it sends in the meantime is dropped."""

_log = logging.getLogger(__name__)
_log.setLevel(logging.ERROR)

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\ncontent-length: 33\r\n"
    b'retry-after: 5\r\nconnection: close\r\n\r\n{"detail":"too many connections"}'
)

_BAD = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
    b"connection: close\r\n\r\n%b"
)


_LAST = b"connection: close\r\n\r\n"


class TurnedAway(NamedTuple):
    """A connection that was closed before it had asked anything: with which status, told to it or not, and why."""

    host: str
    status: int
    reason: str


class Gathered:
    """Writes one reply: its head waits for the beginning of its body, so that both take a single system call.

    Such a call costs a tenth of all the server's work for a challenge. A "100 Continue" goes out at once. Anything
    written after the connection has closed is dropped, on any event loop.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        elif data.startswith(b"HTTP/1.1 ") and not data.startswith(b"HTTP/1.1 1"):
            self._head = data
            return
        if not self._transport.is_closing():
            self._transport.write(data)

    def close(self) -> None:
        if self._head:
            self.write(b"")
        self._transport.close()


class Exchange(RequestResponseCycle):
    """A request and its reply. Besides ASGI's messages, whose objects, events and coroutines cost several times as
    much, it gives a body that has come, and sends a reply that is complete.

    `seat` is its connection's, `began` when its first byte came, on the monotonic clock.
    """

    seat: Seat
    began: float

    async def send(self, message: Message) -> None:  # type: ignore[override]
        if message["type"] == "http.response.start" and self.scope["method"] != "HEAD":  # whose replies have no body
            self.transport = Gathered(self.transport)  # type: ignore[assignment]  # all that a reply needs
        await super().send(message)  # type: ignore[arg-type]

    def take(self) -> bytes | None:
        """The whole body, in place of all its messages; None if only they can give it: some of it is still to come, or
        the caller is gone or waits to be told to go on."""
        if self.more_body or self.disconnected or self.response_complete or self.waiting_for_100_continue:
            return None
        body, self.body = bytes(self.body), bytearray()
        self.message_event.clear()  # the next message is that the caller has hung up
        self.flow.resume_reading()
        return body

    def reply(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a complete reply with one write: its status, its headers besides the length, and its body. False if
        nothing was sent, because it has to go out in messages."""
        transport = self.transport
        if transport.is_closing() or self.flow.write_paused or self.response_started or self.disconnected:
            return False
        if self.scope["method"] == "HEAD":
            return False
        if HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            raise ValueError("a header's value holds a control character")
        parts = [STATUS_LINE[status]]
        for name, value in (*self.default_headers, *headers):
            parts += (name, b": ", value, b"\r\n")
        parts += (b"content-length: %d\r\n" % len(body), b"\r\n" if self.keep_alive else _LAST, body)
        self.response_started = self.response_complete = True
        transport.write(b"".join(parts))
        self.message_event.set()
        if not self.keep_alive:
            transport.close()
        self.on_response()
        return True


class BoundedProtocol(HttpToolsProtocol):
    """One connection, which has a place among `places`. `tell` hears of those that never come to a request.

    Everything outside bodies counts: heads, chunk framing and extensions, trailers (which are dropped), and all
    pipelined requests. A head must be complete within `HEAD_S` of its first byte, or of the connection. Malformed
    requests are answered but not logged one by one, so that strangers cannot fill a disk.
    """

    def __init__(self, *arguments: Any, places: Places, tell: Callable[[TurnedAway], None], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = _log
        self._places = places
        self._tell = tell
        self._began = 0.0
        self.cycle: Exchange
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._not_body = 0
        self._in_request = False
        self._in_head = False
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        host = self.client[0] if self.client else ""
        place = self._places.take(host, self)
        self._seat = place or Seat(host, self)
        if place is None:
            self._tell(TurnedAway(host, 503, "too many connections"))
            transport.write(_FULL)
            transport.close()
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_timer()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
        self._unset_keepalive_if_required()
        self._places.leave(self._seat)

    def give_way(self) -> None:
        """Close without waiting for unsent data: someone else needs the place."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        for start in range(0, len(data), PIECE_BYTES):
            if self._refused or self.transport.is_closing():
                return
            piece = data[start : start + PIECE_BYTES]
            self._not_body += len(piece)
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            except httptools.HttpParserUpgrade:  # is ignored, as it may be
                pass
            if self._not_body > HEAD_BYTES or (self._in_head and len(self.headers) > MOST_HEADERS):
                self.send_400_response("The request's head is too long.")
        if self._is_pending:
            self._stop_timer()
        elif self._head_timer is None and not self.transport.is_closing():
            self._await_request()

    def send_400_response(self, msg: str) -> None:
        """Refuse the request and hang up shortly: closing on unread bytes would reset the connection, losing the reply.

        While an answer is pending nothing is sent, since it would be taken for that answer.
        """
        if self.transport.is_closing():
            return
        self._tell(TurnedAway(self._seat.host, 400, msg))
        if self._is_pending:
            self.transport.close()
            return
        self._refused = True
        self._stop_timer()
        self._head_timer = self.loop.call_later(REFUSED_S, self.transport.abort)
        self.transport.write(_BAD % (len(msg), msg.encode()))
        self.transport.write_eof()

    # -- parser callbacks ---------------------------------------------------------------------------------------

    # They do what uvicorn's do, without what we never use: other protocols, a log, a limit of requests.

    def on_message_begin(self) -> None:
        self.url = b""
        self.headers = []
        self._began = time.monotonic()
        if not self._is_pending:
            self._not_body = 0
        self._in_request = self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # otherwise it is a trailer
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MOST_WAITING:
            raise ValueError("too many requests before the first is answered")
        if len(self.headers) > MOST_HEADERS:
            raise ValueError("too many headers")
        self._in_head = False
        version, url = self.parser.get_http_version(), httptools.parse_url(self.url)
        raw_path, path = url.path, url.path.decode("ascii")
        expected = dict(self.headers).get(b"expect", b"")
        extensions: dict[str, Any] = {}
        self.scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme or "http",
            "method": self.parser.get_method().decode("ascii"),
            "root_path": "",
            "path": unquote(path) if "%" in path else path,
            "raw_path": raw_path,
            "query_string": url.query or b"",
            "headers": self.headers,
            "state": self.app_state.copy(),
            "extensions": extensions,
        }
        previous: Exchange | None = self.cycle
        self.cycle = Exchange(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=expected.lower() == b"100-continue",
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self.cycle.seat, self.cycle.began = self._seat, self._began
        extensions[EXCHANGE] = self.cycle
        if previous is None or previous.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((self.cycle, self.app))

    def on_body(self, body: bytes) -> None:
        if not self.pipeline:
            self._not_body = max(0, self._not_body - (1 + FRAMING) * len(body))
        if self.cycle.response_complete:
            return
        self.cycle.body += body
        if len(self.cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        self.cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._in_request = False
        self._seat.ask()
        if self.cycle.response_complete:
            return
        self.cycle.more_body = False
        self.cycle.message_event.set()

    # -- answers -----------------------------------------------------------------------------------------------

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        self._seat.rest()
        if not self.pipeline:
            self._not_body = 0
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self.timeout_keep_alive_task is None:
            self._keep_alive_for(self.timeout_keep_alive)
        if self._in_request and not self._is_pending:
            self._await_request()

    def timeout_keep_alive_handler(self) -> None:
        """Close if nothing has been asked for long enough, or look again once that can be so: a timer for each reply
        would cost more than one for each connection."""
        self.timeout_keep_alive_task = None
        is_busy = self._in_request or self._is_pending
        left = self.timeout_keep_alive - (0.0 if is_busy else time.monotonic() - self._seat.since)
        if left > 0:
            self._keep_alive_for(left)
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_ANSWER_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    @property
    def _is_pending(self) -> bool:
        """Whether a request on this connection is waiting for its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _keep_alive_for(self, seconds: float) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(seconds, self.timeout_keep_alive_handler)

    def _await_request(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(HEAD_S, self._head_is_late)

    def _head_is_late(self) -> None:
        if self._in_head:
            self._tell(TurnedAway(self._seat.host, 408, f"the request's head took longer than {HEAD_S:g} s"))
        self.transport.close()

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
