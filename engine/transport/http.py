"""Plain HTTP to peers: one small connection pool per peer, every reply bounded.

No redirects, content encodings, cookies or proxies. It uses httpx's own engine (httpcore) without httpx on top, because
that is where a connection can be bound to a checked address and timed. One pool per peer, because a shared pool scans
all its connections for every request.
"""

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager

import httpcore
from msgspec import Struct

from engine.transport import retry_after
from engine.transport.errors import WireError, brief
from engine.transport.line import CheckedBackend, MeteredStream
from engine.values import Peer, at_port

CONNECTIONS_PER_PEER = 16
"""Calls to one peer at once."""

KEEP_ALIVE_S = 4.0  # under uvicorn's 5 s, so that no request goes out on a connection that the peer is closing
MAX_PEERS = 512
"""Clients kept: two subnets of 256 neurons. Beyond that the one used longest ago is closed."""


class HttpReply(Struct, frozen=True):
    """A complete reply. `ms` runs from the request's last byte sent to the reply's last byte received.

    `retry_after` is in how many seconds the peer asks to be called again, if given.
    """

    status: int
    body: bytes
    ms: float
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300


class PeerClients:
    """Keep-alive connections to peers. Beyond `max_peers` the least recently used peer is dropped.

    `allow_private` and `own` as in `addresses.refuse_address`; `connect_timeout` in seconds.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        own: frozenset[tuple[str, int]] = frozenset(),
        connect_timeout: float = 5.0,
        max_peers: int = MAX_PEERS,
    ) -> None:
        self._backend = CheckedBackend(allow_private=allow_private, own=own)
        self._connect_timeout = connect_timeout
        self._max_peers = max_peers
        self._clients: OrderedDict[Peer, _PeerClient] = OrderedDict()

    def __len__(self) -> int:
        return len(self._clients)

    async def get(self, peer: Peer, path: str, *, max_bytes: int) -> HttpReply:
        """Like `post`, without a body."""
        return await self._send(peer, "GET", path, None, {}, max_bytes)

    async def post(
        self,
        peer: Peer,
        path: str,
        content: bytes,
        headers: Mapping[str, str],
        *,
        max_bytes: int,
        on_piece: Callable[[bytes], None] | None = None,
    ) -> HttpReply:
        """Send one request and read one reply of at most `max_bytes`. Put a deadline around it (`within`).

        `on_piece` also gets the body of a 2xx piece by piece as it arrives.
        Raises WireError for anything short of a full reply: "refused" for an address that must not be called,
        "unreachable", "malformed", "too_large".
        """
        return await self._send(peer, "POST", path, content, headers, max_bytes, on_piece)

    async def close(self) -> None:
        await self._drop(list(self._clients))

    async def _send(
        self,
        peer: Peer,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        max_bytes: int,
        on_piece: Callable[[bytes], None] | None = None,
    ) -> HttpReply:
        client = self._clients.get(peer)
        if client is None:
            client = self._clients[peer] = _PeerClient(peer, self._backend, self._connect_timeout)
        self._clients.move_to_end(peer)
        client.in_use += 1
        try:
            if len(self._clients) > self._max_peers:
                idle = [other for other, held in self._clients.items() if held.in_use == 0]
                await self._drop(idle[: len(self._clients) - self._max_peers])
            return await client.send(method, path, content, headers, max_bytes, on_piece)
        finally:
            client.in_use -= 1

    async def _drop(self, peers: Collection[Peer]) -> None:
        dropped = [self._clients.pop(peer) for peer in peers]
        for client in dropped:
            await client.close()


class _PeerClient:
    def __init__(self, peer: Peer, backend: CheckedBackend, connect_timeout: float) -> None:
        self.in_use = 0
        self._peer = peer
        self._connect_timeout = connect_timeout
        self._pool = httpcore.AsyncConnectionPool(
            max_connections=CONNECTIONS_PER_PEER,
            max_keepalive_connections=1,
            keepalive_expiry=KEEP_ALIVE_S,
            network_backend=backend,
        )

    async def send(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        max_bytes: int,
        on_piece: Callable[[bytes], None] | None,
    ) -> HttpReply:
        try:
            return await self._exchange(method, path, content, headers, max_bytes, on_piece)
        except httpcore.ConnectTimeout:
            raise WireError("unreachable", f"no connection within {self._connect_timeout:g} s") from None
        except httpcore.ConnectError as error:
            raise WireError("unreachable", f"no connection: {_cause(error)}") from None
        except httpcore.RemoteProtocolError as error:
            if "without sending a response" in str(error):
                raise WireError("unreachable", "the peer closed the connection without a reply") from None
            raise WireError("malformed", f"not an HTTP reply: {brief(str(error))}") from None
        except httpcore.NetworkError as error:
            raise WireError("unreachable", f"the connection broke: {_cause(error)}") from None

    async def close(self) -> None:
        await self._pool.aclose()

    async def _exchange(
        self,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        max_bytes: int,
        on_piece: Callable[[bytes], None] | None,
    ) -> HttpReply:
        host = self._peer.host.strip("[]")
        if not host.isascii():
            raise WireError("unreachable", f"{brief(host, 60)!r} is not a host name")
        async with self._pool.stream(
            method,
            httpcore.URL(scheme="http", host=host, port=self._peer.port, target=path),
            headers=[
                ("Host", at_port(host, self._peer.port)),
                ("Accept-Encoding", "identity"),
                ("User-Agent", "subnet-console"),
                *headers.items(),
            ],
            content=content,
            extensions={"timeout": {"connect": self._connect_timeout}},
        ) as response:
            _refuse_shape(response, max_bytes)
            line: MeteredStream = response.extensions["network_stream"]
            line.allow(max_bytes)
            body = await _read(response, max_bytes, on_piece if 200 <= response.status < 300 else None)
            ms = max(0.0, line.received_at - line.sent_at) * 1000
            return HttpReply(response.status, body, ms, _retry_after(response))


@asynccontextmanager
async def within(seconds: float) -> AsyncIterator[None]:
    """A deadline for everything inside, on the monotonic clock. Raises WireError("timeout")."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise WireError("timeout", f"no complete answer within {seconds:g} s") from None


