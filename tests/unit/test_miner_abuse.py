"""What hostile, hasty and vanishing callers do to a miner server, over real sockets."""

import asyncio
import json
import socket
import time
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from engine.transport.wire import Completion
from miner_server import connections
from miner_server.admission import CLAIMS_BURST, STRANGER_PER_MINUTE, Admission
from miner_server.errors import BackendError, BackendUnavailable, RequestUnfit
from miner_server.limits import Limits, Room
from miner_server.server import MinerServer
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import BOB, EVE, Clock, ObedientBackend, Validator, serving


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which rates are counted: how long a flood takes does not matter."""
    clock = Clock()
    monkeypatch.setattr("miner_server.app.Admission", partial(Admission, clock=clock))
    return clock


def head(server: MinerServer, path: str, validator: Validator, *lines: str) -> bytes:
    """The head of a POST in the validator's name."""
    host, port = server.address
    headers = [f"{name}: {value}" for name, value in validator.headers.items()]
    return "\r\n".join([f"POST {path} HTTP/1.1", f"Host: {host}:{port}", *headers, *lines, "", ""]).encode()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def statuses(*requests: "asyncio.Task[httpx.Response]") -> Counter[int]:
    return Counter(response.status_code for response in await asyncio.gather(*requests))


def in_background(validator: Validator, *prompts: str) -> list["asyncio.Task[httpx.Response]"]:
    return [asyncio.create_task(validator.send(prompt)) for prompt in prompts]


async def test_a_flood_from_one_caller_does_not_starve_another() -> None:
    backend = ObedientBackend(open_gate=False)
    limits = Limits(capacity=1, queue=40, queue_per_caller=30)
    async with serving(backend, limits=limits) as server, Validator(server) as flood, Validator(server, BOB) as bob:
        await asyncio.gather(flood.shake(), bob.shake())
        flooding = in_background(flood, *[f"flood {n}" for n in range(25)])
        await until(lambda: server.view().queued == 24)
        asking = in_background(bob, "one question")
        await until(lambda: server.view().queued == 25)
        backend.gate.set()
        await asyncio.gather(*flooding, *asking)
    assert [caller for caller, _ in backend.begun[:3]].count(bob.hotkey) == 1


async def test_what_does_not_fit_into_the_queue_is_told_when_to_come_again() -> None:
    backend = ObedientBackend(open_gate=False)
    limits = Limits(capacity=1, queue=4, queue_per_caller=2)
    async with serving(backend, limits=limits) as server, Validator(server) as alice:
        await alice.shake()
        asking = in_background(alice, *"abcdefgh")
        await until(lambda: server.view().statuses.get(503) == 5)
        backend.gate.set()
        responses = await asyncio.gather(*asking)
    refused = [response for response in responses if response.status_code == 503]
    assert Counter(response.status_code for response in responses) == {200: 3, 503: 5}
    assert all(int(response.headers["retry-after"]) >= 1 for response in refused)
    assert "too many requests waiting" in refused[0].json()["detail"]


async def test_a_slow_backend_is_cut_at_the_deadline() -> None:
    backend = ObedientBackend(open_gate=False)
    limits = Limits(capacity=1, answer_s=0.2)
    async with serving(backend, limits=limits) as server, Validator(server) as alice:
        await alice.shake()
        asking = in_background(alice, "works until its deadline")
        await until(lambda: backend.now == 1)
        asking += in_background(alice, "gets a turn too late", "gets that or none")
        seen = await statuses(*asking)
        assert (server.view().in_flight, server.view().queued) == (0, 0)
    begun = [question for caller, question in backend.begun if caller]  # the readiness may have asked as well
    assert (seen[503] + seen[504], seen[504]) == (3, len(begun))
    assert backend.cancelled >= seen[504] >= 1


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (BackendError("it broke"), 502),
        (BackendUnavailable("it sleeps"), 503),
        (RequestUnfit("it is too long"), 422),
        (ZeroDivisionError("secret"), 500),
    ],
)
async def test_a_failing_backend_has_a_status_that_no_validator_takes_for_a_lost_key(
    error: Exception, status: int
) -> None:
    backend = ObedientBackend()
    backend.error = error
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        response = await alice.send("hello")
        assert response.status_code == status
        assert "secret" not in response.text
        assert server.view().in_flight == 0
        backend.error = None
        assert await alice.ask("again") == "heard again"


