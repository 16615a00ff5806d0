"""OpenAI's chat completions as values: what a request becomes, and what is taken from a reply."""

from typing import Any

import msgspec
from msgspec import Struct

from engine.transport.wire import USAGE_FIELDS, Completion
from engine.values import Request
from miner_server.errors import BackendError

BYTES_PER_TOKEN = 2
"""Fewer than any text has, so that what is left of a context is not overrated."""


class _Message(Struct, frozen=True):
    content: str | None = None
    tool_calls: tuple[dict[str, Any], ...] | None = None


class _Choice(Struct, frozen=True):
    message: _Message
    finish_reason: str | None = None


class _Reply(Struct, frozen=True):
    choices: tuple[_Choice, ...]
    usage: Any = None


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


def read_chat(reply: dict[str, Any]) -> Completion:
    """The first choice of a chat completion. Raises BackendError when there is none."""
    try:
        read = msgspec.convert(reply, _Reply)
    except msgspec.ValidationError as error:
        raise BackendError(f"the model's reply is no chat completion: {error}") from None
    if not read.choices:
        raise BackendError("the model's reply holds no choice")
    choice = read.choices[0]
    tool_calls = choice.message.tool_calls or ()
    usage = read.usage if isinstance(read.usage, dict) else {}
    return Completion(
        text=choice.message.content or "",
        tool_calls=tool_calls,
        finish_reason="tool_calls" if tool_calls else choice.finish_reason or "stop",
        usage={name: usage[name] for name in USAGE_FIELDS if type(usage.get(name)) is int and usage[name] >= 0},
    )
