"""Replaying a validator's traffic, or calling from its address, costs that validator nothing: over real sockets."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
from cryptography.fernet import Fernet

from engine.transport.sessions import KeyRing
from miner_server import admission
from miner_server.admission import CLAIMS_BURST, Admission
from miner_server.allowlist import AllowList
from miner_server.server import MinerServer
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ALICE, BOB, EVE, Clock, ObedientBackend, Validator, serving


@asynccontextmanager
async def from_host(host: str, server: MinerServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client that calls from this address of the loopback."""
    transport = httpx.AsyncHTTPTransport(local_address=host, limits=httpx.Limits(max_connections=50))
    address = "http://{}:{}".format(*server.address)
    async with httpx.AsyncClient(base_url=address, transport=transport, timeout=60) as client:
        yield client


async def replayed(client: httpx.AsyncClient, validator: Validator, token: bytes, times: int) -> Counter[int]:
    sending = (client.post("/fiber/challenge", content=token, headers=validator.headers) for _ in range(times))
    return Counter(response.status_code for response in await asyncio.gather(*sending))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.3.1"])
async def test_a_recorded_challenge_is_answered_once_and_spends_nothing_of_its_validator(host: str) -> None:
    backend = ObedientBackend()
    async with serving(backend) as server, Validator(server) as alice, from_host(host, server) as spy:
        await alice.shake()
        token = alice.sealed("recorded")
        alice.opened(await alice.http.post("/fiber/challenge", content=token, headers=alice.headers))
        first = await spy.post("/fiber/challenge", content=token, headers=alice.headers)
        assert (first.status_code, first.json()) == (409, {"detail": "this challenge was sent before: seal it again"})
        seen = await replayed(spy, alice, token, CLAIMS_BURST + 50)
        assert seen.keys() <= {409, 429}, "on a slow machine the address may have time to pay for all of them"
        assert seen[409] >= CLAIMS_BURST - 1
        answers = await asyncio.gather(*(alice.ask(f"question {number}") for number in range(60)))
    assert answers == [f"heard question {number}" for number in range(60)]
    assert [question for _, question in backend.begun].count("recorded") == 1


async def test_a_copy_that_comes_with_its_original_is_answered_once() -> None:
    backend = ObedientBackend(open_gate=False)
    async with serving(backend) as server, Validator(server) as alice, from_host("127.0.3.1", server) as spy:
        await alice.shake()
        token = alice.sealed("recorded")
        together = asyncio.create_task(replayed(spy, alice, token, 20))
        await until(lambda: backend.begun)
        backend.gate.set()
        assert await together == {200: 1, 409: 19}


async def test_a_recorded_challenge_is_not_told_to_shake_hands_nor_opens_after_another_key() -> None:
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        token = alice.sealed("What is 1 plus 1?")
        assert (await replayed(alice.http, alice, token, 2)).keys() == {200, 409}
        old, alice.key_uuid, key = alice.headers, "another", alice.key
        alice.key = Validator(server).key
        await alice.shake()
        again = await alice.http.post("/fiber/challenge", content=token, headers=old)
        assert again.status_code == 409
        alice.key = key


async def test_a_key_that_opened_its_share_is_replaced_without_a_word_to_anybody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.transport.desk.KeyRing", partial(KeyRing, most_opened=3))
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        for _ in range(3):
            assert await alice.ask("What is 1 plus 1?") == "2"
        response = await alice.send("What is 1 plus 1?")
        assert (response.status_code, response.json()["requires_handshake"]) == (401, True)
        alice.key, alice.key_uuid = Fernet.generate_key(), "another"
        await alice.shake()
        assert await alice.ask("What is 1 plus 1?") == "2"


@asynccontextmanager
async def flood(server: MinerServer, host: str) -> AsyncIterator[Counter[str]]:
    """From `host`, without end: forged handshakes, replayed ones, foreign and unknown keys, look-ups, junk."""
    sent: Counter[str] = Counter()
    async with from_host(host, server) as client, Validator(server) as forger, Validator(server) as honest:
        forged, replayed_offer = await forger.offer(signer=EVE), await honest.offer()
        await honest.exchange(replayed_offer)
        spoiled = {**honest.headers}

        async def send(what: str) -> None:
            while True:
                match what:
                    case "forged":
                        await client.post("/fiber/key-exchange", json=forged)
                    case "replayed":
                        await client.post("/fiber/key-exchange", json=replayed_offer)
                    case "junk":
                        await client.post("/fiber/key-exchange", content=b"{")
                    case "unknown key":
                        await client.post("/fiber/challenge", content=b"x", headers=forger.headers)
                    case "foreign key":
                        await client.post("/fiber/challenge", content=b"x" * 1000, headers=spoiled)
                    case path:
                        await client.get(path)
                sent[what] += 1

        kinds = ["forged"] * 8 + [
            "replayed",
            "junk",
            "unknown key",
            "foreign key",
            "/fiber/public-key",
            "/availability",
        ]
        senders = [asyncio.create_task(send(kind)) for kind in kinds]
        try:
            await until(lambda: sent["forged"] > CLAIMS_BURST and len(sent) == len(set(kinds)))
            yield sent
        finally:
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)


async def test_a_caller_that_hangs_up_while_waiting_delays_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "HEARINGS_PER_S", 2)
    gates: list[Admission] = []

    def built(allow: AllowList) -> Admission:
        gates.append(Admission(allow, clock=Clock()))
        return gates[-1]

    monkeypatch.setattr("miner_server.app.Admission", built)
    async with serving() as server, Validator(server) as forger:
        forged = await forger.offer(signer=EVE)
        await asyncio.gather(*(forger.exchange(forged) for _ in range(CLAIMS_BURST)))
        waiting = [asyncio.create_task(forger.exchange(forged)) for _ in range(30)]
        await until(lambda: server.view().statuses.get(429, 0) and gates[0].waiting >= 20)
        for one in waiting:
            one.cancel()
        await until(lambda: server.view().statuses.get(499, 0) >= 20)
        async with Validator(server) as alice:
            await alice.shake()


async def test_a_flood_from_a_validators_own_address_keeps_it_from_nothing() -> None:
    backend = ObedientBackend()
    async with serving(backend) as server:
        async with flood(server, "127.0.0.1"):
            for number in range(5):
                async with Validator(server) as alice:
                    assert (await alice.http.get("/availability")).status_code == 200
                    assert (await alice.send("with no key yet")).status_code == 401
                    await alice.shake()
                    assert await alice.ask(f"question {number}") == f"heard question {number}"
            began = time.monotonic()
            async with Validator(server, BOB) as bob:
                await bob.shake()
                assert time.monotonic() - began < 15
                assert await bob.ask("and I?") == "heard and I?"
        assert ALICE.ss58_address in {hotkey for hotkey, _ in backend.begun}