def _refuse_shape(response: httpcore.Response, max_bytes: int) -> None:
    if 300 <= response.status < 400:
        raise WireError("malformed", f"a redirect ({response.status}): not followed")
    headers = {name.lower(): value for name, value in response.headers}
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise WireError("malformed", "a compressed body: it was not asked for")
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > max_bytes:
        raise WireError("too_large", f"{int(announced)} bytes announced, at most {max_bytes} are read")


def _retry_after(response: httpcore.Response) -> float | None:
    said = next((value for name, value in response.headers if name.lower() == b"retry-after"), b"")
    return retry_after.seconds(said.decode("latin-1"), now=time.time())


async def _read(response: httpcore.Response, max_bytes: int, on_piece: Callable[[bytes], None] | None) -> bytes:
    body = bytearray()
    pieces = 0
    async for piece in response.aiter_stream():
        body += piece
        pieces += 1
        if len(body) > max_bytes:
            raise WireError("too_large", f"more than {max_bytes} bytes")
        if pieces > 1024 + len(body) // 16:
            raise WireError("malformed", f"{len(body)} bytes in {pieces} pieces")
        if on_piece is not None:
            on_piece(piece)
    return bytes(body)


def _cause(error: BaseException) -> str:
    """The operating system's own message, from the bottom of the exception chain."""
    deepest = error
    while (below := deepest.__cause__ or deepest.__context__) is not None:
        deepest = below
    if isinstance(deepest, OSError) and deepest.errno:
        return os.strerror(deepest.errno)
    return brief(str(deepest)) or type(deepest).__name__
