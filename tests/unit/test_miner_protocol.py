"""What a connection may send beside bodies, on raw sockets against the real server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner_server import connections
from miner_server.connections import MOST_HEADERS, MOST_WAITING, Gathered
from miner_server.server import MinerServer
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ObedientBackend, Validator, serving

LOOK_UP = b"GET /availability HTTP/1.1\r\nHost: x\r\n"
WHOLE = LOOK_UP + b"\r\n"
FAR_TOO_MUCH = 8_000_000
"""Beyond this a server takes without end: sockets hold up to some megabytes between the two."""

STUCK_S = 3.0
"""After this the server has stopped to read."""


class Raw:
    """A connection on which a test writes what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def replies(self, count: int) -> list[int]:
        """The statuses of the next replies."""
        statuses = []
        for _ in range(count):
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)
            lines = head.lower().split(b"\r\n")
            length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
            await self.reader.readexactly(length)
            statuses.append(int(head.split(b" ")[1]))
        return statuses

    async def sent_until_closed(self, piece: bytes) -> int:
        """Send `piece` again and again until the server hangs up or takes no more; how much it took at most."""
        sent = 0
        ended = asyncio.create_task(self._end())
        with suppress(ConnectionError):
            while not (ended.done() or self.writer.is_closing()) and sent < FAR_TOO_MUCH:
                self.writer.write(piece)
                sent += len(piece)
                drained = asyncio.create_task(self.writer.drain())
                await asyncio.wait([drained, ended], return_when=asyncio.FIRST_COMPLETED, timeout=STUCK_S)
                if drained.cancel():
                    break
                await asyncio.sleep(0)
        ended.cancel()
        return sent

    async def _end(self) -> None:
        with suppress(ConnectionError):
            while await self.reader.read(65536):
                pass


@asynccontextmanager
async def connected(server: MinerServer) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_connection(*server.address)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


def challenge(validator: Validator, *lines: str, body: bytes | None = None) -> bytes:
    """A challenge in the validator's name; with `lines`, its head and nothing after it."""
    token = validator.sealed("a question") if body is None else body
    headers = [f"{name}: {value}" for name, value in validator.headers.items()]
    own = lines or (f"Content-Length: {len(token)}",)
    head = "\r\n".join(["POST /fiber/challenge HTTP/1.1", "Host: x", *headers, *own, "", ""]).encode()
    return head if lines else head + token


@pytest.mark.parametrize(
    "endless",
    [b"X-More: " + b"y" * 1000 + b"\r\n", b"y" * 1000, b"a:\r\n", WHOLE, b"\r\n" * 500, b"\x00garbage\r\n\r\n"],
    ids=["headers", "one header", "tiny headers", "whole requests", "empty lines", "garbage"],
)
async def test_nothing_is_taken_without_end_behind_a_request_that_is_being_answered(endless: bytes) -> None:
    backend = ObedientBackend(open_gate=False)
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        async with connected(server) as raw:
            raw.writer.write(challenge(alice))
            await until(lambda: backend.now == 1)
            raw.writer.write(b"GET /availability HTTP/1.1\r\n" if endless[0] in b"Xya" else b"")
            assert await raw.sent_until_closed(endless) < FAR_TOO_MUCH
        if endless != WHOLE:  # which is not read at all, so that nobody notices who hangs up
            await until(lambda: backend.now == 0)
        backend.gate.set()
        assert await alice.ask("again") == "heard again"


async def test_a_long_body_behind_a_request_that_is_being_answered_is_not_kept() -> None:
    backend = ObedientBackend(open_gate=False)
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        async with connected(server) as raw:
            raw.writer.write(challenge(alice) + challenge(alice, "Content-Length: 900000"))
            await until(lambda: backend.now == 1)
            assert await raw.sent_until_closed(b"y" * 5000) < FAR_TOO_MUCH


@pytest.mark.parametrize("first", [b"", WHOLE], ids=["first", "second"])
@pytest.mark.parametrize(
    "head",
    [
        LOOK_UP + b"X-Long: " + b"y" * 65_000 + b"\r\n\r\n",
        LOOK_UP + b"X-Long: yyyyyyyy\r\n" * 4000 + b"\r\n",
        b"GET /" + b"y" * 65_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        LOOK_UP + b"a:\r\n" * (MOST_HEADERS + 1) + b"\r\n",
    ],
    ids=["one header", "many headers", "address", "more headers than anybody sends"],
)
async def test_a_head_that_is_too_long_is_refused_also_in_one_piece(first: bytes, head: bytes) -> None:
    async with serving() as server, connected(server) as raw:
        if first:
            raw.writer.write(first)
            assert await raw.replies(1) == [200]
        raw.writer.write(head)
        assert await raw.replies(1) == [400]
        assert server.view().statuses == ({200: 1} if first else {}) | {400: 1}


