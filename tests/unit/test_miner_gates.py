"""The gates in front of a challenge and of a handshake: who is turned down there has cost no more than a look."""

import asyncio
from functools import partial

import pytest

from engine.transport.desk import Desk
from engine.transport.dialect import HandshakeRoute, Received
from engine.transport.errors import Refusal
from miner_server import admission
from miner_server.admission import Admission
from miner_server.limits import Limits
from miner_server.server import MinerServer
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import EVE, Clock, ObedientBackend, Validator, serving
from tests.unit.transport_helpers import LooshDesk


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The time by which rates are counted; a validator may ask twice a minute and shake hands three times."""
    clock = Clock()
    monkeypatch.setattr("miner_server.app.Admission", partial(Admission, clock=clock))
    monkeypatch.setitem(admission.HOTKEY_PER_MINUTE, "challenge", 2)
    monkeypatch.setitem(admission.HOTKEY_PER_MINUTE, "handshake", 3)
    return clock


class Sending:
    """A challenge on its way: its head was sent, its body comes when it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
        self._reader = reader
        self._writer = writer
        self._body = body

    @classmethod
    async def begin(cls, server: MinerServer, validator: Validator, body: bytes) -> "Sending":
        host, port = server.address
        reader, writer = await asyncio.open_connection(host, port)
        names = [f"{name}: {value}" for name, value in validator.headers.items()]
        length = ("Expect: 100-continue", f"Content-Length: {len(body)}")
        lines = ["POST /fiber/challenge HTTP/1.1", f"Host: {host}:{port}", *names, *length]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        return cls(reader, writer, body)

    async def is_wanted(self) -> None:
        """Wait until the server has let the head pass and asks for the body."""
        status, _ = await self.reply()
        assert status == 100

    async def finish(self) -> int:
        self._writer.write(self._body)
        return (await self.reply())[0]

    async def reply(self) -> tuple[int, dict[str, str]]:
        """The status and the headers."""
        raw = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), 30)).decode()
        first, *lines = raw.splitlines()
        status = int(first.split()[1])
        if status != 100:
            self._writer.close()
        return status, dict(line.lower().split(": ", 1) for line in lines if line)


async def test_who_has_used_up_its_rate_is_told_when_to_come_again_before_it_sends_a_body(clock: Clock) -> None:
    backend = ObedientBackend()
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        for number in range(2):
            await alice.ask(f"question {number}")
        status, headers = await (await Sending.begin(server, alice, alice.sealed("one too many"))).reply()
        assert (status, headers["retry-after"]) == (429, "30")
        clock.now += 29
        assert (await alice.send("too early")).json() == {"detail": "too many requests from this hotkey"}
        clock.now += 1
        assert await alice.ask("in time") == "heard in time"
    assert [question for _, question in backend.begun] == ["question 0", "question 1", "in time"]


async def test_what_came_while_the_rate_was_used_up_by_others_is_not_opened_and_may_come_again(clock: Clock) -> None:
    """Two whose heads passed the gate when there was one left: the second is refused unopened, so not as a repeat."""
    async with serving(ObedientBackend()) as server, Validator(server) as alice:
        await alice.shake()
        await alice.ask("first")
        second = alice.sealed("second")
        waiting = [await Sending.begin(server, alice, body) for body in (alice.sealed("third"), second)]
        for one in waiting:
            await one.is_wanted()
        assert [await one.finish() for one in waiting] == [200, 429]
        clock.now += 30
        again = await Sending.begin(server, alice, second)
        await again.is_wanted()
        assert await again.finish() == 200


async def test_a_backend_that_is_not_ready_is_said_before_a_body_is_sent(clock: Clock) -> None:
    backend = ObedientBackend()
    backend.unready = "loading"
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        status, headers = await (await Sending.begin(server, alice, alice.sealed("too early"))).reply()
        assert (status, headers["retry-after"]) == (503, "5")
        backend.unready = ""
        await until(lambda: server.view().ready)
        assert [await alice.ask(name) for name in ("one", "two")] == ["heard one", "heard two"]


