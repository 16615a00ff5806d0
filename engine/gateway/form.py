"""Whether an answer has the form that was asked for, so that it may be handed to a user."""

import json
from typing import Any

import msgspec

from engine.answers.structured import called
from engine.values import Reply, Request

JSON_FORMATS = ("json_object", "json_schema")


def is_well_formed(reply: Reply, request: Request) -> bool:
    """Whether it is there at all, is JSON where that was asked for, and calls no tool that the user has not named."""
    if reply.status != "ok":
        return False
    if reply.tool_calls:
        calls = [called(call) for call in reply.tool_calls]
        return all(call is not None and call["name"] in _may_call(request) for call in calls)
    if request.tools and request.tool_choice not in (None, "auto", "none"):
        return False
    if not reply.text.strip():
        return False
    return not is_formal(request) or _is_json_object(reply.text)


def is_formal(request: Request) -> bool:
    """Whether only a whole answer shows if it has the form that was asked for."""
    is_json = (request.response_format or {}).get("type") in JSON_FORMATS
    return is_json or request.tool_choice not in (None, "auto", "none")


def calls_of(reply: Reply) -> tuple[dict[str, Any], ...]:
    """Its tool calls as OpenAI's clients read them, whatever else the miner put into them."""
    calls = [(raw, called(raw)) for raw in reply.tool_calls]
    return tuple(
        {
            "id": raw["id"] if isinstance(raw.get("id"), str) and raw["id"] else f"call_{number}",
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"] or {})},
        }
        for number, (raw, call) in enumerate(calls)
        if call is not None
    )


def _may_call(request: Request) -> set[Any]:
    """The names of the tools that an answer may call."""
    if request.tool_choice == "none":
        return set()
    if isinstance(request.tool_choice, dict):
        return {_function(request.tool_choice).get("name")}
    return {_function(tool).get("name") for tool in request.tools}


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    given = tool.get("function")
    return given if isinstance(given, dict) else {}


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
