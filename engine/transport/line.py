"""One TCP connection to a peer: opened to a checked address only, metered, and timed by the kernel.

A time taken when a coroutine resumes includes however long the loop was busy, so both ends of an exchange are taken
where they happen. Sent: just before the last piece of the request is handed to the kernel, with nothing awaited
in between. Received: now, less the age of the last data that the kernel received (`tcpi_last_data_recv`).
`tcpi_last_data_sent` would be the wrong start: a retransmission moves it, and a peer that leaves our packets
unacknowledged would look faster than it is. The kernel counts in ticks, so a time may be off by one (1 to 10 ms).
Where the kernel cannot tell (TCP_INFO is specific to Linux), the loop's time counts.
"""

import socket
import struct
import time
from collections.abc import Iterable
from typing import Any

from httpcore import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from engine.transport.addresses import checked_address
from engine.transport.errors import WireError

HEAD_BYTES = 64 * 1024
PIECE_BYTES = 16 * 1024
"""The most that is read of a reply's head, and at once of its body."""

# struct tcp_info of linux/tcp.h: 8 bytes of flags, then u32 fields; times in ms before now.
_TCP_INFO = 11
_LAST_DATA_RECV = struct.Struct("@I")
_LAST_DATA_RECV_OFFSET = 52


class MeteredStream(AsyncNetworkStream):
    """A connection that knows when it last sent and received (monotonic seconds) and how much it may still read."""

    def __init__(self, stream: AsyncNetworkStream) -> None:
        self._stream = stream
        self._allowance = 0
        self.sent_at = 0.0
        self.received_at = 0.0

    def allow(self, size: int) -> None:
        """Allow `size` more bytes to be read for this request, in addition to `HEAD_BYTES` for its headers."""
        self._allowance += size

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._allowance = HEAD_BYTES
        for start in range(0, len(buffer), PIECE_BYTES):
            self.sent_at = time.monotonic()
            await self._stream.write(buffer[start : start + PIECE_BYTES], timeout)

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Reads in small pieces, so that a peer that sends thousands of tiny frames never blocks the loop for long."""
        data = await self._stream.read(min(max_bytes, PIECE_BYTES), timeout)
        self.received_at = _last_arrival(self._stream.get_extra_info("socket"))
        self._allowance -= len(data)
        if self._allowance < 0:
            raise WireError("too_large", "the peer sends more than was asked for")
        return data

    async def aclose(self) -> None:
        await self._stream.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class CheckedBackend(AsyncNetworkBackend):
    """Opens connections: each time the name is resolved, the address checked, and that literal address connected to."""

    def __init__(self, *, allow_private: bool, own: frozenset[tuple[str, int]]) -> None:
        self._allow_private = allow_private
        self._own = own
        self._backend = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> MeteredStream:
        address = await checked_address(host, port, allow_private=self._allow_private, own=self._own)
        return MeteredStream(await self._backend.connect_tcp(address, port, timeout, local_address, socket_options))


def _last_arrival(sock: socket.socket) -> float:
    now = time.monotonic()
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _LAST_DATA_RECV_OFFSET + _LAST_DATA_RECV.size)
        (age_ms,) = _LAST_DATA_RECV.unpack_from(info, _LAST_DATA_RECV_OFFSET)
    except (OSError, struct.error):
        return now
    return float(now - age_ms / 1000)
