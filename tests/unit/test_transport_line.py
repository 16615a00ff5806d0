"""One connection's times and bounds, exactly, with a fake operating system on a clock that stands still."""

import socket
import struct
from collections import deque
from typing import Any

import pytest
from httpcore import AsyncNetworkStream

from engine.transport import line
from engine.transport.errors import WireError
from engine.transport.line import HEAD_BYTES, PIECE_BYTES, MeteredStream

NOON = 43_200.0
TAKES_S = 3.0
"""As long as the kernel takes for each piece."""


class Clock:
    """The monotonic clock."""

    def __init__(self) -> None:
        self.now = NOON

    def monotonic(self) -> float:
        return self.now


def tcp_info(*, last_data_sent: int, last_data_recv: int) -> bytes:
    """struct tcp_info as linux/tcp.h has it, up to tcpi_last_ack_recv; every other field holds a number of its own."""
    flags = bytes(range(1, 9))
    before_times = range(101, 110)  # tcpi_rto, ato, snd_mss, rcv_mss, unacked, sacked, lost, retrans, fackets
    last_ack_sent, last_ack_recv = 110, 111
    return flags + struct.pack("@13I", *before_times, last_data_sent, last_ack_sent, last_data_recv, last_ack_recv)


class Kernel:
    """A socket that can be asked about its connection; `info` is None where that is not known."""

    def __init__(self, info: bytes | None) -> None:
        self._info = info

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.IPPROTO_TCP, 11)
        if self._info is None:
            raise OSError("Protocol not available")
        return self._info[:size]


class Wire(AsyncNetworkStream):
    """Takes what is written and gives out what it was made with; each piece takes TAKES_S."""

    def __init__(self, clock: Clock, incoming: bytes = b"", info: bytes | None = None) -> None:
        self._clock = clock
        self._kernel = Kernel(info)
        self._incoming = incoming
        self.written: deque[tuple[float, int, float | None]] = deque()
        self.asked: list[tuple[int, float | None]] = []
        self.closed = False

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written.append((self._clock.now, len(buffer), timeout))
        self._clock.now += TAKES_S

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.asked.append((max_bytes, timeout))
        self._clock.now += TAKES_S
        data, self._incoming = self._incoming[:max_bytes], self._incoming[max_bytes:]
        return data

    async def aclose(self) -> None:
        self.closed = True

    def get_extra_info(self, info: str) -> Any:
        return self._kernel if info == "socket" else f"{info} of the connection"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    still = Clock()
    monkeypatch.setattr(line, "time", still)
    return still


@pytest.mark.parametrize("age_ms", [0, 1, 250, 4_000_000])
async def test_what_is_read_was_received_when_the_kernel_had_it(clock: Clock, age_ms: int) -> None:
    stream = MeteredStream(Wire(clock, b"hello", tcp_info(last_data_sent=77, last_data_recv=age_ms)))
    await stream.write(b"x")
    assert await stream.read(100) == b"hello"
    assert stream.received_at == pytest.approx(NOON + 2 * TAKES_S - age_ms / 1000, abs=1e-9)


@pytest.mark.parametrize("info", [None, b"", bytes(55)])
async def test_where_the_kernel_does_not_tell_it_was_received_now(clock: Clock, info: bytes | None) -> None:
    stream = MeteredStream(Wire(clock, b"hello", info))
    await stream.write(b"x")
    await stream.read(100)
    assert stream.received_at == NOON + 2 * TAKES_S


async def test_a_request_is_sent_when_its_last_piece_goes_to_the_kernel(clock: Clock) -> None:
    wire = Wire(clock)
    stream = MeteredStream(wire)
    await stream.write(bytes(2 * PIECE_BYTES + 1), timeout=9.0)
    assert stream.sent_at == NOON + 2 * TAKES_S
    assert list(wire.written) == [
        (NOON, PIECE_BYTES, 9.0),
        (NOON + TAKES_S, PIECE_BYTES, 9.0),
        (NOON + 2 * TAKES_S, 1, 9.0),
    ]


async def test_reading_goes_in_small_pieces(clock: Clock) -> None:
    wire = Wire(clock, bytes(PIECE_BYTES + 5))
    stream = MeteredStream(wire)
    await stream.write(b"x")
    assert len(await stream.read(1_000_000, timeout=9.0)) == PIECE_BYTES
    assert len(await stream.read(3, timeout=8.0)) == 3
    assert wire.asked == [(PIECE_BYTES, 9.0), (3, 8.0)]


async def drained(stream: MeteredStream, size: int) -> None:
    while size > 0:
        size -= len(await stream.read(size))


@pytest.mark.parametrize("allowed", [0, 1, 50_000])
async def test_a_reply_may_have_its_head_and_what_was_allowed_and_no_byte_more(clock: Clock, allowed: int) -> None:
    stream = MeteredStream(Wire(clock, bytes(1_000_000)))
    await stream.write(b"x")
    stream.allow(allowed)
    await drained(stream, HEAD_BYTES + allowed)
    with pytest.raises(WireError, match="more than was asked for") as caught:
        await stream.read(1)
    assert caught.value.status == "too_large"


async def test_each_request_begins_its_allowance_again(clock: Clock) -> None:
    stream = MeteredStream(Wire(clock, bytes(1_000_000)))
    for _ in range(3):
        await stream.write(b"x")
        stream.allow(10)
        await drained(stream, HEAD_BYTES + 10)
    await stream.write(b"x")
    with pytest.raises(WireError):
        await drained(stream, HEAD_BYTES + 10)


async def test_nothing_may_be_read_before_something_was_asked(clock: Clock) -> None:
    with pytest.raises(WireError):
        await MeteredStream(Wire(clock, b"unasked")).read(7)


async def test_the_rest_is_the_connections(clock: Clock) -> None:
    wire = Wire(clock)
    stream = MeteredStream(wire)
    assert stream.get_extra_info("ssl_object") == "ssl_object of the connection"
    assert (stream.sent_at, stream.received_at) == (0.0, 0.0)
    await stream.aclose()
    assert wire.closed
