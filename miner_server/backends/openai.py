"""Any server that speaks OpenAI's chat completions: vLLM, Ollama, llama-server, OpenAI itself.

Nothing is tried twice: the validator's clock runs, and it knows best whether to ask again. What a caller gets to read
of a failure names no address and no key; the log says more to the operator.
"""

import asyncio
import logging
import time
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from engine.text import safe
from engine.transport.errors import WireError
from engine.transport.wire import Completion, load_json
from engine.values import Request
from miner_server.backends.chat import chat_payload, read_chat
from miner_server.errors import BackendError, BackendUnavailable, RequestUnfit

log = logging.getLogger(__name__)

MAX_REPLY_BYTES = 8 * 1024 * 1024
MAX_CONNECTIONS = 64
CONNECT_S = 5.0
PROBE_S = 5.0
PROBE_AGAIN_READY_S = 15.0
PROBE_AGAIN_S = 2.0
DETAIL_WIDTH = 200
MODELS_NAMED = 5


class _Model(Struct, frozen=True):
    id: str
    max_model_len: int | None = None


class _Models(Struct, frozen=True):
    data: tuple[_Model, ...]


class OpenAIBackend:
    """`base_url` up to and with `/v1`. Without `model`, the first one that the server lists answers.

    `name` is what the operator calls this kind of server.
    """

    def __init__(self, name: str, base_url: str, *, api_key: str | None = None, model: str | None = None) -> None:
        self.name = name
        self._base = base_url.rstrip("/")
        self._wanted = model
        self._served = _Model(model or "")
        self._unready = "the model server was not asked yet"
        self._probe_at = 0.0
        self._client = httpx.AsyncClient(
            headers={"authorization": f"Bearer {api_key}"} if api_key else {},
            limits=httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS),
            timeout=httpx.Timeout(None, connect=CONNECT_S),
            verify=self._base.startswith("https:"),
            trust_env=False,
        )

    @property
    def model(self) -> str:
        return self._served.id

    async def readiness(self) -> str:
        """Asks the server for its models, now and then."""
        if time.monotonic() >= self._probe_at:
            self._unready = await self._probe()
            self._probe_at = time.monotonic() + (PROBE_AGAIN_S if self._unready else PROBE_AGAIN_READY_S)
        return self._unready

    async def complete(self, request: Request, *, timeout: float, caller: str = "") -> Completion:  # noqa: ARG002
        payload = chat_payload(request, context=self._served.max_model_len)
        payload |= {"model": self._served.id, "stream": False}
        try:
            async with asyncio.timeout(timeout):
                status, raw = await self._call("POST", "/chat/completions", msgspec.json.encode(payload))
        except TimeoutError:
            raise BackendError("the model took too long") from None
        except httpx.HTTPError as error:
            self._probe_at = 0.0
            log.warning("%s: %s", self._base, _words(error))
            raise BackendUnavailable("the model server cannot be reached") from None
        if status != 200:
            raise self._failure(status, raw)
        return read_chat(_json(raw))

    async def close(self) -> None:
        await self._client.aclose()

    async def _probe(self) -> str:
        try:
            async with asyncio.timeout(PROBE_S):
                status, raw = await self._call("GET", "/models", None)
            if status in (404, 405):
                return "" if self._wanted else f"{self._base} lists no models: name one"
            if status != 200:
                return f"{self._base}/models answered {status}: {_detail(raw)}"
            models = msgspec.convert(_json(raw), _Models).data
        except TimeoutError:
            return f"{self._base} did not answer within {PROBE_S:g} s"
        except httpx.HTTPError as error:
            return f"{self._base} cannot be reached: {_words(error)}"
        except (BackendError, msgspec.ValidationError) as error:
            return f"{self._base}/models is not the list that OpenAI's interface has: {error}"
        names = (self._wanted, f"{self._wanted}:latest")
        served = next((model for model in models if self._wanted is None or model.id in names), None)
        if served is None:
            listed = ", ".join(model.id for model in models[:MODELS_NAMED]) or "none"
            return f"{self._base} does not serve {self._wanted or 'any model'}; it lists {listed}"
        self._served = served
        return ""

    async def _call(self, method: str, path: str, body: bytes | None) -> tuple[int, bytes]:
        headers = {"content-type": "application/json"} if body else {}
        parts: list[bytes] = []
        received = 0
        async with self._client.stream(method, self._base + path, content=body, headers=headers) as reply:
            async for part in reply.aiter_bytes():
                parts.append(part)
                received += len(part)
                if received > MAX_REPLY_BYTES:
                    raise BackendError(f"the model server's reply is larger than {MAX_REPLY_BYTES} bytes")
        return reply.status_code, b"".join(parts)

    def _failure(self, status: int, raw: bytes) -> BackendError:
        detail = _detail(raw)
        log.warning("%s/chat/completions answered %d: %s", self._base, status, detail)
        match status:
            case 400 | 413 | 422:
                return RequestUnfit(f"the model cannot answer this: {detail}")
            case 429 | 503:
                return BackendUnavailable("the model server is busy")
            case _:
                self._probe_at = 0.0
                return BackendError(f"the model server answered {status}")


def _json(raw: bytes) -> dict[str, Any]:
    try:
        return load_json(raw, max_bytes=MAX_REPLY_BYTES)
    except WireError as error:
        raise BackendError(f"the model server's reply cannot be read: {error.reason}") from None


def _detail(raw: bytes) -> str:
    """What a server says about a failure, in OpenAI's form or as it comes."""
    try:
        said: Any = load_json(raw)
    except WireError:
        said = raw[:DETAIL_WIDTH].decode(errors="replace")
    for field in ("error", "message", "detail"):
        if isinstance(said, dict) and field in said:
            said = said[field]
    return safe(str(said), DETAIL_WIDTH)


def _words(error: httpx.HTTPError) -> str:
    return safe(str(error) or type(error).__name__, DETAIL_WIDTH)
