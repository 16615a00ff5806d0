"""The OpenAI backend against a real HTTP server that records what it is asked."""

import asyncio
import gzip
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.values import Request
from miner_server.backends import kept_connections, openai
from miner_server.backends.openai import OpenAIBackend
from miner_server.backends.registry import open_backend
from miner_server.errors import (
    BackendError,
    BackendUnavailable,
    MinerError,
    NoAnswer,
    RequestTooLong,
    RequestUnfit,
)
from tests.unit.engine_helpers import until
from tests.unit.model_server_helpers import ModelServer, chat, model_server

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CALL = {"id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
ECHOES = Path(__file__).parents[1] / "data" / "backend-replies"
QUESTION = Request(messages=({"role": "user", "content": "Hello?"},), max_tokens=100, temperature=0.5, top_p=0.9)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with model_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "PAUSES_S", (0.0, 0.0))


async def ready(server: ModelServer, **options: Any) -> OpenAIBackend:
    backend = open_backend("openai", base_url=server.url, **options)
    assert isinstance(backend, OpenAIBackend)
    assert await backend.readiness() == ""
    return backend


async def test_everything_that_is_asked_arrives(server: ModelServer) -> None:
    backend = await ready(server, api_key="secret-key")
    await backend.complete(
        replace(
            QUESTION,
            tools=(TOOL,),
            tool_choice="auto",
            response_format={"type": "json_object"},
            stop=("END",),
            seed=7,
        ),
        timeout=5,
    )
    assert server.asked == [
        {
            "model": "tiny",
            "messages": [{"role": "user", "content": "Hello?"}],
            "max_tokens": 100,
            "temperature": 0.5,
            "top_p": 0.9,
            "tools": [TOOL],
            "tool_choice": "auto",
            "response_format": {"type": "json_object"},
            "stop": ["END"],
            "seed": 7,
            "stream": False,
        }
    ]
    assert server.keys == ["Bearer secret-key"]
    await backend.close()


async def test_a_bare_prompt_becomes_a_message_and_nothing_else_is_sent(server: ModelServer) -> None:
    backend = await ready(server)
    await backend.complete(Request(prompt="Hello?", tool_choice="auto"), timeout=5)
    assert server.asked[0]["messages"] == [{"role": "user", "content": "Hello?"}]
    assert server.asked[0].keys() == {"model", "messages", "max_tokens", "temperature", "top_p", "stream"}
    await backend.close()


async def test_the_answer_comes_back_whole(server: ModelServer) -> None:
    backend = await ready(server)
    completion = await backend.complete(QUESTION, timeout=5)
    assert (completion.text, completion.finish_reason) == ("Hi.", "stop")
    assert completion.usage == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    server.reply = chat(None, tool_calls=[CALL])
    completion = await backend.complete(QUESTION, timeout=5)
    assert (completion.text, completion.finish_reason) == ("", "tool_calls")
    assert completion.tool_calls == (CALL,)
    await backend.close()


async def test_no_more_tokens_are_asked_for_than_the_model_holds(server: ModelServer) -> None:
    server.models = [{"id": "tiny", "max_model_len": 1000}]
    backend = await ready(server)
    await backend.complete(replace(QUESTION, max_tokens=12288), timeout=5)
    await backend.complete(replace(QUESTION, max_tokens=12288, messages=(), prompt="x" * 1800), timeout=5)
    assert 900 < server.asked[0]["max_tokens"] < 1000
    assert server.asked[1]["max_tokens"] == 250
    await backend.close()


