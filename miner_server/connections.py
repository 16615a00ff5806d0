"""The server's connections: who holds one, who gives way when there is no room, and the bounds on each.

Only a caller that has proven itself keeps its place, while it is being answered. All others keep theirs until someone
else needs it, so that idle and unfinished connections shut nobody out, however many addresses they come from. What
uvicorn leaves unbounded is bounded here: heads, other bytes outside bodies, and how long an answer may stay unread.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import (
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from miner_server.hosts import network

MOST = 768
"""Connections per server; each may hold a head of `HEAD_BYTES` and a body. Systems allow a process 1024 files."""

MOST_PER_ADDRESS = 256
"""Connections per IPv4 address or IPv6 /64: three of them fill the server. A validator needs 16; behind one address, as
that of a NAT, there may be as many callers as a subnet has neurons."""

SEAT = "subnet_console.seat"
"""The key of a request's `Seat` in its scope's extensions."""

BEGAN = "subnet_console.began"
"""The key of the arrival time of its first byte, on the monotonic clock."""

REPLY = "subnet_console.reply"
"""The key of its `Reply`."""

Headers = Sequence[tuple[bytes, bytes]]

Reply = Callable[[int, Headers, bytes], bool]
"""Sends a complete reply at once: its status, its headers besides the length, and its body. False if nothing was sent,
because it has to go out in ASGI's own way."""

HEAD_S = 8.0
HEAD_BYTES = 32 * 1024
MOST_HEADERS = 100
"""Python's own HTTP client accepts as many. Each costs ten times its shortest form of four bytes."""

FRAMING = 8
"""Bytes of framing allowed per byte of body: a chunk of one byte has six, and such callers are still served."""

MOST_WAITING = 8
"""Pipelined requests that may wait for the previous one. No known client sends any."""

PIECE_BYTES = 4096
"""The parser is fed in pieces of this size and checked after each, so it exceeds its bounds by at most one piece."""

UNREAD_ANSWER_S = 20.0

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


class Connection(Protocol):
    """An open connection, as far as the table of seats needs it."""

    def give_way(self) -> None:
        """Close at once."""
        ...


class Seat:
    """One connection's place. `since` is when it last became idle, on the monotonic clock."""

    __slots__ = ("address", "asking", "connection", "held", "host", "since", "trusted")

    def __init__(self, host: str, connection: Connection) -> None:
        self.host = host
        self.address = network(host)
        self.connection = connection
        self.since = time.monotonic()
        self.asking = False
        self.held = False
        self.trusted = False

    def ask(self) -> None:
        """Note that a complete request has arrived."""
        self.asking = True

    def prove(self) -> None:
        """Note that the caller has proven to be a validator: it keeps its place until it is answered."""
        self.held = self.trusted = True

    def rest(self) -> None:
        """Note that nothing is being answered any more."""
        self.asking = self.held = False
        self.since = time.monotonic()


class Places:
    """The places of one server.

    `known` says whether a validator has called from a host, `shared` whether it is a proxy with many callers behind it.
    """

    def __init__(self, *, known: Callable[[str], bool], shared: Callable[[str], bool]) -> None:
        self._known = known
        self._shared = shared
        self._seats: dict[Seat, None] = {}
        self._by_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._seats)

    def take(self, host: str, connection: Connection) -> Seat | None:
        """Take a place, someone else's if necessary; None if nobody can give way."""
        seat = Seat(host, connection)
        crowded = self._by_address[seat.address] >= MOST_PER_ADDRESS and not self._shared(host)
        if crowded and not self._make_room(other for other in self._seats if other.address == seat.address):
            return None
        if len(self._seats) >= MOST and not self._make_room(self._seats):
            return None
        self._seats[seat] = None
        self._by_address[seat.address] += 1
        return seat

    def leave(self, seat: Seat) -> None:
        """Free a place, unless it has already been taken away."""
        if seat in self._seats:
            del self._seats[seat]
            self._by_address[seat.address] -= 1
            if not self._by_address[seat.address]:
                del self._by_address[seat.address]

    def _make_room(self, seats: Iterable[Seat]) -> bool:
        """Those that never proved anything go first, then unknown hosts, then the idle, then the oldest."""
        movable = [seat for seat in seats if not seat.held]
        if not movable:
            return False
        seat = min(movable, key=lambda seat: (seat.trusted, self._is_known(seat.host), seat.asking, seat.since))
        self.leave(seat)
        seat.connection.give_way()
        return True

    def _is_known(self, host: str) -> bool:
        return self._known(host) or self._shared(host)


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


