"""The miner server over real sockets, asked by a validator written from the facts about the reference."""

import asyncio
import socket
import threading
import time

import pytest

from engine.transport.callers import Callers
from engine.values import Challenge, Peer, Request
from miner_server.allowlist import AllowList
from miner_server.errors import MinerError
from miner_server.limits import Limits
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import (
    ALICE,
    BOB,
    EVE,
    MINER,
    ObedientBackend,
    Validator,
    make_server,
    permit_holder,
    running,
    serving,
)


async def test_a_sealed_challenge_gets_its_sealed_answer() -> None:
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        response = await alice.send("What is 41 plus 1?")
        assert response.headers["content-type"] == "application/octet-stream"
        assert response.headers["x-fiber-symmetric-key-uuid"] == alice.key_uuid
        assert response.headers["x-fiber-miner-hotkey-ss58"] == MINER.ss58_address
        answer = alice.opened(response)
    assert answer["response_text"] == "42"
    assert answer["finish_reason"] == "stop"
    assert answer["tool_calls"] is None
    assert isinstance(answer["response_time_ms"], int)
    assert set(answer["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}


async def test_our_own_validators_end_is_served() -> None:
    challenge = Challenge(
        id="c", kind="chat", source="file", created_at=1.0, request=Request(prompt="What is 40 plus 2?"), truth="42"
    )
    async with serving() as server:
        caller = Callers(ALICE, allow_private=True)
        peer = Peer(MINER.ss58_address, *server.address)
        assert (await caller.available(peer, timeout=5)).available
        answer = await caller.ask(peer, challenge, timeout=5, max_bytes=100_000)
        await caller.close()
    assert answer.completion.text == "42"


async def test_the_last_user_message_wins_over_the_prompt() -> None:
    messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "What is 6 times 7?"}]
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        assert await alice.ask("What is 1 plus 1?", messages=messages) == "42"


async def test_an_unknown_key_is_told_how_to_shake_hands() -> None:
    async with serving() as server, Validator(server) as alice:
        response = await alice.send("hello")
        assert response.status_code == 401
        assert response.json()["requires_handshake"] is True
        assert response.json()["public_key"] == (await alice.http.get("/fiber/public-key")).json()["public_key"]


async def test_a_challenge_under_another_key_is_401() -> None:
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        alice.key = Validator(server).key
        assert (await alice.send("hello")).status_code == 401


async def test_missing_headers_are_named() -> None:
    async with serving() as server, Validator(server) as alice:
        response = await alice.http.post("/fiber/challenge", content=b"x")
    assert response.status_code == 422
    assert [error["loc"] for error in response.json()["detail"]] == [
        ["header", "x-fiber-validator-hotkey-ss58"],
        ["header", "x-fiber-symmetric-key-uuid"],
    ]


async def test_what_is_inside_the_seal_is_checked_too() -> None:
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        response = await alice.send("", messages=None)
    assert response.status_code == 422
    assert "prompt" in response.json()["detail"]


async def test_strangers_are_turned_down_at_both_doors() -> None:
    async with serving() as server, Validator(server, EVE) as eve:
        assert (await eve.exchange(await eve.offer())).status_code == 403
        assert (await eve.send("hello")).status_code == 403


async def test_while_no_validator_is_known_nobody_can_call() -> None:
    allow = AllowList()
    async with serving(allow=allow) as server, Validator(server) as alice:
        response = await alice.exchange(await alice.offer())
        assert response.status_code == 403
        assert "no validator is known yet" in response.json()["detail"]
        allow.set_neurons([permit_holder(ALICE.ss58_address)])
        await alice.shake()


async def test_many_at_once_each_get_their_own_answer() -> None:
    limits = Limits(capacity=3, queue=64, queue_per_caller=64)
    backend = ObedientBackend()
    async with serving(backend, limits=limits) as server, Validator(server) as alice, Validator(server, BOB) as bob:
        await asyncio.gather(alice.shake(), bob.shake())
        questions = [(validator, f"{validator.hotkey[:6]} {n}") for n in range(20) for validator in (alice, bob)]
        answers = await asyncio.gather(*(validator.ask(question) for validator, question in questions))
    assert answers == [f"heard {question}" for _, question in questions]
    assert backend.most <= 3


async def test_availability_follows_the_backend() -> None:
    backend = ObedientBackend()
    backend.unready = "loading"
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        assert (await alice.http.get("/availability")).json()["available"] is False
        refused = await alice.send("hello")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert server.view().readiness == "loading"
        backend.unready = ""
        await until(lambda: server.view().ready)
        assert (await alice.http.get("/availability")).json() == {"available": True}


async def test_health_and_metrics_tell_what_happened() -> None:
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        await alice.ask("What is 2 plus 2?")
        await alice.http.get("/no/such/path")
        health = (await alice.http.get("/health")).json()
        metrics = (await alice.http.get("/metrics")).text
    assert health["status"] == "ready"
    assert health["backend"] == "scripted"
    assert 'miner_requests_total{route="/fiber/challenge",status="200"} 1.0' in metrics
    assert 'miner_requests_total{route="other",status="404"} 1.0' in metrics
    assert "miner_answer_seconds_count 1.0" in metrics
    assert "miner_ready 1.0" in metrics


