"""What kinds share when their requests are prompts or messages and their replies are text or tool calls."""

from collections.abc import Iterable
from typing import Any

import msgspec

from engine.challenges import ChallengeError
from engine.challenges.kinds.base import Kind
from engine.values import Request

ROLES = ("system", "developer", "user", "assistant", "tool")
MAX_MESSAGES = 256
MAX_TOOLS = 128
MAX_TOKENS = 131_072
MAX_DEPTH = 24
"""Bounds of our own challenges: as much as the model servers in use take, and far less deep than `wire.MAX_DEPTH`."""

_TOOL_CHOICES = ("auto", "none", "required")


class TextKind(Kind):
    """Checks the schema and size of a request in OpenAI's format."""

    def check(self, request: Request) -> None:
        for wrong in _faults(request):
            raise ChallengeError(wrong)
        size = _size(request)
        if size > self.request_limit:
            raise ChallengeError(f"the request has {size} bytes, at most {self.request_limit} are allowed")


def _faults(request: Request) -> Iterable[str]:
    if len(request.messages) > MAX_MESSAGES:
        yield f"{len(request.messages)} messages, at most {MAX_MESSAGES} are allowed"
    if len(request.tools) > MAX_TOOLS:
        yield f"{len(request.tools)} tools, at most {MAX_TOOLS} are allowed"
    for number, message in enumerate(request.messages, 1):
        yield from (f"message {number}: {fault}" for fault in _message_faults(message))
    for number, tool in enumerate(request.tools, 1):
        yield from (f"tool {number}: {fault}" for fault in _tool_faults(tool))
    if any(_deeper_than(MAX_DEPTH, value) for value in (request.messages, request.tools, request.tool_choice)):
        yield f"messages or tools are nested deeper than {MAX_DEPTH} levels"
    yield from _choice_faults(request)
    if not request.question.strip():
        yield "there is no question: neither a prompt nor a user message with text"
    if not 1 <= request.max_tokens <= MAX_TOKENS:
        yield f"max_tokens must be from 1 to {MAX_TOKENS}, not {request.max_tokens}"
    if not 0 <= request.temperature <= 2:
        yield f"temperature must be from 0 to 2, not {request.temperature}"
    if not 0 < request.top_p <= 1:
        yield f"top_p must be above 0 and at most 1, not {request.top_p}"


def _message_faults(message: dict[str, Any]) -> Iterable[str]:
    if message.get("role") not in ROLES:
        yield f"role must be one of {', '.join(ROLES)}"
    content = message.get("content")
    if isinstance(content, list):
        if not all(isinstance(part, dict) for part in content):
            yield "each part of the content must be an object"
    elif not isinstance(content, str) and not (content is None and message.get("tool_calls")):
        yield "content must be text or a list of parts"


def _tool_faults(tool: dict[str, Any]) -> Iterable[str]:
    function = tool.get("function")
    if tool.get("type") != "function" or not isinstance(function, dict):
        yield 'it must be {"type": "function", "function": {…}}'
    elif not isinstance(function.get("name"), str) or not function["name"]:
        yield "the function has no name"


def _choice_faults(request: Request) -> Iterable[str]:
    choice = request.tool_choice
    if isinstance(choice, str) and choice not in _TOOL_CHOICES:
        yield f"tool_choice must be one of {', '.join(_TOOL_CHOICES)}, or an object"
    if choice not in (None, "auto", "none") and not request.tools:
        yield "tool_choice asks for a tool, but there are no tools"


def _deeper_than(levels: int, value: object) -> bool:
    if not isinstance(value, dict | list | tuple):
        return False
    if levels == 0:
        return True
    return any(_deeper_than(levels - 1, inner) for inner in (value.values() if isinstance(value, dict) else value))


def _size(request: Request) -> int:
    try:
        return len(msgspec.json.encode(request))
    except (msgspec.MsgspecError, TypeError, ValueError) as problem:
        raise ChallengeError(f"the request cannot be written as JSON: {problem}") from problem
