"""Whether an answer has the form that was asked for, so that it may be handed to a user."""

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
        named = {_function(tool).get("name") for tool in request.tools}
        calls = [called(call) for call in reply.tool_calls]
        return all(call is not None and call["name"] in named for call in calls)
    if request.tools and request.tool_choice not in (None, "auto", "none"):
        return False
    if not reply.text.strip():
        return False
    return not is_formal(request) or _is_json_object(reply.text)


def is_formal(request: Request) -> bool:
    """Whether only a whole answer shows if it has the form that was asked for."""
    return (request.response_format or {}).get("type") in JSON_FORMATS


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    given = tool.get("function")
    return given if isinstance(given, dict) else {}


def _is_json_object(text: str) -> bool:
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
