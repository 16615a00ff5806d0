"""Arrival times from the kernel, over real sockets, while the loop is busy."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from statistics import median

import pytest

from engine.transport.http import PeerClients
from engine.values import Peer
from tests.unit.transport_helpers import reply

pytestmark = pytest.mark.order


@asynccontextmanager
async def clients() -> AsyncIterator[PeerClients]:
    open_clients = PeerClients(allow_private=True, connect_timeout=1.0)
    try:
        yield open_clients
    finally:
        await open_clients.close()


class ThreadServer(threading.Thread):
    """Answers from a thread, so that it continues while the loop is blocked. Knows when it was asked and answered."""

    def __init__(self, delay: float) -> None:
        super().__init__(daemon=True)
        self._delay = delay
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.peer = Peer("thread", "127.0.0.1", self._socket.getsockname()[1])
        self.asked_at = 0.0
        self.answered_at = 0.0

    def run(self) -> None:
        connection, _ = self._socket.accept()
        with connection, self._socket:
            data = b""
            while chunk := connection.recv(65536):
                data += chunk
                if data.endswith(b"END"):
                    data = b""
                    self.asked_at = time.monotonic()
                    time.sleep(self._delay)
                    connection.sendall(reply(200, b"ok"))
                    self.answered_at = time.monotonic()


async def test_a_reply_that_comes_while_the_loop_is_blocked_is_timed_when_it_came() -> None:
    server = ThreadServer(delay=0.05)
    server.start()
    async with clients() as to:
        await to.post(server.peer, "/", b"warm END", {}, max_bytes=9)
        sent_at = time.monotonic()
        task = asyncio.create_task(to.post(server.peer, "/", b"END", {}, max_bytes=9))
        asyncio.get_running_loop().call_later(0.01, time.sleep, 0.5)
        got = await task
    assert time.monotonic() - sent_at > 0.5
    assert got.ms == pytest.approx((server.answered_at - sent_at) * 1000, abs=200)


async def test_a_loop_that_is_always_busy_adds_nothing() -> None:
    async def hog() -> None:
        while True:
            time.sleep(0.25)  # noqa: ASYNC251
            await asyncio.sleep(0)

    server = ThreadServer(delay=0.05)
    server.start()
    off: list[float] = []
    async with clients() as to:
        await to.post(server.peer, "/", b"warm END", {}, max_bytes=9)
        hogging = asyncio.create_task(hog())
        for _ in range(3):
            got = await to.post(server.peer, "/", b"END", {}, max_bytes=9)
            off.append(got.ms - (server.answered_at - server.asked_at) * 1000)
        hogging.cancel()
    assert median(off) == pytest.approx(0, abs=75)
