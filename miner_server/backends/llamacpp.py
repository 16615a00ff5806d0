"""A language model in this process: llama.cpp with a packaged model or one of the operator's.

The model is loaded in the background when readiness is first asked for.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Event
from typing import Any

from engine.transport.wire import Completion
from engine.values import Request
from miner_server.backends.chat_request import chat_payload
from miner_server.backends.chunks import Chunks
from miner_server.backends.interface import OnText
from miner_server.backends.lanes import Lanes
from miner_server.backends.llamacpp_bindings import Chunk, LoadedModel, installed_binding
from miner_server.backends.replies import read_chat
from miner_server.backends.speed import Speed
from miner_server.backends.structure import require_readable
from miner_server.errors import BackendUnavailable, MinerError

log = logging.getLogger(__name__)

LANES = 2
CONTEXT = 2048
"""Requests in parallel, and the tokens of each, unless the operator sets them: what the packaged model answers on two
cores."""


class LlamaCppBackend:
    """`path` is a .gguf file; `lanes` requests are answered at once, each within `context` tokens.

    With `reasoning_is_answer`, the model's reasoning counts as its answer if it says nothing else.
    """

    name = "llamacpp"

    def __init__(
        self, path: Path, *, lanes: int = LANES, context: int = CONTEXT, reasoning_is_answer: bool = False
    ) -> None:
        self._binding, several = installed_binding()
        if not path.is_file():
            raise MinerError(f"no model file {path}: name a .gguf file")
        self.model = path.stem
        self.lanes = lanes if several else 1
        self.can = self._binding.can
        self.speed = Speed()
        self._path = path
        self.context: int | None = context
        self._reasoning_is_answer = reasoning_is_answer
        self._lanes = Lanes(self.lanes, f"llamacpp {self.model}")
        self._loaded: LoadedModel | None = None
        self._loading: asyncio.Task[None] | None = None
        self._unready = f"loading {path.name}"

    async def readiness(self) -> str:
        if self._loading is None:
            self._loading = asyncio.create_task(self._load())
        return self._unready

    async def complete(
        self,
        request: Request,
        *,
        timeout: float,  # noqa: ARG002
        caller: str = "",  # noqa: ARG002
        on_text: OnText | None = None,
    ) -> Completion:
        model = self._loaded
        if model is None:
            raise BackendUnavailable("the model is loading")
        require_readable(request)
        payload = chat_payload(request, can=self.can)
        loop = asyncio.get_running_loop()

        def say(piece: str, logprobs: Sequence[dict[str, Any]] = (), /) -> None:
            if on_text is not None:
                loop.call_soon_threadsafe(on_text, piece, logprobs)

        with self.speed.begin() as measuring:
            completion = await self._lanes.run(
                lambda given_up: _generate(model, payload, given_up, say, measuring.heard, self._reasoning_is_answer)
            )
            measuring.answered(completion.usage.get("completion_tokens", 0))
        return completion

    async def close(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
        self._loaded = None
        self._unready = "closed"

    async def _load(self) -> None:
        try:
            self._loaded = await self._lanes.run(
                lambda _: self._binding(self._path, lanes=self.lanes, context=self.context or CONTEXT)
            )
        except Exception:
            log.exception("%s cannot be loaded", self._path)
            self._unready = f"{self._path.name} cannot be loaded: is it a GGUF model that fits into memory?"
        else:
            self._unready = ""


def _generate(
    model: LoadedModel,
    payload: dict[str, Any],
    given_up: Event,
    say: OnText,
    heard: Callable[[], None],
    reasoning_is_answer: bool,
) -> Completion:
    chunks = Chunks()

    def add(chunk: Chunk) -> bool:
        piece = chunks.add(chunk)
        if chunks.has_spoken:
            heard()
        if piece and not given_up.is_set():
            say(piece, chunks.last_logprobs)
        return given_up.is_set()

    if not given_up.is_set():
        model.stream(payload, add)
    return read_chat(chunks.reply(), max_tokens=payload["max_tokens"], reasoning_is_answer=reasoning_is_answer)
