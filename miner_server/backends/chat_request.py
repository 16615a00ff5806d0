"""Turns a request into OpenAI's chat completions format."""

from typing import Any

import msgspec

from engine.values import Request
from miner_server.backends.abilities import EVERYTHING

BYTES_PER_TOKEN = 2
"""Fewer than in any text, so that the space left in a context is never overestimated."""


def chat_payload(request: Request, *, context: int | None = None, can: frozenset[str] = EVERYTHING) -> dict[str, Any]:
    """The JSON of a chat completion, without a model, and without options that the backend does not have.

    Validators ask for more tokens than a small model can hold, which servers refuse. So with `context`, the model's
    size in tokens, the request is limited to what the prompt leaves of it, or to a quarter of it.
    """
    messages = list(request.messages) or [{"role": "user", "content": request.prompt or ""}]
    payload: dict[str, Any] = {
        "messages": messages,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
    }
    if request.tools:
        payload["tools"] = list(request.tools)
        if request.tool_choice is not None:
            payload["tool_choice"] = request.tool_choice
    if request.response_format is not None:
        payload["response_format"] = request.response_format
    if request.stop:
        payload["stop"] = list(request.stop)
    if request.seed is not None:
        payload["seed"] = request.seed
    payload |= {name: value for name, value in request.options.items() if name in can}
    if context is not None:
        prompt_tokens = len(msgspec.json.encode([messages, request.tools])) // BYTES_PER_TOKEN
        payload["max_tokens"] = min(request.max_tokens, max(context // 4, context - prompt_tokens))
    return payload