async def test_an_answers_body_does_not_wait_for_its_heads_acknowledgement() -> None:
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        for _ in range(100):
            began = time.perf_counter()
            await alice.send("What is 1 plus 1?")
            if time.perf_counter() - began < 0.035:
                break
        else:
            pytest.fail("every answer took as long as an acknowledgement that is put off")


async def test_unknown_paths_and_methods_are_told_what_there_is() -> None:
    async with serving() as server, Validator(server) as alice:
        unknown = await alice.http.get("/nowhere\u202e" + "x" * 500)
        wrong = await alice.http.get("/fiber/challenge")
        closed = await alice.http.post("/inference", json={"prompt": "hi"})
        dendrite = await alice.http.post("/Prompting", headers={"bt_header_axon_hotkey": "5C"})
        for number in range(200):
            await alice.http.get(f"/{number}/path{'/x' * number}")
        view = server.view()
    detail = unknown.json()["detail"]
    assert unknown.status_code == 404
    assert detail.startswith("no dialect spoken here has a route /nowhere·xxx")
    assert detail.endswith("…: GET /openapi.json lists the routes")
    assert len(detail) < 160
    assert (wrong.status_code, wrong.json()) == (405, {"detail": "/fiber/challenge is not for GET: use POST"})
    assert wrong.headers["allow"] == "POST"
    assert closed.status_code == 404
    assert "turned loosh_plain on" in closed.json()["detail"]
    assert "dendrite" in dendrite.json()["detail"]
    kinds = {(kind.status, kind.gate, kind.dialect) for kind in view.refusals}
    assert {(404, "route", ""), (405, "route", ""), (404, "dialect", "loosh-plain"), (404, "dialect", "")} <= kinds
    assert len(view.refusals) <= 5, "what strangers type crowds out nothing"


async def test_the_view_shows_callers_sessions_and_requests() -> None:
    async with serving() as server, Validator(server) as alice, Validator(server, EVE) as eve:
        await alice.shake()
        await alice.ask("What is 2 plus 2?")
        await eve.send("\x1b[2Jhello")
        view = server.view()
    callers = {caller.hotkey: caller for caller in view.callers}
    assert callers[alice.hotkey].allowed and callers[alice.hotkey].ok == 2
    assert not callers[eve.hotkey].allowed and "403" in callers[eve.hotkey].last_refusal
    assert [session.key_uuid for session in view.sessions] == [alice.key_uuid]
    answered = next(request for request in view.requests if request.answer)
    assert (answered.answer, answered.status, answered.tokens) == ("4", 200, 1)
    assert view.requests_total == 4
    assert view.statuses == {200: 3, 403: 1}
    assert view.address == "{}:{}".format(*server.address)
    assert view.p95_ms >= view.p50_ms > 0


async def test_a_request_in_flight_at_the_end_gets_its_answer() -> None:
    backend = ObedientBackend(open_gate=False)
    server = make_server(backend)
    server.bind()
    async with Validator(server) as alice:
        async with running(server):
            await alice.shake()
            asking = asyncio.create_task(alice.ask("late"))
            await until(lambda: backend.now == 1)
            asyncio.get_running_loop().call_later(0.3, backend.gate.set)
        assert await asking == "heard late"
    assert backend.closed


async def test_the_end_does_not_wait_for_an_answer_that_never_comes() -> None:
    backend = ObedientBackend(open_gate=False)
    server = make_server(backend)
    server.bind()
    async with Validator(server) as alice:
        async with running(server):
            await alice.shake()
            asking = asyncio.create_task(alice.send("for ever"))
            await until(lambda: backend.now == 1)
            began = time.monotonic()
        assert time.monotonic() - began < 15
        response = await asking
    assert response.status_code == 503
    assert "stopping" in response.json()["detail"]
    assert backend.cancelled == 1


async def test_a_busy_port_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = make_server(port=port)
        with pytest.raises(MinerError, match=rf"cannot listen on 127\.0\.0\.1:{port}: .*choose another --port"):
            await server.run(lambda: None)


async def test_the_address_is_known_before_it_runs() -> None:
    server = make_server()
    address = server.bind()
    assert address[1] > 0
    async with running(server), Validator(server) as alice:
        assert server.bind() == server.address == address
        assert (await alice.http.get("/availability")).status_code == 200


async def test_several_servers_share_a_loop_that_is_not_the_main_threads() -> None:
    answers: list[str] = []

    async def ask_both() -> None:
        async with serving() as one, serving() as two:
            assert one.address != two.address
            for server in (one, two):
                async with Validator(server) as alice:
                    await alice.shake()
                    answers.append(await alice.ask("What is 20 plus 22?"))

    thread = threading.Thread(target=lambda: asyncio.run(ask_both()))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert answers == ["42", "42"]