@pytest.mark.parametrize(
    ("status", "reply", "kind", "words"),
    [
        (400, {"error": {"message": "temperature is wrong"}}, RequestUnfit, "temperature is wrong"),
        (400, {"error": {"message": "maximum context length is 8"}}, RequestTooLong, "context length is 8"),
        (400, {"error": {"code": "context_length_exceeded"}}, RequestTooLong, "context_length_exceeded"),
        (422, b"\x1b[2J not json", RequestUnfit, "␛"),
        (429, {}, BackendUnavailable, "answered 429"),
        (503, {}, BackendUnavailable, "answered 503"),
        (401, {"error": "no"}, BackendError, "answered 401"),
        (500, b"", BackendError, "answered 500"),
        (200, b"<html>", BackendError, "cannot be read"),
        (200, {"choices": []}, BackendError, "no choice"),
        (200, {"choices": [{"message": {"content": 7}}]}, BackendError, "not a chat completion"),
        (200, [1], BackendError, "not a chat completion"),
        (200, b'{"choices": ' + b"[" * 100_000, BackendError, "cannot be read"),
    ],
)
async def test_failures_have_a_kind_and_say_what_happened(
    server: ModelServer, status: int, reply: Any, kind: type[BackendError], words: str
) -> None:
    backend = await ready(server)
    server.status, server.reply = status, reply
    with pytest.raises(BackendError, match=words) as failed:
        await backend.complete(QUESTION, timeout=5)
    assert type(failed.value) is kind
    await backend.close()