async def test_a_long_head_that_is_within_bounds_is_served() -> None:
    async with serving() as server, connected(server) as raw:
        long = b"X-Long: " + b"y" * (32 * 1024 - 500) + b"\r\n"
        for _ in range(3):
            raw.writer.write(LOOK_UP + long + b"\r\n")
            assert await raw.replies(1) == [200]
        raw.writer.write(LOOK_UP + b"a: b\r\n" * (MOST_HEADERS - 1) + b"\r\n")
        assert await raw.replies(1) == [200]


async def test_a_few_requests_in_a_row_are_answered_in_their_order() -> None:
    async with serving() as server, Validator(server) as alice, connected(server) as raw:
        await alice.shake()
        raw.writer.write(
            challenge(alice) + b"POST /fiber/challenge HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + challenge(alice)
        )
        assert await raw.replies(3) == [200, 422, 200]
        raw.writer.write(WHOLE * (MOST_WAITING + 1))
        assert await raw.replies(MOST_WAITING + 1) == [200] * (MOST_WAITING + 1)


@pytest.mark.parametrize(
    ("begin", "endless"),
    [
        (b"3\r\nabc\r\n0\r\n", b"X-Trailer: " + b"y" * 1000 + b"\r\n"),
        (b"3", b";" + b"y" * 1000),
        (b"", b"1;" + b"y" * 500 + b"\r\nx\r\n"),
    ],
    ids=["trailers", "an extension", "extensions"],
)
async def test_the_framing_of_a_chunked_body_is_bounded(begin: bytes, endless: bytes) -> None:
    async with serving() as server, Validator(server) as alice, connected(server) as raw:
        await alice.shake()
        raw.writer.write(challenge(alice, "Transfer-Encoding: chunked") + begin)
        sent = await raw.sent_until_closed(endless)
    assert sent < FAR_TOO_MUCH


async def test_a_body_in_the_smallest_chunks_is_read_and_its_trailers_change_nothing() -> None:
    async with serving() as server, Validator(server) as alice, connected(server) as raw:
        await alice.shake()
        token = alice.sealed("What is 1 plus 1? " + "x" * 40_000)
        chunks = b"".join(b"1\r\n" + bytes([byte]) + b"\r\n" for byte in token)
        raw.writer.write(challenge(alice, "Transfer-Encoding: chunked") + chunks)
        raw.writer.write(b"0\r\nx-fiber-validator-hotkey-ss58: nobody\r\n\r\n")
        assert await raw.replies(1) == [200]
        raw.writer.write(WHOLE)
        assert await raw.replies(1) == [200]


async def test_trailers_are_not_headers() -> None:
    async with serving() as server, connected(server) as raw:
        raw.writer.write(b"POST /fiber/challenge HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
        raw.writer.write(b"x-fiber-validator-hotkey-ss58: v\r\nx-fiber-symmetric-key-uuid: u\r\n\r\n")
        assert await raw.replies(1) == [422]


async def test_a_head_that_waits_behind_an_answer_is_cut_in_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.2)
    backend = ObedientBackend(open_gate=False)
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        async with connected(server) as raw:
            raw.writer.write(challenge(alice))
            await until(lambda: backend.now == 1)
            raw.writer.write(b"GET /availability HTTP/1.1\r\nX-Half: ")
            backend.gate.set()
            assert await raw.replies(1) == [200]
            assert await asyncio.wait_for(raw.reader.read(), 30) == b""


