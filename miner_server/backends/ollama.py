"""Ollama through its own API, which has what its OpenAI-compatible one lacks: the length of the context.

Through the latter, a prompt beyond Ollama's default length is cut without a word. A server without the former, such as
a proxy in front of it, is asked as OpenAI's are.
"""

import re
import secrets
from collections.abc import Callable
from typing import Any

from engine import foreign_json
from engine.foreign_json import count, fields, items
from engine.values import Request
from miner_server.backends.gauges import GaugePage, read_ollama
from miner_server.backends.kept_connections import Connections, ServerReply
from miner_server.backends.openai import OpenAIBackend

V1 = "/v1"
VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
LOGPROBS = frozenset(["logprobs", "top_logprobs"])
LOGPROBS_SINCE = (0, 12, 11)
"""https://github.com/ollama/ollama/releases/tag/v0.12.11"""

ALWAYS = frozenset(
    [
        "stop",
        "seed",
        "response_format",
        "tools",
        "frequency_penalty",
        "presence_penalty",
        "reasoning_effort",
        "image_url",
    ]
)
"""What it has in both APIs: https://docs.ollama.com/api/openai-compatibility names neither `tool_choice` nor
`logit_bias`."""

OPTIONS = {
    "max_tokens": "num_predict",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
"""Our names and those in its `options`."""

MS_OF_NANOSECONDS = 1e-6
"""Ollama's durations are in nanoseconds."""


class OllamaBackend(OpenAIBackend):
    """`context` is how long a context it is to load the model with; without it, its own default holds."""

    can = ALWAYS

    def __init__(self, name: str, base_url: str, *, context: int | None = None, **options: Any) -> None:
        super().__init__(name, base_url.rstrip("/").removesuffix(V1), context=context, **options)
        self._num_ctx = context
        self._is_native = False

    async def _list(self) -> ServerReply:
        """Its own list of models, by which it is known to have its own API; else that of OpenAI's."""
        reply = await self._connections.get("/api/tags")
        self._is_native = reply.status == 200 and _is_list_of_models(reply.body)
        if not self._is_native:
            self.can = ALWAYS
            return await self._connections.get(V1 + "/models")
        self.can = ALWAYS | LOGPROBS if await self._version() >= LOGPROBS_SINCE else ALWAYS
        return reply

    def _gauge_page(self) -> GaugePage:
        return GaugePage(Connections(self._base, self._headers), "/api/ps", lambda page: read_ollama(self.model, page))

    async def _version(self) -> tuple[int, ...]:
        told = await self._connections.get("/api/version")
        try:
            said = fields(foreign_json.read(told.body)).get("version")
        except ValueError:
            said = None
        found = VERSION.match(said) if isinstance(said, str) else None
        return tuple(map(int, found.groups())) if found else ()

    @property
    def _path(self) -> str:
        return "/api/chat" if self._is_native else V1 + "/chat/completions"

    def _payload(self, request: Request, *, streamed: bool) -> dict[str, Any]:
        payload = super()._payload(request, streamed=streamed)
        return native(payload, self._num_ctx) if self._is_native else payload

    @property
    def _reading(self) -> Callable[[object], object]:
        return as_chat if self._is_native else super()._reading


def native(payload: dict[str, Any], num_ctx: int | None) -> dict[str, Any]:
    """The payload of a chat completion in Ollama's own terms."""
    options = {name: payload[ours] for ours, name in OPTIONS.items() if ours in payload}
    told = {
        "model": payload["model"],
        "messages": _messages(payload["messages"]),
        "stream": payload["stream"],
        "truncate": False,  # an error in place of a prompt that is cut without a word, in versions that know it
        "options": options if num_ctx is None else {**options, "num_ctx": num_ctx},
        **{name: payload[name] for name in ("tools", *LOGPROBS) if name in payload},
    }
    if chosen := payload.get("response_format"):
        schema = fields(fields(chosen).get("json_schema")).get("schema")
        told["format"] = "json" if schema is None else schema
    if effort := payload.get("reasoning_effort"):
        told["think"] = False if effort == "none" else effort
    return told


def _messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Its messages hold pictures beside the text, and arguments as objects; a tool's answer names the function."""
    called: dict[object, object] = {}
    told = []
    for message in messages:
        content, calls = message.get("content"), []
        for call in items(message.get("tool_calls")):
            function = fields(fields(call).get("function"))
            called[fields(call).get("id")] = function.get("name")
            calls.append({"function": {"name": function.get("name"), "arguments": _object(function.get("arguments"))}})
        parts = [fields(part) for part in items(content)]
        texts = [text for part in parts if isinstance(text := part.get("text"), str)]
        images = [url.partition(",")[2] or url for part in parts if (url := _url(part))]
        told.append(
            {
                "role": message.get("role"),
                "content": content if isinstance(content, str) else "\n".join(texts),
                **({"images": images} if images else {}),
                **({"tool_calls": calls} if calls else {}),
                **({"tool_name": called[named]} if (named := message.get("tool_call_id")) in called else {}),
            }
        )
    return told


def _url(part: dict[str, object]) -> str:
    given = part.get("image_url")
    url = given if isinstance(given, str) else fields(given).get("url")
    return url if isinstance(url, str) else ""


def _object(arguments: object) -> dict[str, object]:
    try:
        return fields(foreign_json.read(arguments.encode()) if isinstance(arguments, str) else arguments)
    except ValueError:
        return {}


def as_chat(reply: object) -> object:
    """A reply of its own API, or one line of a streamed one, as OpenAI's would be."""
    told = fields(reply)
    if "message" not in told and "done" not in told:
        return reply
    message = fields(told.get("message"))
    calls = [{"id": f"call_{secrets.token_hex(8)}", **fields(call)} for call in items(message.get("tool_calls"))]
    choice = {
        "index": 0,
        "delta": {**message, "tool_calls": calls} if calls else message,
        "logprobs": {"content": told.get("logprobs")},
    }
    chat = {"model": told.get("model"), "choices": [choice], "error": told.get("error")}
    if told.get("done") is not True:
        return chat
    choice["finish_reason"] = told.get("done_reason") or "stop"
    prompt, said = count(told.get("prompt_eval_count")) or 0, count(told.get("eval_count")) or 0
    usage = {"prompt_tokens": prompt, "completion_tokens": said, "total_tokens": prompt + said}
    return {**chat, "usage": usage, "timings": _timings(told)}


def _timings(told: dict[str, object]) -> dict[str, float]:
    """As llama.cpp's own server names them, in milliseconds."""

    def ms(name: str) -> float:
        return (count(told.get(name)) or 0) * MS_OF_NANOSECONDS

    tokens = count(told.get("eval_count")) or 0
    each = {"predicted_per_token_ms": ms("eval_duration") / tokens} if tokens else {}
    return {"prompt_ms": ms("load_duration") + ms("prompt_eval_duration"), **each}


def _is_list_of_models(raw: bytes) -> bool:
    """Whether this is Ollama's own list of models, which is not called `data`."""
    try:
        return isinstance(fields(foreign_json.read(raw)).get("models"), list)
    except ValueError:
        return False
