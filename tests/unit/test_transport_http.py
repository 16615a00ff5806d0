"""Connections to peers over real sockets: what hostile servers send, how long a reply took, what stays open."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate

import pytest

from engine.transport.errors import WireError
from engine.transport.http import KEEP_ALIVE_S, PeerClients, within
from engine.values import Peer
from tests.unit.transport_helpers import Received, http_server, reply

LIMIT = 64 * 1024
Script = Callable[[asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def clients(*, allow_private: bool = True, max_peers: int = 512) -> AsyncIterator[PeerClients]:
    open_clients = PeerClients(allow_private=allow_private, connect_timeout=1.0, max_peers=max_peers)
    try:
        yield open_clients
    finally:
        await open_clients.close()


def scripted(script: Script) -> Callable[[Received], Awaitable[None]]:
    async def handle(received: Received) -> None:
        await script(received.writer)
        await received.writer.drain()

    return handle


async def failure(script: Script, *, timeout: float = 5.0) -> WireError:
    async with http_server(scripted(script)) as peer, clients() as to:
        with pytest.raises(WireError) as caught:
            async with within(timeout):
                await to.post(peer, "/x", b"hello", {}, max_bytes=LIMIT)
        assert caught.value.reason.isprintable()
        return caught.value


def sends(raw: bytes) -> Script:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return script


async def test_a_request_arrives_whole_and_the_reply_comes_back() -> None:
    seen: list[Received] = []

    async def handle(received: Received) -> bytes:
        seen.append(received)
        return reply(418, b"short and stout")

    async with http_server(handle) as peer, clients() as to:
        got = await to.post(peer, "/tea", b"x" * 100_000, {"X-One": "1"}, max_bytes=LIMIT)
    assert (got.status, got.body, got.ok) == (418, b"short and stout", False)
    assert (seen[0].method, seen[0].path, seen[0].body) == ("POST", "/tea", b"x" * 100_000)
    assert seen[0].headers["accept-encoding"] == "identity"
    assert seen[0].headers["x-one"] == "1"
    assert seen[0].headers["host"] == f"127.0.0.1:{peer.port}"


@pytest.mark.parametrize(
    ("raw", "status", "why"),
    [
        (b"\x00\xff\x80garbage\r\n\r\n", "malformed", "not an HTTP reply"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", "malformed", "not an HTTP reply"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: nan\r\n\r\n", "malformed", "not an HTTP reply"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000, "too_large", "more than was asked for"),
        (b"HTTP/1.1 302 Found\r\nlocation: http://10.0.0.1/\r\ncontent-length: 0\r\n\r\n", "malformed", "redirect"),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 1\r\n\r\nx", "malformed", "compressed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n", "too_large", "104857600 bytes announced"),
        (b"", "unreachable", "closed the connection without a reply"),
    ],
)
async def test_an_invalid_reply_has_a_status_and_a_reason(raw: bytes, status: str, why: str) -> None:
    error = await failure(sends(raw))
    assert (error.status, why in error.reason) == (status, True), error.reason


async def test_a_hundred_megabytes_are_cut_off_early() -> None:
    taken = 0

    async def script(writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(100):
            writer.write(b"x" * 1_000_000)
            await writer.drain()
            taken += 1

    error = await failure(script)
    assert error.status == "too_large"
    assert taken < 20


async def test_a_compressed_bomb_is_not_unpacked() -> None:
    bomb = gzip.compress(b"0" * 20_000_000)
    assert len(bomb) < LIMIT
    error = await failure(sends(reply(200, bomb, content_encoding="gzip")))
    assert (error.status, error.reason) == ("malformed", "a compressed body: it was not asked for")


async def test_a_slow_drip_ends_at_the_deadline() -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 60000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.01)

    started = time.monotonic()
    error = await failure(script, timeout=0.2)
    assert (error.status, error.reason) == ("timeout", "no complete answer within 0.2 s")
    assert time.monotonic() - started < 15


async def test_silence_ends_at_the_deadline() -> None:
    async def script(_: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    assert (await failure(script, timeout=0.1)).status == "timeout"


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        (36_000, 1, 36_001),
        (-60, 0, 0),
        ("9" * 400, 0, 1e9),
    ],
)
async def test_when_a_peer_wants_to_be_asked_again_is_read_as_seconds_or_as_an_instant(
    said: str | int, least: float, most: float
) -> None:
    header = said if isinstance(said, str) else formatdate(time.time() + said, usegmt=True)

    async def handle(_: Received) -> bytes:
        return reply(429, b"", Retry_After=header)

    async with http_server(handle) as peer, clients() as to:
        after = (await to.get(peer, "/", max_bytes=1)).retry_after
    assert after is not None
    assert least <= after <= most


@pytest.mark.parametrize("said", ["soon", "5\x1c", "\xb2"])
async def test_an_invalid_time_is_none(said: str) -> None:
    async def handle(_: Received) -> bytes:
        return f"HTTP/1.1 429 Busy\r\ncontent-length: 0\r\nretry-after: {said}\r\n\r\n".encode("latin-1")

    async with http_server(handle) as peer, clients() as to:
        assert (await to.get(peer, "/", max_bytes=1)).retry_after is None


async def test_a_long_answer_that_comes_token_by_token_is_read_to_its_end() -> None:
    frames = b"25\r\n" + b"x" * 37 + b"\r\n"  # a token of four letters, sealed

    async def handle(_: Received) -> bytes:
        return b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + frames * 4096 + b"0\r\n\r\n"

    async with http_server(handle) as peer, clients() as to:
        assert len((await to.get(peer, "/", max_bytes=1 << 20)).body) == 37 * 4096


async def test_a_body_in_a_myriad_of_pieces_is_given_up() -> None:
    frames = b"1\r\nx\r\n" * 40_000
    error = await failure(sends(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + frames))
    assert error.status == "malformed"
    assert "pieces" in error.reason


async def test_endless_interim_replies_are_cut_off() -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 100 \r\n\r\n" * 5000)
            await writer.drain()

    assert (await failure(script)).status == "too_large"


async def test_nobody_listening_is_unreachable_in_the_systems_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    async with clients() as to:
        with pytest.raises(WireError) as caught:
            await to.get(Peer("h", "127.0.0.1", port), "/", max_bytes=1)
    assert (caught.value.status, caught.value.reason) == ("unreachable", "no connection: Connection refused")


async def test_a_reset_is_unreachable() -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()

    assert (await failure(script)).status == "unreachable"


async def test_a_private_address_is_refused_before_anything_is_sent() -> None:
    connected = asyncio.Event()

    async def handle(_: Received) -> bytes:
        connected.set()
        return reply(200, b"")

    async with http_server(handle) as peer, clients(allow_private=False) as to:
        for host in ("127.0.0.1", "localhost"):
            with pytest.raises(WireError, match="loopback") as caught:
                await to.get(Peer("h", host, peer.port), "/", max_bytes=1)
            assert caught.value.status == "refused"
    assert not connected.is_set()


async def test_our_own_address_is_refused_even_where_private_ones_pass() -> None:
    to = PeerClients(allow_private=True, own=frozenset({("127.0.0.1", 8091)}))
    with pytest.raises(WireError, match="our own address"):
        await to.get(Peer("h", "localhost", 8091), "/", max_bytes=1)
    await to.close()


async def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that points at a public address when it is checked and at loopback when it is dialled gets nowhere."""
    loop = asyncio.get_running_loop()
    look_up = loop.getaddrinfo
    asked: list[str] = []

    async def rebinding(host: str, *args: object, **kwargs: object) -> object:
        asked.append(host)
        public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.114.1", 0))
        return [public] if host == "rebind.example" and len(asked) == 1 else await look_up("127.0.0.1", 80)

    dialled: list[object] = []

    async def connect(_: object, host: str = "", port: int = 0, **__: object) -> object:
        dialled.append((host, port))
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(loop, "getaddrinfo", rebinding)
    monkeypatch.setattr(loop, "create_connection", connect)
    async with clients(allow_private=False) as to:
        with pytest.raises(WireError, match="no connection"):
            await to.get(Peer("h", "rebind.example", 80), "/", max_bytes=1)
    assert dialled == [("203.0.114.1", 80)]
    assert asked == ["rebind.example"]


