"""An answer in the form that was asked for: JSON by a schema, or a call of a tool. The demo's miners have no model."""

import json
import re
from typing import Any

from engine.answers import json_values
from engine.answers.structured import called
from engine.foreign_json import fields, items
from engine.values import Request

DEEPEST = 6
"""Depth to which a schema's objects are filled in, since they may refer to each other."""


def formed(answer: str, request: Request) -> tuple[str, tuple[dict[str, Any], ...]]:
    """`answer` in the form that the request asks for, as text and tool calls; one that holds a value stays that."""
    tool, value = _demanded(request), json_values.find(answer)
    if tool is not None and (call := called(value) if isinstance(value, dict) else None):
        function = {"name": call["name"], "arguments": json.dumps(call["arguments"])}
        return "", ({"id": "call_0", "type": "function", "function": function},)
    if tool is not None:
        given = json.dumps(_filled(fields(tool.get("parameters")) or {"type": "object"}, answer))
        call = {"id": "call_0", "type": "function", "function": {"name": str(tool.get("name")), "arguments": given}}
        return "", (call,)
    form = fields(request.response_format)
    match form.get("type"):
        case "json_object":
            return answer if isinstance(value, dict) else json.dumps({"answer": answer}), ()
        case "json_schema" if isinstance(value, dict):
            return answer, ()
        case "json_schema":
            schema = fields(fields(form.get("json_schema")).get("schema"))
            return json.dumps(_filled(schema or {"type": "object"}, answer)), ()
    return answer, ()


def _demanded(request: Request) -> dict[str, object] | None:
    """The function that the request requires to be called; None if it requires none."""
    if request.tool_choice in (None, "auto", "none"):
        return None
    wanted = fields(fields(request.tool_choice).get("function")).get("name")
    functions = [fields(tool.get("function")) for tool in request.tools]
    return next((one for one in functions if wanted in (None, one.get("name"))), None)


def _filled(schema: dict[str, object], answer: str, depth: int = 0) -> Any:
    """A value that satisfies this JSON schema, with the answer in every string."""
    choices = items(schema.get("enum"))
    if choices or "const" in schema:
        told = [one for one in choices if str(one).lower() in answer.lower()]
        return (told or choices or [schema["const"]])[0]
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    match items(kinds)[0] if items(kinds) else kinds:
        case "object" if depth < DEEPEST:
            inner = fields(schema.get("properties"))
            return {name: _filled(fields(one), answer, depth + 1) for name, one in inner.items()} or {"answer": answer}
        case "array" if depth < DEEPEST:
            return [_filled(fields(schema.get("items")), answer, depth + 1)]
        case "number" | "integer" as kind:
            found = re.search(r"-?\d{1,15}(\.\d{1,15})?", answer.replace(",", ""))
            number = float(found[0]) if found else 0.0
            return int(number) if kind == "integer" or number.is_integer() else number
        case "boolean":
            return not answer.lower().startswith("no")
        case "null":
            return None
    return answer
