"""A language model in this process: llama.cpp with a packaged model or one of the operator's.

The model is loaded in the background when readiness is first asked for.
"""

import asyncio
import logging
from pathlib import Path
from threading import Event
from typing import Any

from engine.transport.wire import Completion
from engine.values import Request
from miner_server.backends.chat import chat_payload, read_chat
from miner_server.backends.engines import Chunk, Engine, engine_class
from miner_server.backends.lanes import Lanes
from miner_server.errors import BackendError, BackendUnavailable, MinerError, RequestUnfit

log = logging.getLogger(__name__)

LANES = 2
CONTEXT = 2048


class LlamaCppBackend:
    """`path` is a .gguf file; `lanes` requests are answered at once, each within `context` tokens."""

    name = "llamacpp"

    def __init__(self, path: Path, *, lanes: int = LANES, context: int = CONTEXT) -> None:
        self._engine_class, several = engine_class()
        if not path.is_file():
            raise MinerError(f"no model file {path}: name a .gguf file")
        self.model = path.stem
        self.lanes = lanes if several else 1
        self._path = path
        self._context = context
        self._lanes = Lanes(self.lanes, f"llamacpp {self.model}")
        self._engine: Engine | None = None
        self._loading: asyncio.Task[None] | None = None
        self._unready = f"loading {path.name}"

    async def readiness(self) -> str:
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        return self._unready

    async def complete(self, request: Request, *, timeout: float, caller: str = "") -> Completion:  # noqa: ARG002
        engine = self._engine
        if engine is None:
            raise BackendUnavailable("the model is loading")
        payload = chat_payload(request)
        try:
            async with asyncio.timeout(timeout):
                return await self._lanes.run(lambda given_up: _generate(engine, payload, given_up))
        except TimeoutError:
            raise BackendError("the model took too long") from None

    async def close(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
        self._engine = None
        self._unready = "closed"

    async def _load(self) -> None:
        try:
            self._engine = await self._lanes.run(
                lambda _: self._engine_class(self._path, lanes=self.lanes, context=self._context)
            )
        except Exception:
            log.exception("%s cannot be loaded", self._path)
            self._unready = f"{self._path.name} cannot be loaded: is it a GGUF model that fits into memory?"
        else:
            self._unready = ""


class _Gathered:
    """The chunks of one answer, put together."""

    def __init__(self, given_up: Event) -> None:
        self._given_up = given_up
        self._text: list[str] = []
        self._tool_calls: dict[int, dict[str, Any]] = {}
        self._finish_reason: str | None = None
        self._usage: dict[str, Any] = {}
        self.error: dict[str, Any] | None = None

    def add(self, chunk: Chunk) -> bool:
        """Take one chunk; True ends the generation."""
        self.error = chunk.get("error", self.error)
        self._usage = chunk.get("usage") or self._usage
        for choice in chunk.get("choices", ())[:1]:
            delta = choice.get("delta") or {}
            self._text.append(delta.get("content") or "")
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            for part in delta.get("tool_calls") or ():
                _merge(self._tool_calls.setdefault(part.get("index", 0), {}), part)
        return self._given_up.is_set()

    def reply(self) -> dict[str, Any]:
        """The same as one reply."""
        message = {"content": "".join(self._text), "tool_calls": list(self._tool_calls.values())}
        return {"choices": [{"message": message, "finish_reason": self._finish_reason}], "usage": self._usage}


def _generate(engine: Engine, payload: dict[str, Any], given_up: Event) -> Completion:
    gathered = _Gathered(given_up)
    if not given_up.is_set():
        engine.stream(payload, gathered.add)
    if gathered.error is not None:
        raise _failure(gathered.error)
    return read_chat(gathered.reply())


def _merge(call: dict[str, Any], part: dict[str, Any]) -> None:
    """Add a piece of a tool call: texts grow, everything else is as it came first."""
    for field, value in part.items():
        if field == "index" or value is None:
            continue
        if isinstance(value, dict):
            _merge(call.setdefault(field, {}), value)
        elif field == "arguments":
            call[field] = call.get(field, "") + value
        else:
            call.setdefault(field, value)


def _failure(error: dict[str, Any]) -> BackendError:
    if error.get("type") == "exceed_context_size_error":
        return RequestUnfit(
            f"the prompt is {error.get('n_prompt_tokens')} tokens long, the model holds {error.get('n_ctx')}"
        )
    if error.get("code") == 400:
        return RequestUnfit(str(error.get("message")))
    return BackendError(f"the model failed: {error.get('message')}")