class Sink:
    """A parser's callbacks that keep what they get."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    def on_body(self, body: bytes) -> None:
        self.bodies.append(body)


@given(st.lists(st.binary(min_size=1, max_size=300), min_size=1, max_size=40), st.integers(1, 5000))
def test_the_bound_is_above_what_chunks_cost(bodies: list[bytes], piece: int) -> None:
    """However a body is cut into chunks and pieces, its framing is within `FRAMING` bytes for each of its own."""
    raw = b"".join(b"%x\r\n%b\r\n" % (len(body), body) for body in bodies)
    assert len(raw) - sum(map(len, bodies)) <= connections.FRAMING * sum(map(len, bodies))
    sink = Sink()
    parser = httptools.HttpRequestParser(sink)
    parser.feed_data(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for start in range(0, len(raw), piece):
        parser.feed_data(raw[start : start + piece])
    assert b"".join(sink.bodies) == b"".join(bodies)


class Kernel(asyncio.Transport):
    """What is handed to the kernel, call by call."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[bytes | None] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.calls.append(bytes(data))

    def close(self) -> None:
        self.calls.append(None)

    def is_closing(self) -> bool:
        return None in self.calls


def test_a_replys_head_goes_out_with_the_beginning_of_its_body() -> None:
    kernel = Kernel()
    reply = Gathered(kernel)
    reply.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert kernel.calls == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    reply.write(b"HTTP/1.1 200 OK\r\n\r\n")
    reply.write(b"one")
    reply.write(b"HTTP/2 is another")
    assert kernel.calls[1:] == [b"HTTP/1.1 200 OK\r\n\r\none", b"HTTP/2 is another"]
    assert not reply.is_closing()
    reply.close()
    assert reply.is_closing() and kernel.calls[3:] == [None]


def test_a_reply_that_ends_with_its_head_is_sent() -> None:
    kernel = Kernel()
    reply = Gathered(kernel)
    reply.write(b"HTTP/1.1 500 No\r\n\r\n")
    reply.close()
    assert kernel.calls == [b"HTTP/1.1 500 No\r\n\r\n", None]


async def test_a_reply_has_no_body_where_only_its_head_is_asked_for() -> None:
    async with serving() as server, connected(server) as raw:
        raw.writer.write(b"HEAD /availability HTTP/1.1\r\nHost: x\r\n\r\n" + LOOK_UP + b"Connection: close\r\n\r\n")
        head, _, rest = (await raw.reader.read()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ") and b"content-length: " in head
    assert rest.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nconnection: close\r\n" in rest


async def test_a_caller_without_keep_alive_is_told_that_its_connection_ends() -> None:
    async with serving() as server, connected(server) as raw:
        raw.writer.write(b"GET /availability HTTP/1.0\r\nHost: x\r\n\r\n")
        head, _, body = (await raw.reader.read()).partition(b"\r\n\r\n")
    assert b"\r\nconnection: close" in head
    assert b"\r\ncontent-length: %d\r\n" % len(body) in head


# -- what becomes of a connection is on record -----------------------------------------------------------------------


async def _refused_for(server: MinerServer, status: int, said: str) -> None:
    def told() -> bool:
        kinds = server.view().refusals
        return any((one.status, one.gate, one.host) == (status, "connection", "127.0.0.1") for one in kinds)

    await until(told)
    [kind] = server.view().refusals
    assert said in kind.reason
    assert [one.reason for one in server.view().requests] == [kind.reason]
    [counted] = [metric for metric in server.metrics() if metric.name == "miner_refusals"]
    assert [(sample.labels["gate"], sample.value) for sample in counted.samples] == [("connection", 1)]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (LOOK_UP + b"Validator-Hotkey: " + b"1" * 65_536 + b"\r\n\r\n", "head is too long"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "Invalid HTTP"),
    ],
    ids=["64 KiB in a header", "TLS"],
)
async def test_whoever_never_comes_to_a_request_is_on_record_with_the_reason(sent: bytes, said: str) -> None:
    async with serving() as server, connected(server) as raw:
        raw.writer.write(sent)
        assert await raw.replies(1) == [400]
        await _refused_for(server, 400, said)


async def test_a_head_that_drips_is_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.05)
    async with serving() as server, connected(server) as silent, connected(server) as raw:
        raw.writer.write(LOOK_UP[:-5])
        assert await asyncio.wait_for(raw.reader.read(), 30) == b""
        assert await asyncio.wait_for(silent.reader.read(), 30) == b""  # has asked for nothing, and is not on record
        await _refused_for(server, 408, "took longer than 0.05 s")


async def test_a_connection_for_which_there_is_no_place_is_on_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner_server.places.MOST", 0)
    async with serving() as server, connected(server) as raw:
        assert await raw.replies(1) == [503]
        await _refused_for(server, 503, "too many connections")
