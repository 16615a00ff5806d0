"""What a request becomes in OpenAI's chat completions."""

from typing import Any

import msgspec

from engine.values import Request

BYTES_PER_TOKEN = 2
"""Fewer than any text has, so that what is left of a context is not overrated."""


def chat_payload(request: Request, *, context: int | None = None) -> dict[str, Any]:
    """The JSON of a chat completion, without a model.

    Validators ask for more tokens than a small model holds at all, and servers refuse that. So with `context`, the
    model's size in tokens, no more is asked for than the prompt leaves of it, or a quarter of it.
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
    if context is not None:
        prompt_tokens = len(msgspec.json.encode([messages, request.tools])) // BYTES_PER_TOKEN
        payload["max_tokens"] = min(request.max_tokens, max(context // 4, context - prompt_tokens))
    return payload
