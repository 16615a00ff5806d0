"""How a dialect's routes are described in a miner's OpenAPI document: what goes over the wire, and in which headers.

What is sealed is described as it travels, and named after what is inside.
"""

from typing import Any

from msgspec import Struct

from engine.transport.wire import request_schema

JSON = "application/json"
OCTETS = "application/octet-stream"
EVENTS = "text/event-stream"

SCHEMAS: dict[str, dict[str, Any]] = {
    "Challenge": request_schema(),
    "Reply": {
        "type": "object",
        "properties": {
            "response_text": {"type": "string"},
            "response_time_ms": {"type": "integer"},
            "tool_calls": {"type": ["array", "null"], "items": {"type": "object"}},
            "finish_reason": {"type": "string"},
            "usage": {"type": "object", "additionalProperties": {"type": "integer"}},
            "logprobs": {"type": "object"},
            "metadata": {"type": "object"},
        },
        "required": ["response_text", "response_time_ms", "finish_reason", "usage"],
    },
}
"""What a challenge and its reply are in the clear, in all dialects (`wire`)."""


class Content(Struct, frozen=True):
    """A body: its media type, and its schema as OpenAPI has it."""

    media: str
    schema: dict[str, Any]


class RouteDoc(Struct, frozen=True, kw_only=True):
    """What is said of one route. `headers` are the names of those that a request has to bear."""

    about: str = ""
    headers: tuple[str, ...] = ()
    asks: Content | None = None
    answers: Content = Content(JSON, {"type": "object"})


def fields(*names: str) -> Content:
    """A JSON object with these fields."""
    return Content(JSON, {"type": "object", "properties": {name: {} for name in names}, "required": list(names)})


def integers(*names: str) -> Content:
    """A JSON object with these fields, all of them whole numbers."""
    properties = {name: {"type": "integer"} for name in names}
    return Content(JSON, {"type": "object", "properties": properties, "required": list(names)})


def sealed(what: str) -> Content:
    """Bytes in which `what` is sealed."""
    return Content(OCTETS, {"type": "string", "format": "binary", "description": f"sealed; inside is a {what}"})


def reference(name: str) -> dict[str, Any]:
    """To a schema of the document."""
    return {"$ref": f"#/components/schemas/{name}"}


CHALLENGE = Content(JSON, reference("Challenge"))
REPLY = Content(JSON, reference("Reply"))
STREAMED = Content(EVENTS, {"type": "string", "description": "events of which each is a Reply, and [DONE] at the end"})
