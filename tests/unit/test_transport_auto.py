"""What a peer speaks is found by probing, and four miners of four dialects are asked in one round."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from engine.transport.callers import AUTO, Callers
from engine.transport.dialects.registry import DIALECTS
from engine.transport.errors import WireError
from engine.values import Peer
from miner_server.limits import Limits
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ALICE, EVE, MINER, ObedientBackend, make_server, running
from tests.unit.transport_helpers import (
    ForeignFiberMiner,
    ForeignMiner,
    Received,
    challenge,
    clear_answer,
    http_server,
    reply,
)


@asynccontextmanager
async def calling(**given: Any) -> AsyncIterator[Callers]:
    callers = Callers(ALICE, allow_private=True, **{"usual": AUTO} | given)
    try:
        yield callers
    finally:
        await callers.close()


@pytest.mark.parametrize("name", ["own", "loosh", "fiber", "btauth", "template"])
async def test_what_our_miner_speaks_is_found_and_remembered(name: str) -> None:
    async with running(make_server(spoken=[DIALECTS[name]])) as server, calling() as callers:
        peer = Peer(MINER.ss58_address, *server.address)
        assert callers.dialect_of(peer) == ""
        found = await callers.available(peer, timeout=5)
        assert (found.available, found.dialect) == (True, name)
        before = server.view().requests_total
        assert (await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "42"
        probing = 0 if name in ("btauth", "template") else 2  # the others shake hands first
        assert server.view().requests_total == before + 1 + probing
        assert callers.dialect_of(peer) == name


async def test_a_miner_that_was_never_probed_is_probed_when_it_is_asked() -> None:
    async with running(make_server(spoken=[DIALECTS["btauth"]])) as server, calling() as callers:
        peer = Peer(MINER.ss58_address, *server.address)
        assert (await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "42"


async def test_foreign_miners_are_told_apart_and_one_that_changes_is_found_again() -> None:
    serving: Any = ForeignMiner()

    async def handle(received: Received) -> bytes | None:
        answer: bytes | None = await serving(received)
        return answer

    async with http_server(handle) as peer, calling() as callers:
        assert (await callers.available(peer, timeout=5)).dialect == "loosh"
        serving = ForeignFiberMiner()
        with pytest.raises(WireError):
            await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)
        assert (await callers.available(peer, timeout=5)).dialect == "fiber"
        assert (await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "foreign 42"


@pytest.mark.parametrize(
    ("name", "refusal"),
    [
        ("fiber", reply(422, {"detail": [{"type": "missing", "loc": ["header", "validator-hotkey"]}]})),
        ("btauth", reply(401, {"detail": "missing or unsupported X-Bittensor-Version (expected '1')"})),
        ("btauth", reply(422, {"detail": [{"type": "missing", "loc": ["header", "x-bittensor-version"]}]})),
    ],
)
async def test_a_miner_with_nothing_but_a_challenge_route_is_told_by_how_it_refuses_what_proves_nothing(
    name: str, refusal: bytes
) -> None:
    async def handle(received: Received) -> bytes:
        if received.path != "/challenge":
            return reply(404, {"detail": "Not Found"})
        if received.method == "GET":
            return reply(405, {"detail": "Method Not Allowed"})
        proof = {"fiber": "signature", "btauth": "x-bittensor-signature"}[name]
        return reply(200, clear_answer("foreign 42")) if proof in received.headers else refusal

    async with http_server(handle) as peer, calling() as callers:
        found = await callers.available(peer, timeout=5)
        assert (found.available, found.dialect) == (True, name)
        assert (await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "foreign 42"


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (404, b"{}", "it speaks none of the dialects that were tried: own, loosh, fiber, btauth, template"),
        (200, b"<html>", "it speaks none"),
        (200, b'{"public_key": 7}', "it speaks none"),
    ],
)
async def test_a_server_that_speaks_nothing_known_is_not_asked(status: int, body: bytes, why: str) -> None:
    async def handle(_: Received) -> bytes:
        return reply(status, body)

    async with http_server(handle) as peer, calling() as callers:
        found = await callers.available(peer, timeout=5)
        assert (found.available, found.dialect) == (False, "")
        assert why in found.reason


async def test_a_server_that_is_too_busy_to_say_what_it_speaks_is_asked_again_and_not_taken_for_loosh() -> None:
    miner, busy = ForeignFiberMiner(), True

    async def handle(received: Received) -> bytes:
        if busy or received.path.startswith("/fiber/"):
            return reply(429, {"detail": "Rate limit exceeded"}, retry_after="7")
        return await miner(received)

    async with http_server(handle) as peer, calling() as callers:
        found = await callers.available(peer, timeout=5)
        assert (found.available, found.dialect, found.retry_after) == (False, "", 7.0)
        assert found.reason == "refused: 429: too busy to say which dialect it speaks"
        busy = False
        assert (await callers.available(peer, timeout=5)).dialect == "fiber"


async def test_a_miner_that_hangs_up_on_what_it_does_not_know_is_found_and_one_that_always_does_is_unreachable() -> (
    None
):
    miner = ForeignFiberMiner()

    async def handle(received: Received) -> bytes | None:
        return await miner(received) if received.path in known else None

    known = {"/public-encryption-key", "/exchange-symmetric-key", "/challenge"}
    async with http_server(handle) as peer, calling() as callers:
        assert (await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "foreign 42"
        assert callers.dialect_of(peer) == "fiber"
    known.clear()
    async with http_server(handle) as peer, calling() as callers:
        found = await callers.available(peer, timeout=5)
        assert found.reason == "unreachable: the peer closed the connection without a reply"


async def test_what_is_chosen_for_a_peer_is_not_probed() -> None:
    miner = ForeignFiberMiner()
    async with http_server(miner) as peer, calling(chosen={ALICE.ss58_address: AUTO}, usual="fiber") as callers:
        await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)
    assert miner.requests[0] == "/public-encryption-key"


async def test_a_dialect_that_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match="unknown dialect 'klingon'; known are auto, own, loosh"):
        Callers(ALICE, usual="klingon")


# -- Loosh's /inference ----------------------------------------------------------------------------------------


async def test_loosh_plain_is_answered_only_where_it_is_turned_on() -> None:
    body = {"prompt": "hello", "max_tokens": 9, "temperature": 0.1, "top_p": 1.0}
    for unproven in (False, True):
        backend = ObedientBackend()
        async with (
            running(make_server(backend, unproven=unproven)) as server,
            httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as asking,
        ):
            ok = await asking.post("/inference", json=body, headers={"validator-hotkey": ALICE.ss58_address})
            eve = await asking.post("/inference", json=body, headers={"validator-hotkey": EVE.ss58_address})
            nobody = await asking.post("/inference", json=body)
            empty = await asking.post("/inference", json={}, headers={"validator-hotkey": ALICE.ss58_address})
        if unproven:
            assert [one.status_code for one in (ok, eve, nobody, empty)] == [200, 403, 422, 422]
            assert ok.json()["response_text"] == "heard hello"
            assert len(backend.begun) == 1
        else:
            assert [one.status_code for one in (ok, eve, nobody, empty)] == [404] * 4
            assert backend.begun == []


async def test_whoever_names_a_validator_there_is_charged_as_a_stranger() -> None:
    async with (
        running(make_server(unproven=True)) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as asking,
        calling() as callers,
    ):
        headers = {"validator-hotkey": ALICE.ss58_address}
        codes = [(await asking.post("/inference", content=b"{}", headers=headers)).status_code for _ in range(31)]
        assert codes == [422] * 30 + [429]
        peer = Peer(MINER.ss58_address, *server.address)
        assert (await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "42"


async def test_whoever_names_a_validator_there_takes_none_of_its_turns() -> None:
    backend = ObedientBackend(open_gate=False)
    server = make_server(backend, unproven=True, limits=Limits(capacity=1, queue_per_caller=1))
    async with (
        running(server),
        calling(usual="fiber") as callers,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as asking,
        asyncio.TaskGroup() as group,
    ):
        headers = {"validator-hotkey": ALICE.ss58_address}
        group.create_task(asking.post("/inference", json={"prompt": "in her name"}, headers=headers))
        await until(lambda: server.view().in_flight == 1)
        group.create_task(asking.post("/inference", json={"prompt": "and again"}, headers=headers))
        await until(lambda: server.view().queued == 1)
        answer = callers.ask(Peer(MINER.ss58_address, *server.address), challenge(), timeout=9, max_bytes=9999)
        asked = group.create_task(answer)
        await until(lambda: asked.done() or server.view().queued == 2)
        backend.gate.set()
        assert (await asked).completion.text.startswith("heard")


async def test_a_validator_asks_so_only_where_it_is_chosen() -> None:
    asked: list[dict[str, Any]] = []

    async def handle(received: Received) -> bytes:
        if received.path == "/availability":
            return reply(200, {"available": True})
        assert received.headers["validator-hotkey"] == ALICE.ss58_address
        asked.append(json.loads(received.body))
        return reply(200, clear_answer("plain 42"))

    async with http_server(handle) as peer, calling(chosen={peer.hotkey: "loosh-plain"}) as callers:
        assert (await callers.available(peer, timeout=5)).available
        assert (await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "plain 42"
    assert asked[0]["prompt"] == "What is 41 plus 1?"
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running(make_server(unproven=True)))
        callers = await stack.enter_async_context(calling(usual="loosh-plain"))
        peer = Peer(MINER.ss58_address, *server.address)
        assert (await callers.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "42"
        assert [one.route for one in server.view().requests] == ["/inference"]