async def connection_counter() -> tuple[Callable[[Received], Awaitable[bytes]], set[object]]:
    connections: set[object] = set()

    async def handle(received: Received) -> bytes:
        connections.add(received.writer)
        return reply(200, b"ok")

    return handle, connections


async def test_a_connection_is_kept_and_used_again() -> None:
    handle, connections = await connection_counter()
    async with http_server(handle) as peer, clients() as to:
        for _ in range(5):
            await to.get(peer, "/", max_bytes=9)
    assert len(connections) == 1
    assert KEEP_ALIVE_S < 5  # what uvicorn keeps: we must be the first to let go


async def test_a_connection_that_the_peer_closed_meanwhile_is_replaced() -> None:
    seen = 0

    async def handle(received: Received) -> bytes | None:
        nonlocal seen
        seen += 1
        received.writer.write(reply(500, b"oops"))
        return None

    async with http_server(handle) as peer, clients() as to:
        for _ in range(3):
            assert (await to.get(peer, "/", max_bytes=9)).status == 500
            await asyncio.sleep(0.02)
    assert seen == 3


async def test_peers_beyond_the_bound_lose_their_connection_oldest_first() -> None:
    handle, connections = await connection_counter()
    async with http_server(handle) as peer, clients(max_peers=2) as to:
        peers = [Peer(f"hotkey-{number}", peer.host, peer.port) for number in range(3)]
        for one in peers:
            await to.get(one, "/", max_bytes=9)
        assert (len(to), len(connections)) == (2, 3)
        await to.get(peers[2], "/", max_bytes=9)
        assert len(connections) == 3
        await to.get(peers[0], "/", max_bytes=9)
        assert len(connections) == 4


async def test_a_crowd_beyond_the_bound_shrinks_back_to_it() -> None:
    handle, _ = await connection_counter()
    async with http_server(handle) as peer, clients(max_peers=2) as to:
        crowd = [Peer(f"hotkey-{number}", peer.host, peer.port) for number in range(20)]
        replies = await asyncio.gather(*(to.get(one, "/", max_bytes=9) for one in crowd))
        assert all(got.ok for got in replies)
        await to.get(crowd[0], "/", max_bytes=9)
        assert len(to) == 2


async def test_a_peer_in_use_is_not_dropped_for_another() -> None:
    gate = asyncio.Event()

    async def handle(received: Received) -> bytes:
        if received.path == "/slow":
            await gate.wait()
        return reply(200, b"ok")

    async with http_server(handle) as peer, clients(max_peers=1) as to:
        slow = asyncio.create_task(to.get(Peer("slow", peer.host, peer.port), "/slow", max_bytes=9))
        await asyncio.sleep(0.02)
        assert (await to.get(peer, "/", max_bytes=9)).ok
        gate.set()
        assert (await slow).ok


async def test_deadlines_let_other_errors_through() -> None:
    with pytest.raises(ZeroDivisionError):
        async with within(1):
            raise ZeroDivisionError
