"""A miner that cannot answer reports it: briefly to its callers, and in full to its operator."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.roles.backend_watch import BackendWatch
from engine.redaction import know
from miner_server import answering, readiness, reflection
from miner_server.backends import openai
from miner_server.backends.interface import PROOF
from miner_server.backends.registry import open_backend
from miner_server.errors import BackendError, BackendSlow, BackendUnavailable, RequestUnfit
from miner_server.limits import Limits
from miner_server.readiness import Readiness
from miner_server.server import MinerServer
from tests.unit.engine_helpers import a_feed, events, named, until
from tests.unit.miner_helpers import ObedientBackend, Validator, make_server, running, serving
from tests.unit.model_server_helpers import ModelServer, chat, model_server

ECHO = (Path(__file__).parents[1] / "data" / "backend-replies" / "key-echo.422.json").read_bytes()
KEY = "sk-THROWAWAY-0000"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(openai, "PROBE_AGAIN_S", 0.0)
    monkeypatch.setattr(readiness, "PROVE_AGAIN_S", 0.0)
    monkeypatch.setattr(readiness, "READINESS_S", 0.01)


async def availability(validator: Validator) -> dict[str, object]:
    said: dict[str, object] = (await validator.http.get("/availability")).json()
    return said


async def is_ready(miner: MinerServer) -> None:
    await until(lambda: miner.view().ready)


@pytest.mark.parametrize(("status", "told"), [(200, 502), (400, 422), (401, 502), (413, 422), (422, 422), (500, 502)])
async def test_no_word_of_a_backend_reaches_a_caller(server: ModelServer, status: int, told: int) -> None:
    server.status, server.reply = status, ECHO
    async with serving(open_backend("openai", base_url=server.url, api_key=KEY)) as miner, Validator(miner) as alice:
        await is_ready(miner)
        await alice.shake()
        response = await alice.send("hello")
        assert response.status_code == told
        for words in (KEY, "bad header", "Authorization", server.url):
            assert words not in response.text and words not in str(response.headers)
        assert KEY not in repr(miner.view())


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        (KEY, "Incorrect API key provided: ******. It is of-a-proxy-1."),
        ("EMPTY", "Incorrect API key provided: EMPTY. It is of-a-proxy-1."),
        ("12345", "Incorrect API key provided: 12345. It is of-a-proxy-1."),
    ],
)
async def test_the_backends_key_alone_is_hidden_in_an_answer_and_only_if_it_can_be_no_word(
    server: ModelServer, key: str, answer: str
) -> None:
    know("of-a-proxy-1")
    server.reply = chat(f"Incorrect API key provided: {key}. It is of-a-proxy-1.")
    async with serving(open_backend("openai", base_url=server.url, api_key=key)) as miner, Validator(miner) as alice:
        await is_ready(miner)
        await alice.shake()
        assert await alice.ask("hello") == answer


async def test_no_word_of_a_list_of_models_reaches_a_caller(server: ModelServer) -> None:
    server.models_status, server.models = 401, ECHO
    async with serving(open_backend("openai", base_url=server.url, api_key=KEY)) as miner, Validator(miner) as alice:
        await until(lambda: "bad header" in miner.view().readiness)
        await alice.shake()
        refused, health = await alice.send("hello"), await alice.http.get("/health")
        assert (refused.status_code, refused.json()) == (503, {"detail": "the backend is not ready"})
        assert await availability(alice) == {"available": False, "reason": "the backend is not ready"}
        assert "bad header" not in health.text
        assert KEY not in repr(miner.view())


async def test_completions_that_fail_in_a_row_make_it_unavailable_until_one_succeeds(server: ModelServer) -> None:
    async with serving(open_backend("openai", base_url=server.url)) as miner, Validator(miner) as alice:
        await is_ready(miner)
        await alice.shake()
        server.status, server.reply, server.proves = 500, {"error": {"message": "CUDA error"}}, False
        for _ in range(readiness.FAILURES):
            assert (await alice.send("hello")).status_code == 502
        assert "CUDA error" in miner.trouble
        await until(lambda: "CUDA error" in miner.view().readiness)
        assert await availability(alice) == {"available": False, "reason": "the backend fails"}
        refused = await alice.send("hello")
        assert (refused.status_code, refused.json()) == (503, {"detail": "the backend fails"})
        assert int(refused.headers["retry-after"]) > 0
        server.status, server.reply = 200, chat("42")
        await is_ready(miner)
        assert await alice.ask("hello") == "42"
        assert miner.trouble == ""


async def test_one_that_was_answered_in_between_is_not_a_row() -> None:
    ready = Readiness(ObedientBackend())
    await ready.refresh()
    for _ in range(9):
        for _ in range(readiness.FAILURES - 1):
            ready.failed(BackendError("it broke"), "alice")
        ready.answered()
    assert (ready.unready, ready.trouble) == (None, "")


async def test_what_nobody_could_answer_is_reported_and_keeps_nobody_else_out() -> None:
    ready = Readiness(ObedientBackend())
    await ready.refresh()
    for turn in range(readiness.FAILURES):
        ready.failed(RequestUnfit("temperature must be 1"), f"caller {turn}")
    assert ready.unready is None
    assert "temperature must be 1" in ready.trouble


async def test_failures_of_one_caller_shut_nobody_out_unless_our_own_question_fails_too() -> None:
    backend = ObedientBackend()
    ready = Readiness(backend)
    await ready.refresh()
    for _ in range(readiness.FAILURES * 3):
        ready.failed(BackendError("it broke"), "mallory")
    assert (ready.unready, ready.trouble) == (None, "the last challenges failed: it broke")
    await ready.refresh()
    assert ready.unready is None and len(backend.begun) == 1
    for _ in range(readiness.FAILURES):
        ready.failed(BackendError("it broke"), "mallory")
    backend.error = BackendError("it did")
    await ready.refresh()
    assert ready.unready is not None


async def test_failures_of_two_callers_shut_out_at_once() -> None:
    ready = Readiness(ObedientBackend())
    await ready.refresh()
    for caller in ("alice", "bob", "alice"):
        assert ready.unready is None
        ready.failed(BackendError("it broke"), caller)
    assert ready.unready is not None


async def test_a_model_that_reasons_is_not_shut_out_by_short_questions(server: ModelServer) -> None:
    thinking = chat(None, reasoning_content="Let me see…")
    for reply in (
        thinking | {"choices": [thinking["choices"][0] | {"finish_reason": "length"}]},
        thinking | {"usage": {"completion_tokens": 512}},
    ):
        server.reply = reply
        async with serving(open_backend("openai", base_url=server.url)) as miner, Validator(miner) as alice:
            await is_ready(miner)
            await alice.shake()
            for _ in range(readiness.FAILURES):
                assert (await alice.send("hello")).status_code == 502
            assert miner.view().ready and "reason less" in miner.trouble


async def test_a_model_whose_proof_ends_in_thought_answers(server: ModelServer) -> None:
    server.models_status = 404
    server.reply = chat(None, reasoning="Let me see…") | {"usage": {"completion_tokens": PROOF.max_tokens}}
    backend = open_backend("openai", base_url=server.url, model="thinker")
    assert await backend.readiness() == ""
    ready = Readiness(backend)
    await ready.refresh()
    for caller in ("alice", "bob", "carol"):
        ready.failed(BackendError("it broke"), caller)
    await ready.refresh()
    assert ready.unready is None
    await backend.close()


@pytest.mark.parametrize("content", ["", " \n", None])
async def test_a_backend_that_answers_nothing_fails(server: ModelServer, content: str | None) -> None:
    async with serving(open_backend("openai", base_url=server.url)) as miner, Validator(miner) as alice:
        await is_ready(miner)
        await alice.shake()
        server.reply, server.proves = chat(content), False
        for _ in range(readiness.FAILURES):
            assert (await alice.send("hello")).status_code in (200, 503)
        await until(lambda: not miner.view().ready)
        assert "the model's answer is empty" in miner.trouble
        server.reply = chat("42")
        await is_ready(miner)
        assert await alice.ask("hello") == "42"


async def test_an_empty_answer_without_room_for_one_is_not_the_backends_fault(server: ModelServer) -> None:
    empty = chat("")
    server.reply = empty | {"choices": [empty["choices"][0] | {"finish_reason": "length"}]}
    async with serving(open_backend("openai", base_url=server.url)) as miner, Validator(miner) as alice:
        await is_ready(miner)
        await alice.shake()
        for _ in range(readiness.FAILURES):
            assert (await alice.send("hello")).status_code == 200
        assert miner.view().ready and "is empty within" in miner.trouble


async def test_a_backend_that_fails_has_to_prove_that_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = ObedientBackend()
    ready = Readiness(backend)
    await ready.refresh()
    for _ in range(readiness.FAILURES):
        ready.failed(BackendUnavailable("it sleeps"), "alice")
    for error in (BackendError("still broken"), ZeroDivisionError("by a fault of its own")):
        backend.error = error
        await ready.refresh()
        assert ready.unready is not None and ready.unready.said == readiness.FAILS
    backend.error = None
    backend.gate.clear()
    monkeypatch.setattr(readiness, "PROOF_S", 0.01)
    monkeypatch.setattr(readiness, "PROVE_AGAIN_S", 3600.0)
    await ready.refresh()
    assert "no answer within 0.01 s" in ready.trouble
    backend.gate.set()
    await ready.refresh()
    assert ready.unready is not None  # it is not asked all the time
    assert {asked for _, asked in backend.begun} == {PROOF.question}


@pytest.mark.parametrize("error", [ZeroDivisionError("a fault"), BackendSlow("no answer")])
async def test_failures_of_every_kind_count(error: Exception) -> None:
    backend = ObedientBackend()
    backend.error = error
    async with serving(backend) as miner, Validator(miner) as alice:
        await alice.shake()
        for _ in range(readiness.FAILURES):
            assert (await alice.send("hello")).status_code in (500, 504)
        await until(lambda: not miner.view().ready)
        assert await availability(alice) == {"available": False, "reason": "the backend fails"}


async def test_callers_that_hang_up_after_a_long_wait_count_and_hasty_ones_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = ObedientBackend(open_gate=False)
    async with serving(backend, limits=Limits(capacity=9)) as miner, Validator(miner) as alice:
        await alice.shake()
        gone = 0
        for patience, trouble in ((3600.0, ""), (0.0, "the caller hung up")):
            monkeypatch.setattr(answering, "LEFT_WAITING_S", patience)
            gone += readiness.FAILURES
            asking = [asyncio.create_task(alice.send(f"hello {turn}")) for turn in range(readiness.FAILURES)]
            await until(lambda: backend.now == readiness.FAILURES)
            for task in asking:
                task.cancel()
            await until(lambda: miner.view().statuses.get(499) == gone)  # noqa: B023 (it waits in this turn)
            assert trouble in miner.trouble and bool(miner.trouble) == bool(trouble)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.2"])
async def test_a_backend_that_is_the_miner_itself_is_named(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    backend = open_backend("vllm", base_url=f"http://{host}:{port}/v1", model="some/model")
    async with running(make_server(backend, port=port, host="0.0.0.0")) as miner, Validator(miner) as alice:
        await until(lambda: "leads to this miner itself" in miner.view().readiness)
        assert not miner.view().ready and "backend_url" in miner.trouble
        assert (await availability(alice))["available"] is False
        await alice.shake()
        assert (await alice.send("hello")).status_code == 503


async def test_another_miner_is_not_taken_for_itself_nor_for_a_model(server: ModelServer) -> None:
    async with serving(ObedientBackend()) as other, Validator(other) as alice:
        stranger = {reflection.HEADER: "somebody else's mark"}
        assert (await alice.http.get("/v1/models", headers=stranger)).status_code == 404
    server.status = server.models_status = 508
    backend = open_backend("vllm", base_url=server.url, model="some/model")
    assert "answered 508" in await backend.readiness()
    await backend.close()


async def test_the_operator_is_told_once_and_told_when_it_is_over() -> None:
    feed = a_feed()
    backend = ObedientBackend()
    watch = BackendWatch(lambda: backend.unready, feed, look_s=0.001, grace_s=0.0, again_s=0.0)
    task = asyncio.create_task(watch.run(lambda: None))
    for known, backend.unready in (
        (1, "it cannot be reached"),
        (3, "it takes no key"),
        (4, ""),
        (5, "it cannot be reached"),
    ):
        await until(lambda: len(events(feed)) == known)  # noqa: B023 (it waits in this turn)
    task.cancel()
    assert [(told["level"], told["text"]) for told in named(feed, "attention")] == [
        ("error", "this miner does not answer: it cannot be reached"),
        ("info", "resolved: it cannot be reached"),
        ("error", "this miner does not answer: it takes no key"),
        ("info", "this miner answers again"),
        ("error", "this miner does not answer: it cannot be reached"),
    ]
    assert [known.text for known in feed.attention] == ["this miner does not answer: it cannot be reached"]


async def test_a_trouble_that_passes_at_once_is_not_told() -> None:
    feed, looks = a_feed(), iter(["starting"] * 50)
    task = asyncio.create_task(
        BackendWatch(lambda: next(looks, ""), feed, look_s=0.0, grace_s=3600.0).run(lambda: None)
    )
    await until(lambda: next(looks, None) is None)
    task.cancel()
    assert feed.attention == ()


async def test_a_change_of_readiness_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", readiness.log.name)
    watched = Readiness(backend := ObedientBackend())
    for says in ("", "", "loading", "loading", ""):
        backend.unready = says
        await watched.refresh()
    assert [line.partition(": ")[2] for line in caplog.messages] == ["ready", "loading", "ready"]