async def test_a_full_queue_is_said_before_a_body_is_sent_and_uses_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(admission.HOTKEY_PER_MINUTE, "challenge", 3)
    backend = ObedientBackend(open_gate=False)
    limits = Limits(capacity=1, queue=1)
    async with serving(backend, limits=limits) as server, Validator(server) as alice:
        await alice.shake()
        asking = [asyncio.create_task(alice.send(name)) for name in ("at work", "in the queue")]
        await until(lambda: server.view().queued == 1)
        token = alice.sealed("is sent again")
        status, headers = await (await Sending.begin(server, alice, token)).reply()
        assert (status, int(headers["retry-after"]) > 0) == (503, True)
        full = await alice.http.post("/fiber/challenge", content=token, headers=alice.headers)
        assert (full.status_code, full.json()["detail"]) == (503, "this miner's queue is full")
        last = server.view().requests[-1]
        assert (last.gate, last.hotkey, server.view().callers[0].consumed) == ("queue", alice.hotkey, 2)
        backend.gate.set()
        await asyncio.gather(*asking)
        again = await alice.http.post("/fiber/challenge", content=token, headers=alice.headers)
        assert alice.opened(again)["response_text"] == "heard is sent again"


async def test_an_unknown_key_is_said_before_a_body_is_sent(clock: Clock) -> None:
    async with serving() as server, Validator(server) as alice:
        status, _ = await (await Sending.begin(server, alice, alice.sealed("hello"))).reply()
    assert status == 401


async def test_handshakes_beyond_the_rate_are_refused_before_their_signature_is_looked_at(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[bytes] = []
    exchange = Desk.exchange

    async def counted(desk: Desk, handshake: HandshakeRoute, call: Received) -> str:
        looked.append(call.body)
        return await exchange(desk, handshake, call)

    monkeypatch.setattr(Desk, "exchange", counted)
    async with serving() as server, Validator(server) as alice, Validator(server, EVE) as eve:
        for _ in range(3):
            await alice.shake()
        refused = await alice.exchange(await alice.offer())
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "20")
        assert (await eve.exchange(await eve.offer())).status_code == 403
        assert len(looked) == 3
        clock.now += 20
        await alice.shake()


async def test_whether_it_is_available_may_be_asked_without_end_from_where_a_validator_came(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(admission.STRANGER_PER_MINUTE, "lookup", 2)
    async with serving() as server, Validator(server) as alice:
        before = [(await alice.http.get("/availability")).status_code for _ in range(3)]
        await alice.shake()
        after = [(await alice.http.get("/availability")).status_code for _ in range(3)]
    assert (before, after) == ([200, 200, 429], [200] * 3)


async def test_who_shook_hands_or_asked_keeps_its_connection_before_strangers() -> None:
    async with serving() as server, Validator(server) as alice:
        seats = server._listener._places._seats
        await alice.http.get("/availability")
        assert [seat.trusted for seat in seats] == [False]
        await alice.shake()
        assert [seat.trusted for seat in seats] == [True]
        async with Validator(server) as bystander:
            bystander.key, bystander.key_uuid = alice.key, alice.key_uuid
            await bystander.http.get("/availability")
            assert [seat.trusted for seat in seats] == [True, False]
            await bystander.ask("9 plus 8?")
            assert [seat.trusted for seat in seats] == [True, True]


async def test_before_its_key_is_made_the_public_key_is_told_to_come_again() -> None:
    with pytest.raises(Refusal) as refused:
        LooshDesk().public_key_pem()
    told = refused.value
    assert (told.status, told.detail, told.retry_after) == (503, "the miner is starting: try again shortly", 5.0)


async def test_a_body_is_read_up_to_the_limit_and_not_a_byte_further() -> None:
    async with serving(limits=Limits(body_bytes=5_000)) as server, Validator(server) as alice:
        await alice.shake()
        status, _ = await (await Sending.begin(server, alice, bytes(5_001))).reply()
        assert status == 413
        full = await Sending.begin(server, alice, bytes(5_000))
        await full.is_wanted()
        assert await full.finish() == 401