async def test_a_reply_without_end_is_cut(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner_server.backends.kept_connections.MAX_REPLY_BYTES", 10_000)
    backend = await ready(server)
    server.reply = chat("x" * 20_000)
    with pytest.raises(BackendError, match="larger than 10000 bytes"):
        await backend.complete(QUESTION, timeout=5)
    await backend.close()


@pytest.mark.order
async def test_a_cancelled_request_is_hung_up_on(server: ModelServer) -> None:
    backend = await ready(server)
    server.hang.clear()
    asking = asyncio.create_task(backend.complete(QUESTION, timeout=5))
    await until(lambda: server.asked)
    asking.cancel()
    assert await asyncio.to_thread(server.hung_up.wait, 30)
    await backend.close()


async def test_readiness_is_looked_at_again_and_again(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner_server.backends.openai.PROBE_AGAIN_S", 0.0)
    monkeypatch.setattr("miner_server.backends.openai.PROBE_AGAIN_READY_S", 0.0)
    backend = open_backend("openai", base_url=server.url)
    server.models_status = 500
    assert "answered 500" in await backend.readiness()
    server.models_status = 200
    assert await backend.readiness() == ""
    server.http.server_close()
    server.http.shutdown()
    with pytest.raises(BackendUnavailable):
        await backend.complete(QUESTION, timeout=5)
    assert await backend.readiness() == f"{server.url} cannot be reached: Connection refused"
    await backend.close()


async def test_a_model_that_is_not_served_is_named(server: ModelServer) -> None:
    server.models = [{"id": "llama3:latest"}, {"id": "qwen"}]
    missing = open_backend("ollama", base_url=server.url, model="mistral")
    assert "does not serve mistral; it lists llama3:latest, qwen" in await missing.readiness()
    tagged = open_backend("ollama", base_url=server.url, model="llama3")
    assert await tagged.readiness() == ""
    assert tagged.model == "llama3:latest"
    await missing.close()
    await tagged.close()


async def test_no_key_reaches_a_log_or_a_caller(server: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    backend = await ready(server, api_key="secret-key")
    server.status = 401
    with pytest.raises(BackendError) as failed:
        await backend.complete(QUESTION, timeout=5)
    assert "secret-key" not in caplog.text
    assert server.url not in str(failed.value)
    await backend.close()


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("openai", {}, "needs a base URL"),
        ("openai", {"base_url": "models.example/v1"}, "must look like http"),
        ("openai", {"base_url": "http://models.example:99999/v1"}, "must look like http"),
        ("openai", {"base_url": "http://[models/v1"}, "must look like http"),
        ("openai", {"base_url": "http://:80/v1"}, "must look like http"),
        ("openai", {"base_url": "http://user@models.example/v1"}, "holds a password"),
        ("openai", {"base_url": "http://:word@models.example/v1"}, "holds a password"),
        ("openai", {"base_url": "http://models.example:0/v1"}, "must look like http"),
        ("openai", {"base_url": "ftp://models.example/v1"}, "must look like http"),
        ("openai", {"base_url": "http://me:pass@models.example/v1"}, "set it as the API key"),
        ("vllm", {"api_key": "two\nlines"}, "no header can carry"),
        ("gpt", {}, "choose one of scripted, openai"),
    ],
)
def test_wrong_settings_are_explained(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(MinerError, match=words):
        open_backend(name, **options)


@pytest.mark.parametrize("status", [0, 429, 500, 502, 503])
async def test_what_passes_by_itself_is_tried_again_twice(server: ModelServer, status: int) -> None:
    backend = await ready(server)
    server.statuses = [status, status]
    assert (await backend.complete(QUESTION, timeout=30)).text == "Hi."
    assert len(server.asked) == 3
    server.statuses = [status] * 9
    with pytest.raises(BackendError):
        await backend.complete(QUESTION, timeout=30)
    assert len(server.asked) == 6
    await backend.close()


@pytest.mark.parametrize("status", [400, 401, 404, 422])
async def test_what_will_not_change_is_asked_once(server: ModelServer, status: int) -> None:
    backend = await ready(server)
    server.statuses = [status]
    with pytest.raises(BackendError):
        await backend.complete(QUESTION, timeout=30)
    assert len(server.asked) == 1
    await backend.close()


@pytest.mark.parametrize(
    "retry_after", ["3600", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)], ids=["s", "date"]
)
async def test_a_server_that_wants_more_time_than_there_is_is_left_alone(server: ModelServer, retry_after: str) -> None:
    backend = await ready(server)
    server.statuses, server.retry_after = [429], retry_after
    with pytest.raises(BackendUnavailable):
        await backend.complete(QUESTION, timeout=30)
    assert len(server.asked) == 1
    await backend.close()


@pytest.mark.order
async def test_a_server_gets_the_time_that_it_asks_for(server: ModelServer) -> None:
    backend = await ready(server)
    server.statuses, server.retry_after = [429], "1"
    began = time.monotonic()
    assert (await backend.complete(QUESTION, timeout=30)).text == "Hi."
    assert time.monotonic() - began >= 1
    await backend.close()


@pytest.mark.parametrize("retry_after", ["soon", "Mon, 01 Jan 99999999999 00:00:00 GMT"])
async def test_an_invalid_retry_after_is_ignored(server: ModelServer, retry_after: str) -> None:
    backend = await ready(server)
    server.statuses, server.retry_after = [429], retry_after
    assert (await backend.complete(QUESTION, timeout=30)).text == "Hi."
    await backend.close()


async def test_a_model_that_embeds_is_not_asked_to_chat(server: ModelServer) -> None:
    server.models = [{"id": "nomic-embed-text:latest"}, {"id": "qwen", "max_model_len": 4096.0}]
    backend = await ready(server)
    assert backend.model == "qwen"
    await backend.close()
    server.models = [{"id": "nomic-embed-text:latest"}]
    embedder = open_backend("ollama", base_url=server.url)
    assert "no chat model (listed: nomic-embed-text:latest)" in await embedder.readiness()
    await embedder.close()


@pytest.mark.parametrize("listed", [(404, []), (405, []), (200, b"<html>"), (200, {"hello": 1})], ids=str)
async def test_without_a_list_one_small_completion_shows_that_it_answers(server: ModelServer, listed: Any) -> None:
    server.models_status, server.models = listed
    server.proves = False
    backend = open_backend("openai", base_url=server.url)
    assert "name one with backend_model" in await backend.readiness()
    assert server.asked == []
    await backend.close()
    backend = open_backend("openai", base_url=server.url, model="tiny")
    assert await backend.readiness() == ""
    assert [asked["messages"][0]["content"] for asked in server.asked] == ["Say yes."]
    await backend.close()
    server.status = 404
    backend = open_backend("openai", base_url=server.url, model="tiny")
    assert "gives no answer: the model server answered 404" in await backend.readiness()
    await backend.close()


async def test_one_completion_is_proof_until_another_fails(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "PROBE_AGAIN_READY_S", 0.0)
    server.models_status, server.proves = 404, False
    backend = await ready(server, model="tiny")
    assert await backend.readiness() == ""
    assert len(server.asked) == 1
    server.status = 418
    with pytest.raises(BackendError):
        await backend.complete(QUESTION, timeout=5)
    assert "answered 418" in await backend.readiness()
    await backend.close()


async def test_reasoning_counts_as_an_answer_when_the_operator_allows_it(server: ModelServer) -> None:
    server.reply = chat(None, reasoning_content="It is 42.")
    backend = await ready(server)
    with pytest.raises(NoAnswer):
        await backend.complete(QUESTION, timeout=5)
    await backend.close()
    backend = await ready(server, reasoning_is_answer=True)
    assert (await backend.complete(QUESTION, timeout=5)).text == "It is 42."
    await backend.close()


async def test_a_key_that_the_server_echoes_is_in_none_of_our_output(server: ModelServer) -> None:
    key = "sk-THROWAWAY-0000"
    server.models_status, server.models = 401, (ECHOES / "key-echo-models.401.json").read_bytes()
    backend = open_backend("openai", base_url=server.url, api_key=key)
    said = await backend.readiness()
    assert "SUBNET_CONSOLE_API_KEY" in said and "Incorrect API key provided" in said
    assert key not in said
    await backend.close()
    server.models_status, server.models = 200, [{"id": "tiny"}]
    backend = await ready(server, api_key=key)
    for status in (400, 401, 413, 422, 500):
        server.status, server.reply = status, (ECHOES / "key-echo.422.json").read_bytes()
        with pytest.raises(BackendError) as failed:
            await backend.complete(QUESTION, timeout=30)
        assert "bad header" in str(failed.value) and key not in str(failed.value)
    await backend.close()


OK = b"HTTP/1.1 200 OK\r\n"
HI = b'{"choices": [{"message": {"content": "Hi."}}]}'
LENGTH = b"content-length: %d\r\n" % len(HI)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (OK + LENGTH + b"\r\n" + HI, "Hi."),
        (b"HTTP/1.0 200 OK\r\n\r\n" + HI, "Hi."),
        (OK + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(HI), HI), "Hi."),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK + LENGTH + b"\r\n" + HI, "Hi."),
        (
            OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(gzip.compress(HI)) + gzip.compress(HI),
            "Hi.",
        ),
        (OK + b"content-encoding: gzip\r\n" + LENGTH + b"\r\n" + HI, None),
        (OK + b"content-length: 5000\r\n\r\n" + HI, None),
        (OK + b"transfer-encoding: chunked\r\n\r\nzz\r\n" + HI, None),
        (OK + b"content-length: -1\r\n\r\n", None),
        (b"HTTP/1.1 999 What\r\ncontent-length: 0\r\n\r\n", None),
        (b"HTTP/1.1 302 Found\r\nlocation: /v1/chat/completions\r\ncontent-length: 0\r\n\r\n", None),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", None),
        (b"\x00\xff\xfe nonsense\r\n\r\n", None),
        (OK + b"x: " + b"y" * 100_000 + b"\r\n\r\n", None),
        (OK + b"set-cookie: \xff\xfe=\x01\r\n" + LENGTH + b"\r\n" + HI, "any"),
        (OK + b"content-encoding: gzip\r\n\r\n" + gzip.compress(b" " * 4 * kept_connections.MAX_REPLY_BYTES), None),
        (b"", None),
    ],
    ids=range(17),
)
async def test_no_http_reply_breaks_it(raw: bytes, text: str | None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            writer.write(raw)
            await writer.drain()
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        backend = open_backend("openai", base_url=f"http://127.0.0.1:{port}/v1", model="tiny")
        try:
            said = (await backend.complete(QUESTION, timeout=30)).text
        except BackendError:
            said = None
        assert said == text or text == "any"
        await backend.close()