async def test_a_caller_that_hangs_up_frees_its_slot() -> None:
    backend = ObedientBackend(open_gate=False)
    limits = Limits(capacity=1, queue=4)
    async with serving(backend, limits=limits) as server, Validator(server) as alice, Validator(server, BOB) as bob:
        await asyncio.gather(alice.shake(), bob.shake())
        working, waiting = in_background(alice, "working", "waiting")
        await until(lambda: server.view().queued == 1)
        waiting.cancel()
        await until(lambda: server.view().queued == 0)
        working.cancel()
        await until(lambda: server.view().statuses.get(499) == 2)
        assert (server.view().in_flight, server.view().queued) == (0, 0)
        backend.gate.set()
        assert await bob.ask("still here") == "heard still here"
    assert backend.cancelled == 1


async def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(head(server, "/fiber/challenge", alice, "Content-Length: 100000000"))
        assert b"413" in await asyncio.wait_for(reader.readline(), 30)
        writer.close()


async def test_a_body_that_grows_too_large_is_refused_on_the_way() -> None:
    sent = 0
    async with serving(limits=Limits(body_bytes=100_000)) as server, Validator(server) as alice:
        await alice.shake()
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(head(server, "/fiber/challenge", alice, "Transfer-Encoding: chunked"))
        reply = asyncio.create_task(reader.read(4096))
        while not reply.done() and sent < 50_000_000:
            writer.write(b"2710\r\n" + b"x" * 10_000 + b"\r\n")
            sent += 10_000
            await asyncio.sleep(0)
        assert b"413" in (await reply).splitlines()[0]
        assert b"connection: close" in (await reply)
        writer.close()
    assert sent < 50_000_000


async def test_large_bodies_that_nobody_has_proved_take_so_much_memory_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("miner_server.app.Room", partial(Room, 1_000_000))
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        lines = [await asyncio.open_connection(*server.address) for _ in range(3)]
        for _, writer in lines:
            writer.write(head(server, "/fiber/challenge", alice, "Content-Length: 900000") + b"x" * 800_000)
        ended, _ = await asyncio.wait(
            [asyncio.create_task(reader.readline()) for reader, _ in lines], return_when=asyncio.FIRST_COMPLETED
        )
        assert b"503" in ended.pop().result()
        assert await alice.ask("What is 1 plus 1? " + "x" * 20_000) == "2"
        for _, writer in lines:
            writer.close()
        await until(lambda: server.view().statuses.get(499, 0) == 1)
        assert await alice.ask("What is 1 plus 1? " + "x" * 700_000) == "2"


async def test_a_stranger_never_gets_to_send_a_body() -> None:
    async with serving() as server, Validator(server, EVE) as eve:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(head(server, "/fiber/challenge", eve, "Content-Length: 500000"))
        assert b"403" in await asyncio.wait_for(reader.readline(), 30)
        writer.close()


async def test_a_body_in_drips_is_cut() -> None:
    async with serving(limits=Limits(body_s=0.3)) as server, Validator(server) as alice:
        await alice.shake()
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(head(server, "/fiber/challenge", alice, "Content-Length: 1000"))
        reply = asyncio.create_task(reader.readline())
        while not reply.done():
            writer.write(b"x")
            await asyncio.sleep(0.05)
        assert b"408" in await reply
        writer.close()


async def test_a_head_in_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_S", 0.2)
    async with serving() as server:
        reader, writer = await asyncio.open_connection(*server.address)
        ended = asyncio.create_task(reader.read())
        began = time.monotonic()
        for byte in b"GET /availability HTTP/1.1\r\nX-Slow: " + b"y" * 1000:
            if ended.done():
                break
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)
        with suppress(ConnectionResetError):
            assert await ended == b""
        assert time.monotonic() - began < 15
        writer.close()


async def test_an_endless_head_is_cut() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"GET /availability HTTP/1.1\r\n" + b"X-Long: " + b"y" * (2 * connections.HEAD_BYTES))
        assert b"400" in await asyncio.wait_for(reader.readline(), 30)
        writer.close()


