"""A miner whose OpenAI API is open, and a model server that answers as a test says, in one piece or in events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import openai

from engine.api_keys import ApiKeys, add_key
from engine.key_use import KeyUse
from miner_server.backends.interface import PROOF, Backend
from miner_server.limits import Limits
from miner_server.openai.access import Access
from miner_server.openai.embeddings import Embedder
from miner_server.server import MinerServer
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import make_server, running

MODEL = "tiny"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"
PAGES = {"/v1/models": {"data": [{"id": MODEL, "max_model_len": 8192}]}}
OLLAMAS = {"/api/tags": {"models": [{"name": MODEL, "model": MODEL}]}, "/api/version": {"version": "0.20.1"}}
"""What Ollama's own API has besides; a server with these answers `/api/chat` as Ollama does."""

Asked = dict[str, Any]


def said(content: str | None, **message: Any) -> dict[str, Any]:
    """A choice that says this."""
    return {"message": {"role": "assistant", "content": content, **message}, "finish_reason": "stop"}


class Talker:
    """Answers `say(asked)`, a choice; None hangs up in the middle. `asked` are the bodies, without the proofs, and
    `pages` what is to be got: JSON, or a text as it is."""

    def __init__(self, say: Callable[[Asked], dict[str, Any] | None], **pages: Any) -> None:
        self.say = say
        self.pages: dict[str, Any] = {**PAGES, **pages}
        self.asked: list[Asked] = []
        self.now = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                path = head.split()[1].decode()
                if head.startswith(b"get"):
                    _write(writer, self.pages.get(path), 200 if path in self.pages else 404)
                    continue
                native = path == "/api/chat"
                asked = json.loads(await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0])))
                if asked["messages"][-1]["content"] == PROOF.prompt:
                    _write(writer, _native(said("Yes."), {}) if native else {"choices": [said("Yes.")]})
                    continue
                self.asked.append(asked)
                self.now += 1
                choice = self.say(asked)
                self.now -= 1
                usage = {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}
                if asked["stream"] and native:
                    await self._lines(writer, choice, usage)
                elif asked["stream"]:
                    await self._stream(writer, choice, usage)
                elif choice is None:
                    break
                else:
                    _write(writer, _native(choice, usage) if native else {"choices": [choice], "usage": usage})
        writer.close()

    async def _lines(self, writer: asyncio.StreamWriter, choice: dict[str, Any] | None, usage: dict[str, int]) -> None:
        """As Ollama streams: a line of JSON for each word, the calls, and the end with its counts."""
        assert choice is not None
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n" + CHUNKED)
        whole = _native(choice, usage)
        message, tokens = whole.pop("message"), whole.pop("logprobs", None)
        words = [word + " " for word in message["content"].split(" ") if word]
        told: list[dict[str, Any]] = [{"message": {"role": "assistant", "content": word}} for word in words]
        if tokens:
            told[0]["logprobs"] = tokens
        if message["tool_calls"]:
            told += [{"message": {"role": "assistant", "content": "", "tool_calls": message["tool_calls"]}}]
        for line in (*({**one, "done": False} for one in told), {"message": {"content": ""}, **whole}):
            body = json.dumps(line).encode() + b"\n"
            writer.write(b"%x\r\n%b\r\n" % (len(body), body))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    async def _stream(self, writer: asyncio.StreamWriter, choice: dict[str, Any] | None, usage: dict[str, int]) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + CHUNKED)
        if choice is None:
            _event(writer, {"choices": [{"index": 0, "delta": {"content": "It is "}}]})
            await writer.drain()
            await asyncio.sleep(0.02)
            raise OSError
        message = choice["message"]
        tokens = (choice.get("logprobs") or {}).get("content", [])
        for place, word in enumerate((message["content"] or "").split(" ")):
            if word:
                told = {"logprobs": {"content": tokens[place : place + 1]}} if tokens else {}
                _event(writer, {"choices": [{"index": 0, "delta": {"content": word + " "}, **told}]})
                await writer.drain()
        calls = [{"index": number, **call} for number, call in enumerate(message.get("tool_calls", ()))]
        _event(writer, {"choices": [{"index": 0, "delta": {"tool_calls": calls} if calls else {}}]})
        _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
        _event(writer, {"choices": [], "usage": usage})
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")


def _native(choice: dict[str, Any], usage: dict[str, int]) -> dict[str, Any]:
    """A choice as Ollama's own API puts it."""
    message = choice["message"]
    calls = [
        {"function": {"name": call["function"]["name"], "arguments": json.loads(call["function"]["arguments"])}}
        for call in message.get("tool_calls", ())
    ]
    return {
        "model": MODEL,
        "message": {"role": "assistant", "content": message["content"] or "", "tool_calls": calls},
        "done": True,
        "done_reason": "length" if choice["finish_reason"] == "length" else "stop",
        "prompt_eval_count": usage.get("prompt_tokens", 0),
        "eval_count": usage.get("completion_tokens", 0),
        "load_duration": 1_000_000,
        "prompt_eval_duration": 19_000_000,
        "eval_duration": 30_000_000,
        **({"logprobs": choice["logprobs"]["content"]} if "logprobs" in choice else {}),
    }


def _write(writer: asyncio.StreamWriter, value: Any, status: int = 200) -> None:
    body = value.encode() if isinstance(value, str) else json.dumps(value).encode()
    writer.write(b"HTTP/1.1 %d OK\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))


def _event(writer: asyncio.StreamWriter, value: Any) -> None:
    body = b"data: %b\n\n" % json.dumps(value).encode()
    writer.write(b"%x\r\n%b\r\n" % (len(body), body))


@asynccontextmanager
async def talking(say: Callable[[Asked], dict[str, Any] | None], **pages: Any) -> AsyncIterator[Talker]:
    talker = Talker(say, **pages)
    async with await asyncio.start_server(talker.serve, "127.0.0.1", 0) as listening:
        talker.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        yield talker


class OpenMiner:
    """A miner with its API open: its server, its key file, and a client that bears a key of it."""

    def __init__(self, server: MinerServer, key_file: Path, key: str) -> None:
        host, port = server.address
        self.server = server
        self.key_file = key_file
        self.key = key
        self.url = f"http://{host}:{port}/v1"
        self.client = openai.AsyncOpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=20)

    async def ask(self, text: str = "Hello?", **more: Any) -> Any:
        """A chat completion of the SDK's."""
        asked = {"model": MODEL, "messages": [{"role": "user", "content": text}], **more}
        return await self.client.chat.completions.create(**asked)


@asynccontextmanager
async def open_miner(
    backend: Backend,
    folder: Path,
    *,
    embedder: Embedder | None = None,
    public: bool = False,
    limits: Limits | None = None,
) -> AsyncIterator[OpenMiner]:
    key_file = folder / "api-keys.json"
    key = add_key(key_file, "me")
    access = Access(ApiKeys(key_file), KeyUse(folder / "api-key-use.json"), embedder, public)
    async with running(make_server(backend, access=access, limits=limits)) as server:
        await until(lambda: server.view().ready)
        miner = OpenMiner(server, key_file, key)
        try:
            yield miner
        finally:
            await miner.client.close()