class BoundedProtocol(HttpToolsProtocol):
    """One connection, which has a place among `places`.

    Everything outside bodies counts: heads, chunk framing and extensions, trailers (which are dropped), and all
    pipelined requests. A head must be complete within `HEAD_S` of its first byte, or of the connection. Malformed
    requests are answered but not logged one by one, so that strangers cannot fill a disk.
    """

    def __init__(self, *arguments: Any, places: Places, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.logger = _log
        self._places = places
        self._seat: Seat | None = None
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._not_body = 0
        self._in_request = False
        self._in_head = False
        self._refused = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._seat = self._places.take(self.client[0] if self.client else "", self)
        if self._seat is None:
            transport.write(_FULL)
            transport.close()
        else:
            self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_timer()
        if self._unread_timer is not None:
            self._unread_timer.cancel()
        if self._seat is not None:
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
            super().data_received(piece)
            if self._not_body > HEAD_BYTES:
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
        if self._is_pending:
            self.transport.close()
            return
        self._refused = True
        self._stop_timer()
        self._head_timer = self.loop.call_later(REFUSED_S, self.transport.abort)
        self.transport.write(_BAD % (len(msg), msg.encode()))
        self.transport.write_eof()

    # -- parser callbacks ---------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {SEAT: self._seat, BEGAN: time.monotonic()}  # type: ignore[dict-item]
        if not self._is_pending:
            self._not_body = 0
        self._in_request = self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return
        if len(self.headers) >= MOST_HEADERS:
            raise ValueError("too many headers")
        # as uvicorn does it, whose own method would be called for each of them
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= MOST_WAITING:
            raise ValueError("too many requests before the first is answered")
        self._in_head = False
        super().on_headers_complete()
        if self.scope["method"] != "HEAD":  # whose replies have no body to wait for
            self.cycle.transport = Gathered(self.transport)  # type: ignore[assignment]  # all that a reply needs
            self.scope["extensions"][REPLY] = partial(self._reply, self.cycle)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        if not self.pipeline:
            self._not_body = max(0, self._not_body - (1 + FRAMING) * len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_request = False
        if self._seat is not None:
            self._seat.ask()
        super().on_message_complete()

    # -- answers -----------------------------------------------------------------------------------------------

    def _reply(self, cycle: RequestResponseCycle, status: int, headers: Headers, body: bytes) -> bool:
        """A `Reply`: does with a complete one what `cycle.send` does with its parts, at a third of the cost."""
        if self.transport.is_closing() or self.flow.write_paused or cycle.response_started or cycle.disconnected:
            return False
        if HEADER_VALUE_RE.search(b"".join([value for _, value in headers])):
            raise ValueError("a header's value holds a control character")
        parts = [STATUS_LINE[status]]
        for name, value in (*cycle.default_headers, *headers):
            parts += (name, b": ", value, b"\r\n")
        parts += (b"content-length: %d\r\n" % len(body), b"\r\n" if cycle.keep_alive else _LAST, body)
        cycle.response_started = cycle.response_complete = True
        self.transport.write(b"".join(parts))
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()
        return True

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._seat is not None:
            self._seat.rest()
        if not self.pipeline:
            self._not_body = 0
        if self._in_request and not self._is_pending and not self.transport.is_closing():
            self._await_request()

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

    def _await_request(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(HEAD_S, self.transport.close)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