async def test_garbage_instead_of_http_is_400() -> None:
    async with serving() as server:
        reader, writer = await asyncio.open_connection(*server.address)
        writer.write(b"\x16\x03\x01 not http at all\r\n\r\n")
        assert b"400" in await asyncio.wait_for(reader.readline(), 30)
        writer.close()


async def test_a_key_exchange_flood_leaves_an_allowed_validator_served(clock: Clock) -> None:
    async with serving() as server, Validator(server) as alice, Validator(server, EVE) as eve:
        offer = await eve.offer()
        junk = [eve.http.post("/fiber/key-exchange", content=b"{") for _ in range(100)]
        seen = await statuses(*map(asyncio.ensure_future, [*junk, *(eve.exchange(offer) for _ in range(100))]))
        assert seen[429] == 200 - STRANGER_PER_MINUTE["handshake"]
        await alice.shake()
        assert await alice.ask("What is 41 plus 1?") == "42"


async def test_forged_handshakes_in_a_validators_name_do_not_lock_it_out(clock: Clock) -> None:
    async with serving() as server, Validator(server) as alice, Validator(server) as forger:
        await alice.shake()
        forged = await forger.offer(signer=EVE)
        seen = await statuses(*(asyncio.ensure_future(forger.exchange(forged)) for _ in range(CLAIMS_BURST + 60)))
        assert seen[429] > 0
        assert await alice.ask("What is 41 plus 1?") == "42"
        clock.now += 0.3
        async with Validator(server) as again:
            await again.shake()


async def test_a_validators_rate_is_not_used_up_by_who_names_it(clock: Clock) -> None:
    async with serving() as server, Validator(server) as alice, Validator(server) as forger:
        await alice.shake()
        assert (await statuses(*in_background(forger, *["x"] * (CLAIMS_BURST + 50)))).keys() == {401}
        assert await statuses(*in_background(alice, *["What is 1 plus 1?"] * 20)) == {200: 20}


async def test_an_allowed_validator_has_its_handshakes_and_challenges_a_minute(clock: Clock) -> None:
    async with serving() as server, Validator(server) as alice:
        for number in range(30):
            alice.key_uuid = f"key {number}"
            await alice.shake()
        assert await statuses(*in_background(alice, *["What is 1 plus 1?"] * 120)) == {200: 120}


@pytest.mark.parametrize("how", ["", "{", "[]", "\xff", '{"validator_hotkey_ss58": 7}', "NaN", "{}"], ids=repr)
async def test_a_handshake_that_cannot_be_read_is_told_so_and_paid_by_its_address(how: str, clock: Clock) -> None:
    async with serving() as server, Validator(server) as alice:
        whole = json.dumps({**await alice.offer(), "timestamp": float("nan")}) if how == "NaN" else how
        seen = [
            await alice.http.post("/fiber/key-exchange", content=whole.encode("latin-1"))
            for _ in range(STRANGER_PER_MINUTE["handshake"] + 1)
        ]
        assert {one.status_code for one in seen[:-1]} == {422} and seen[-1].status_code == 429
        assert "permit" not in seen[0].text
        await alice.shake()


async def test_a_replayed_or_stale_handshake_gets_no_key() -> None:
    async with serving() as server, Validator(server) as alice:
        offer = await alice.offer()
        assert (await alice.exchange(offer)).status_code == 200
        assert (await alice.exchange(offer)).status_code == 400
        assert (await alice.exchange(await alice.offer(timestamp=1.0))).status_code == 400


async def test_a_reply_that_is_not_read_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "UNREAD_ANSWER_S", 0.2)

    class Long(ObedientBackend):
        async def complete(self, *_: object, **__: object) -> Completion:
            return Completion(text="x" * 6_000_000)

    async with serving(Long()) as server, Validator(server) as alice:
        await alice.shake()
        token = alice.sealed("long")
        with socket.create_connection(server.address) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.sendall(head(server, "/fiber/challenge", alice, f"Content-Length: {len(token)}") + token)
            await until(lambda: server.view().statuses.get(200, 0) == 3)
            held = open_files()
            await until(lambda: open_files() < held)
        assert (await alice.http.get("/availability")).status_code == 200
