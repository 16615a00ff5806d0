"""How long a peer took, exactly: real sockets, on a clock that only the peer advances."""

import time
from typing import Any

import pytest

from engine.transport import exchange, line
from engine.transport.callers import Callers
from engine.transport.http import PeerClients
from tests.unit.transport_helpers import (
    ALICE,
    DeskServer,
    LooshDesk,
    Received,
    challenge,
    http_server,
    new_desk,
    reply,
)

ASKED = challenge()
TAKES_S = {"/availability": 1.0, "/fiber/challenge": 2.5, "/fiber/key-exchange": 10.0, "/fiber/public-key": 40.0}


class Clock:
    """The module `time`, whose monotonic clock stands still."""

    time = staticmethod(time.time)

    def __init__(self) -> None:
        self.now = 43_200.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Without the kernel's word on when something came, which is exact by another clock."""
    still = Clock()
    monkeypatch.setattr(line, "time", still)
    monkeypatch.setattr(line, "_TCP_INFO", 9_999)
    monkeypatch.setattr(exchange, "time", still)
    return still


class TimedServer(DeskServer):
    """Takes TAKES_S for each request."""

    def __init__(self, desk: LooshDesk, clock: Clock) -> None:
        super().__init__(desk)
        self._clock = clock

    async def __call__(self, received: Received) -> bytes:
        self._clock.now += TAKES_S[received.path]
        return await super().__call__(received)


@pytest.mark.parametrize("seconds", [0.0, 0.001, 7.25])
async def test_a_reply_takes_from_the_last_byte_sent_to_the_last_received(clock: Clock, seconds: float) -> None:
    async def handle(_: Received) -> bytes:
        clock.now += seconds
        return reply(200, b"ok")

    clients = PeerClients(allow_private=True)
    async with http_server(handle) as peer:
        for _ in range(2):
            got = await clients.post(peer, "/", b"x" * 40_000, {}, max_bytes=9)
            assert got.ms == pytest.approx(seconds * 1000)
        await clients.close()


async def test_an_answer_takes_what_it_took_without_the_handshake_before_it(clock: Clock) -> None:
    server = TimedServer(await new_desk(), clock)
    caller = Callers(ALICE, allow_private=True)
    async with http_server(server) as peer:
        available = await caller.available(peer, timeout=30)
        took = [(await caller.ask(peer, ASKED, timeout=30, max_bytes=9_999)).ms for _ in range(2)]
        await caller.close()
    assert available.ms == pytest.approx(1_000)
    assert took == pytest.approx([2_500, 2_500])


async def test_a_handshake_that_the_miner_asks_for_after_the_question_is_its_own_time(clock: Clock) -> None:
    server = TimedServer(await new_desk(), clock)
    caller = Callers(ALICE, allow_private=True)
    async with http_server(server) as peer:
        await caller.ask(peer, ASKED, timeout=30, max_bytes=9_999)
        server.desk = await new_desk()
        answer = await caller.ask(peer, ASKED, timeout=30, max_bytes=9_999)
        await caller.close()
    assert answer.ms == pytest.approx(2_500 + 10_000 + 2_500)


async def test_a_miner_that_is_not_available_took_its_time_too(clock: Clock) -> None:
    async def handle(_: Received) -> Any:
        clock.now += 3.0
        return reply(503, {"available": False, "reason": "loading"})

    caller = Callers(ALICE, allow_private=True)
    async with http_server(handle) as peer:
        said = await caller.available(peer, timeout=30)
        await caller.close()
    assert (said.available, said.reason) == (False, "503: loading")
    assert said.ms == pytest.approx(3_000)
