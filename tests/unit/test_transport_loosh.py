"""Loosh's dialect A from end to end over loopback, and with miners and validators that share no code with ours."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from engine.transport.dialect import Caller, MinerEnd, ValidatorEnd
from engine.transport.dialects.loosh import LOOSH, LooshCaller
from engine.transport.errors import WireError
from engine.transport.http import PeerClients
from engine.transport.rsa import RsaKey, read_public_key
from engine.transport.wire import read_request
from engine.values import Peer
from tests.unit.transport_helpers import (
    ALICE,
    BOB,
    DeskServer,
    DiskNonces,
    ForeignMiner,
    challenge,
    clear_answer,
    foreign_ask,
    http_server,
    new_desk,
    reply,
)

ASKED = challenge()
LIMIT = 64 * 1024


@asynccontextmanager
async def calling(*, allow_private: bool = True, **settings: Any) -> AsyncIterator[LooshCaller]:
    clients = PeerClients(allow_private=allow_private)
    try:
        yield LooshCaller(ValidatorEnd(ALICE, clients), **settings)
    finally:
        await clients.close()


async def ask(caller: LooshCaller, peer: Peer, *, timeout: float = 5.0) -> tuple[str, float]:
    answer = await caller.ask(peer, ASKED, timeout=timeout, max_bytes=LIMIT)
    return answer.completion.text, answer.ms


async def failure(caller: LooshCaller, peer: Peer, *, timeout: float = 5.0) -> WireError:
    with pytest.raises(WireError) as caught:
        await ask(caller, peer, timeout=timeout)
    assert caught.value.reason.isprintable()
    return caught.value


async def test_an_end_that_is_told_nothing_waits_as_the_field_does() -> None:
    async with calling() as caller:
        kept: Caller = caller
        assert kept is caller
        assert (caller._clients._connect_timeout, caller._clients._max_peers, caller._key_ttl) == (5.0, 512, 3600)
        assert (caller._sessions._life, caller._sessions._limit) == (3540.0, 4096)
    routes = LOOSH.routes(MinerEnd(signer=BOB, rsa=RsaKey()))
    assert (routes.window, routes.key_ttl, routes.denied) == (60.0, 3600, 400)
    assert (await new_desk(key_ttl=60)).desk._keys._ttl == 60


async def test_the_answer_is_told_as_it_comes_which_is_at_once_where_nothing_streams() -> None:
    told: list[str] = []
    async with http_server(DeskServer(await new_desk())) as peer, calling() as caller:
        await caller.ask(peer, ASKED, timeout=5, max_bytes=LIMIT, on_text=told.append)
    assert told == ["42"]


async def test_a_challenge_goes_round_on_one_handshake() -> None:
    server = DeskServer(await new_desk())
    async with http_server(server) as peer, calling() as caller:
        for _ in range(3):
            answer = await caller.ask(peer, ASKED, timeout=5, max_bytes=LIMIT)
    assert (answer.completion.text, answer.completion.usage["total_tokens"]) == ("42", 5)
    assert 0 <= answer.ms < 1000
    assert server.requests == {"/fiber/public-key": 1, "/fiber/key-exchange": 1, "/fiber/challenge": 3}
    assert [read_request(raw, limit=LIMIT) for raw in server.seen] == [ASKED.request] * 3


async def test_the_truth_is_nowhere_on_the_wire_and_nothing_goes_in_clear() -> None:
    bodies: list[bytes] = []
    server = DeskServer(await new_desk())

    async def listening(received: Any) -> bytes:
        bodies.append(received.body)
        return await server(received)

    async with http_server(listening) as peer, calling() as caller:
        await ask(caller, peer)
    assert ASKED.truth is not None
    assert b"41 plus 1" in server.seen[0]
    assert not any(b"41 plus 1" in body for body in bodies)
    assert b'"truth"' not in server.seen[0]


async def test_many_questions_at_once_share_one_handshake() -> None:
    server = DeskServer(await new_desk())
    async with http_server(server) as peer, calling() as caller:
        texts = await asyncio.gather(*(ask(caller, peer) for _ in range(30)))
    assert {text for text, _ in texts} == {"42"}
    assert server.requests["/fiber/key-exchange"] == 1


async def test_after_a_restart_of_the_miner_the_inline_key_saves_a_trip() -> None:
    server = DeskServer(await new_desk())
    async with http_server(server) as peer, calling() as caller:
        await ask(caller, peer)
        server.desk = await new_desk()
        assert (await ask(caller, peer))[0] == "42"
        assert server.requests == {"/fiber/public-key": 1, "/fiber/key-exchange": 2, "/fiber/challenge": 3}
        await ask(caller, peer)
    assert server.requests["/fiber/challenge"] == 4


async def test_many_questions_after_a_restart_share_the_new_handshake() -> None:
    server = DeskServer(await new_desk())
    async with http_server(server) as peer, calling() as caller:
        await ask(caller, peer)
        server.desk = await new_desk()
        await asyncio.gather(*(ask(caller, peer) for _ in range(10)))
    assert server.requests["/fiber/key-exchange"] == 2


async def test_a_session_is_renewed_before_the_miner_lets_it_expire() -> None:
    server = DeskServer(await new_desk())
    async with http_server(server) as peer, calling(key_ttl=1) as caller:
        await ask(caller, peer)
        await asyncio.sleep(0.55)
        await ask(caller, peer)
    assert server.requests == {"/fiber/public-key": 2, "/fiber/key-exchange": 2, "/fiber/challenge": 2}
    assert len(server.desk.sessions()) == 2


async def test_a_validator_that_is_not_allowed_learns_why() -> None:
    desk = await new_desk(allowed=lambda _: "no validator permit")
    async with http_server(DeskServer(desk)) as peer, calling() as caller:
        error = await failure(caller, peer)
    assert (error.status, error.reason) == ("refused", "key exchange: 403: no validator permit")


async def test_a_captured_handshake_is_worth_nothing_even_after_a_restart(tmp_path: Path) -> None:
    bodies: list[bytes] = []

    async def desk_on(nonces: DiskNonces) -> DeskServer:
        return DeskServer(await new_desk(nonces=nonces))

    nonces = DiskNonces(tmp_path / "nonces.db")
    server = await desk_on(nonces)

    async def listening(received: Any) -> bytes:
        if received.path == "/fiber/key-exchange":
            bodies.append(received.body)
        return await server(received)

    async with http_server(listening) as peer, calling() as caller:
        await ask(caller, peer)
        clients = PeerClients(allow_private=True)
        json_type = {"Content-Type": "application/json"}
        assert (await clients.post(peer, "/fiber/key-exchange", bodies[0], json_type, max_bytes=LIMIT)).status == 400
        nonces.close()
        nonces = DiskNonces(tmp_path / "nonces.db")
        server = await desk_on(nonces)
        assert (await clients.post(peer, "/fiber/key-exchange", bodies[0], json_type, max_bytes=LIMIT)).status == 400
        await clients.close()
    assert server.desk.sessions() == ()
    nonces.close()


async def test_a_handshake_before_the_question_costs_a_miner_nothing_and_one_after_it_does() -> None:
    server = DeskServer(await new_desk())

    async def slow_handshake(received: Any) -> bytes:
        if received.path != "/fiber/challenge":
            await asyncio.sleep(0.4)
        return await server(received)

    async with http_server(slow_handshake) as peer, calling() as caller:
        assert (await ask(caller, peer))[1] < 400
        server.desk = await new_desk()
        assert (await ask(caller, peer))[1] > 400
        assert (await ask(caller, peer))[1] < 400


# A miner that is not ours.


@asynccontextmanager
async def foreign(
    answer: Callable[[Fernet], bytes | Awaitable[bytes | None]] | None = None,
) -> AsyncIterator[tuple[ForeignMiner, Peer, LooshCaller]]:
    miner = ForeignMiner()
    miner.answer = answer or miner.honest
    async with http_server(miner) as peer, calling() as caller:
        yield miner, peer, caller


async def test_a_foreign_miner_answers_us() -> None:
    async with foreign() as (miner, peer, caller):
        assert (await caller.available(peer, timeout=1)).available
        assert (await ask(caller, peer))[0] == "foreign 42"
        miner.restart()
        assert (await ask(caller, peer))[0] == "foreign 42"
    assert miner.asked[0]["prompt"] == "What is 41 plus 1?"
    assert (miner.requests["/fiber/public-key"], miner.requests["/fiber/key-exchange"]) == (1, 2)


async def test_a_foreign_validator_is_answered() -> None:
    server = DeskServer(await new_desk())
    async with http_server(server) as peer:
        clear = {"prompt": "2+2?", "max_tokens": 5, "temperature": 0.1, "top_p": 1, "correlation_id": None, "x": 1}
        answer, _ = await foreign_ask(peer, ALICE, clear)
    assert (answer["response_text"], answer["finish_reason"]) == ("42", "stop")
    assert read_request(server.seen[0], limit=LIMIT).prompt == "2+2?"


async def test_a_plain_400_leads_to_a_new_handshake_too() -> None:
    async with foreign() as (miner, peer, caller):
        answers = iter([reply(400, {"detail": "no symmetric key"})])
        miner.answer = lambda fernet: next(answers, None) or miner.honest(fernet)
        assert (await ask(caller, peer))[0] == "foreign 42"
        assert miner.requests == {"/fiber/public-key": 2, "/fiber/key-exchange": 2, "/fiber/challenge": 2}


async def test_an_answer_under_another_key_leads_to_one_new_handshake_and_then_to_malformed() -> None:
    async with foreign(lambda _: reply(200, Fernet(Fernet.generate_key()).encrypt(b"{}"))) as (miner, peer, caller):
        error = await failure(caller, peer)
    assert error.status == "malformed"
    assert "cannot decrypt" in error.reason
    assert (miner.requests["/fiber/key-exchange"], miner.requests["/fiber/challenge"]) == (2, 2)


async def test_a_miner_that_always_answers_401_is_asked_twice_and_no_more() -> None:
    async with foreign() as (miner, peer, caller):
        miner.answer = lambda _: reply(
            401, {"detail": "never\x1b[2J", "public_key": miner.pem, "requires_handshake": True}
        )
        error = await failure(caller, peer)
    assert (error.status, error.reason) == ("refused", "challenge, after a new handshake: 401: never [2J")
    assert miner.requests == {"/fiber/public-key": 1, "/fiber/key-exchange": 2, "/fiber/challenge": 2}


@pytest.mark.parametrize("status", [403, 404, 429, 500, 503])
async def test_a_refusal_says_status_and_detail_and_is_not_repeated(status: int) -> None:
    async with foreign(lambda _: reply(status, {"detail": "busy\x00" + "x" * 500})) as (miner, peer, caller):
        error = await failure(caller, peer)
    assert error.status == "refused"
    assert error.reason.startswith(f"challenge: {status}: busy x")
    assert len(error.reason) < 200
    assert miner.requests["/fiber/challenge"] == 1


@pytest.mark.parametrize(
    ("clear", "why"),
    [
        (b"not json", "not JSON"),
        (b"[]", "object expected"),
        (b'{"text": "x"}', "response_text"),
        (b'{"response_text": NaN}', "not JSON"),
        (b'{"response_text": "x", "tool_calls": ' + b"[" * 5000 + b"]" * 5000 + b"}", "nested"),
        (b"\xff\xfe", "not JSON"),
    ],
)
async def test_a_sealed_answer_that_is_not_a_completion_is_malformed(clear: bytes, why: str) -> None:
    async with foreign(lambda fernet: reply(200, fernet.encrypt(clear))) as (_, peer, caller):
        error = await failure(caller, peer)
    assert error.status == "malformed"
    assert why in error.reason


async def test_an_answer_in_clear_is_not_taken() -> None:
    async with foreign(lambda _: reply(200, clear_answer("trust me"))) as (_, peer, caller):
        assert (await failure(caller, peer)).status == "malformed"


async def test_an_answer_over_the_limit_is_too_large_and_one_below_is_read_off_the_loop() -> None:
    text = "x" * 150_000
    async with foreign(lambda fernet: reply(200, fernet.encrypt(clear_answer(text)))) as (_, peer, caller):
        assert (await failure(caller, peer)).status == "too_large"
        assert (await caller.ask(peer, ASKED, timeout=5, max_bytes=400_000)).completion.text == text


async def test_a_miner_that_goes_silent_is_a_timeout_and_the_next_question_goes_through() -> None:
    async def silence() -> bytes:
        await asyncio.sleep(60)
        return b""

    async with foreign(lambda _: silence()) as (miner, peer, caller):
        started = time.monotonic()
        error = await failure(caller, peer, timeout=0.3)
        assert (error.status, error.reason) == ("timeout", "no complete answer within 0.3 s")
        assert time.monotonic() - started < 15
        miner.answer = miner.honest
        assert (await ask(caller, peer))[0] == "foreign 42"


def pem_of(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> str:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(serialization.Encoding.PEM, spki).decode()


SMALL = pem_of(rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key())  # noqa: S505
CURVE = pem_of(ec.generate_private_key(ec.SECP256R1()).public_key())
SOUND = pem_of(rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key())
HUGE_EXPONENT = pem_of(rsa.RSAPublicNumbers(2**40 + 1, read_public_key(SOUND).public_numbers().n).public_key())


@pytest.mark.parametrize(
    ("pem", "why"),
    [
        (SMALL, "not an RSA key of 2048 to 4096 bits"),
        (CURVE, "not an RSA key of 2048 to 4096 bits"),
        (HUGE_EXPONENT, "exponent"),
        ("", "not a PEM public key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "holds no key"),
        ("-----BEGIN RSA PUBLIC KEY-----\nAAAA\n-----END RSA PUBLIC KEY-----", "not a PEM public key"),
        (SOUND.replace("\n", "é", 1), "not a PEM of at most"),
        (SOUND + "x" * 4000, "not a PEM of at most"),
        (7, "none in the reply"),
    ],
)
async def test_public_keys_that_are_not_fit_are_not_used(pem: object, why: str) -> None:
    async def handle(received: Any) -> bytes:
        assert received.path == "/fiber/public-key"
        return reply(200, {"public_key": pem})

    async with http_server(handle) as peer, calling() as caller:
        error = await failure(caller, peer)
    assert (error.status, why in error.reason) == ("malformed", True), error.reason


@pytest.mark.parametrize(
    ("exchanged", "status"),
    [
        (reply(200, {"success": False}), "refused"),
        (reply(200, b"ok"), "malformed"),
        (reply(429, b"<html>slow down</html>"), "refused"),
        (reply(307, {}), "malformed"),
    ],
)
async def test_without_a_handshake_there_is_no_question(exchanged: bytes, status: str) -> None:
    miner = ForeignMiner()

    async def handle(received: Any) -> bytes | None:
        return exchanged if received.path == "/fiber/key-exchange" else await miner(received)

    async with http_server(handle) as peer, calling() as caller:
        assert (await failure(caller, peer)).status == status
    assert "/fiber/challenge" not in miner.requests


async def test_private_addresses_are_not_asked_unless_allowed() -> None:
    server = DeskServer(await new_desk())
    async with http_server(server) as peer, calling(allow_private=False) as caller:
        error = await failure(caller, peer)
        assert (error.status, "--allow-private" in error.reason) == ("refused", True)
        found = await caller.available(peer, timeout=1)
        assert (found.available, found.reason) == (False, f"refused: {error.reason}")
    assert server.requests == {}


@pytest.mark.parametrize(
    ("answered", "available", "why"),
    [
        (reply(200, {"available": True}), True, ""),
        (reply(200, {"available": False, "reason": "Miner\x07 initializing"}), False, "200: Miner  initializing"),
        (reply(503, {"available": False, "error": "boom"}), False, "503: boom"),
        (reply(503, {"available": True}), False, "503: no reason given"),
        (reply(200, {"available": "yes"}), False, "200: no reason given"),
        (reply(200, b"<html>"), False, "malformed: not JSON"),
        (reply(200, b"x" * 20_000), False, "too_large: 20000 bytes announced"),
        (reply(302, b"", location="http://127.0.0.1/"), False, "malformed: a redirect (302)"),
    ],
)
async def test_availability_is_a_value_whatever_comes(answered: bytes, available: bool, why: str) -> None:
    async def handle(_: Any) -> bytes:
        return answered

    async with http_server(handle) as peer, calling() as caller:
        found = await caller.available(peer, timeout=1)
    assert found.available is available
    assert found.reason.startswith(why)


async def test_availability_has_a_deadline() -> None:
    async def handle(_: Any) -> bytes:
        await asyncio.sleep(60)
        return b""

    async with http_server(handle) as peer, calling() as caller:
        found = await caller.available(peer, timeout=0.05)
    assert (found.available, found.reason) == (False, "timeout: no complete answer within 0.05 s")
