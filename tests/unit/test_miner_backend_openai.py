"""The OpenAI backend against a real HTTP server that records what it is asked."""

import asyncio
import json
import logging
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

import pytest
from msgspec.structs import replace

from engine.values import Request
from miner_server.backends import open_backend
from miner_server.backends.openai import OpenAIBackend
from miner_server.errors import BackendError, BackendUnavailable, MinerError, RequestUnfit
from tests.unit.engine_helpers import until

TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}
CALL = {"id": "call-1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
QUESTION = Request(messages=({"role": "user", "content": "Hello?"},), max_tokens=100, temperature=0.5, top_p=0.9)


def chat(content: str | None = "Hi.", **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"message": {"role": "assistant", "content": content, **message}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "details": {}},
    }


class ModelServer:
    """Answers what the test sets; `asked` holds the bodies and `keys` the Authorization headers."""

    def __init__(self) -> None:
        self.models: list[dict[str, Any]] = [{"id": "tiny"}]
        self.reply: Any = chat()
        self.status = 200
        self.models_status = 200
        self.hang = Event()
        self.hang.set()
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.hung_up = Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send(outer.models_status, {"object": "list", "data": outer.models})

            def do_POST(self) -> None:
                outer.keys.append(self.headers["authorization"])
                outer.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                if not outer.hang.wait(0.5):
                    self.connection.settimeout(10)
                    if not self.rfile.read(1):
                        outer.hung_up.set()
                    return
                self.send(outer.status, outer.reply)

            def send(self, status: int, value: Any) -> None:
                body = value if isinstance(value, bytes) else json.dumps(value).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"


@pytest.fixture
def server() -> Iterator[ModelServer]:
    server = ModelServer()
    thread = Thread(target=server.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


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
        (400, {"error": {"message": "context length is 8"}}, RequestUnfit, "context length is 8"),
        (422, b"\x1b[2J not json", RequestUnfit, "␛"),
        (429, {}, BackendUnavailable, "busy"),
        (503, {}, BackendUnavailable, "busy"),
        (401, {"error": "no"}, BackendError, "answered 401"),
        (500, b"", BackendError, "answered 500"),
        (200, b"<html>", BackendError, "cannot be read"),
        (200, {"choices": []}, BackendError, "no choice"),
        (200, {"choices": [{"message": {"content": 7}}]}, BackendError, "no chat completion"),
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
    monkeypatch.setattr("miner_server.backends.openai.MAX_REPLY_BYTES", 10_000)
    backend = await ready(server)
    server.reply = chat("x" * 20_000)
    with pytest.raises(BackendError, match="larger than 10000 bytes"):
        await backend.complete(QUESTION, timeout=5)
    await backend.close()


async def test_a_cancelled_request_is_hung_up_on(server: ModelServer) -> None:
    backend = await ready(server)
    server.hang.clear()
    asking = asyncio.create_task(backend.complete(QUESTION, timeout=5))
    await until(lambda: server.asked)
    asking.cancel()
    assert await asyncio.to_thread(server.hung_up.wait, 30)
    await backend.close()


async def test_the_deadline_is_kept(server: ModelServer) -> None:
    backend = await ready(server)
    server.hang.clear()
    began = time.monotonic()
    with pytest.raises(BackendError, match="too long"):
        await backend.complete(QUESTION, timeout=0.2)
    assert time.monotonic() - began < 4
    await backend.close()


async def test_readiness_is_looked_at_again_and_again(server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner_server.backends.openai.PROBE_AGAIN_S", 0.0)
    monkeypatch.setattr("miner_server.backends.openai.PROBE_AGAIN_READY_S", 0.0)
    backend = open_backend("openai", base_url=server.url)
    server.models_status = 500
    assert "answered 500" in await backend.readiness()
    server.models_status = 200
    assert await backend.readiness() == ""
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(BackendUnavailable):
        await backend.complete(QUESTION, timeout=5)
    assert "cannot be reached" in await backend.readiness()
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
        ("openai", {"base_url": "http://me:pass@models.example/v1"}, "set it as the API key"),
        ("vllm", {"api_key": "two\nlines"}, "no header can carry"),
        ("gpt", {}, "choose one of scripted, openai"),
    ],
)
def test_wrong_settings_are_explained(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(MinerError, match=words):
        open_backend(name, **options)
