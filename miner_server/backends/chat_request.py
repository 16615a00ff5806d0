"""Turns a request into OpenAI's chat completions format."""

from typing import Any

import msgspec

from engine.values import Request
from miner_server.backends.abilities import EVERYTHING, REQUIRED_TOOL

BYTES_PER_TOKEN = 2
"""Fewer than in any text, so that the space left in a context is never overestimated."""


def chat_payload(request: Request, *, context: int | None = None, can: frozenset[str] = EVERYTHING) -> dict[str, Any]:
    """The JSON of a chat completion, without a model, and without what the backend does not have.

    Tools that are not to be called are not sent to a backend that cannot be told so.

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
    may_call = REQUIRED_TOOL in can or request.tool_choice != "none"
    given: dict[str, Any] = {
        "tools": list(request.tools) if may_call else None,
        REQUIRED_TOOL: request.tool_choice if request.tools else None,
        "response_format": request.response_format,
        "stop": list(request.stop),
        "seed": request.seed,
        **request.options,
    }
    payload |= {name: value for name, value in given.items() if name in can and value not in (None, [])}
    if context is not None:
        prompt_tokens = len(msgspec.json.encode([messages, request.tools])) // BYTES_PER_TOKEN
        payload["max_tokens"] = min(request.max_tokens, max(context // 4, context - prompt_tokens))
    return payload
