"""JSON values and tool calls, even if fenced, after reasoning, or quoted as a string."""

import ast
import json
import re
from collections.abc import Sequence
from typing import Any

from engine.answers import json_values
from engine.answers.base import MAX_TRUTH, Answer, AnswerType
from engine.answers.said import without_thoughts
from engine.values import Reply

_INVOKED = re.compile(r"(?:^|[\s`:>])([A-Za-z_]\w{0,63}\(\s*[A-Za-z_]\w*\s*=[^()\[\]{}\n]{0,512}\))\W*$")
"""A call in Python's form, at the end of a reply."""


class Json(AnswerType):
    """A JSON object or array; spacing and the order of keys do not count."""

    name = "json"
    compared = "fields"
    worded_alike = True

    def read(self, reply: Reply, question: str) -> Answer | None:  # noqa: ARG002
        return structured(json_values.find(without_thoughts(reply.text)))

    def key(self, truth: str, question: str) -> str | None:  # noqa: ARG002
        value = None if len(truth) > MAX_TRUTH else json_values.find(truth)
        return None if value is None else json_values.canonical(value)

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:  # noqa: ARG002
        """Whether it gives this value and, besides those of the question, no other object."""
        answer, wanted = self.read(reply, question), self.key(truth, question)
        if answer is None or answer.key != wanted:
            return False
        asked = {json_values.canonical(value) for value in json_values.all_values(question[-8_192:])}
        given = {json_values.canonical(value) for value in json_values.all_values(without_thoughts(reply.text))}
        return len(given - asked - {wanted}) == 0


class ToolCall(Json):
    """A tool call by name and arguments, made as a call or written as text."""

    name = "tool_call"
    reads_calls = True

    def read(self, reply: Reply, question: str) -> Answer | None:  # noqa: ARG002
        calls = [call for call in map(called, reply.tool_calls) if call]
        if not calls:
            calls = _written(reply.text)
        return structured(calls[0] if len(calls) == 1 else calls) if calls else None

    def key(self, truth: str, question: str) -> str | None:  # noqa: ARG002
        calls = _written(truth) if len(truth) <= MAX_TRUTH else []
        return json_values.canonical(calls[0] if len(calls) == 1 else calls) if calls else None

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:  # noqa: ARG002
        """As in `AnswerType`; a truth without arguments ("look_up") is met by any call of that tool."""
        answer, wanted = self.read(reply, question), self.key(truth, question)
        if wanted is None:
            names = {str(dict(answer.fields).get("/name", ""))} if answer else set()
            return json.dumps(truth.strip(), ensure_ascii=False) in names
        return answer is not None and answer.key == wanted


def structured(value: Any | None) -> Answer | None:
    """A JSON value as an answer with its fields; None for None."""
    if value is None:
        return None
    return Answer(json_values.canonical(value), marked=True, fields=json_values.fields(value))


def _written(text: str) -> list[dict[str, Any]]:
    """The calls that a text spells out, as one object or an array."""
    text = without_thoughts(text)
    several = [call for value in json_values.all_values(text) if (call := called(value))]
    if len({json_values.canonical(call) for call in several}) > 1:
        return several
    found = json_values.find(text)
    if found is None and (spoken := _invoked(text)):
        return [spoken]
    values = found if isinstance(found, list) else [found]
    if isinstance(found, dict) and isinstance(found.get("tool_calls"), list):
        values = found["tool_calls"]
    calls = [called(value) for value in values if isinstance(value, dict)]
    return [call for call in calls if call] if all(calls) else []


def _invoked(text: str) -> dict[str, Any] | None:
    """A call in the form `name(key="value")`."""
    match = _INVOKED.search(text)
    if match is None:
        return None
    try:
        node = ast.parse(match[1], mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.args:
            return None
        arguments = {one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg}
        json.dumps(arguments, allow_nan=False)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        return None
    return {"name": node.func.id, "arguments": arguments}


def called(raw: dict[str, Any]) -> dict[str, Any] | None:
    """A call in one form, {"name", "arguments"}; None if it is not a call."""
    function = raw.get("function", raw)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return None
    arguments = next((function[key] for key in ("arguments", "parameters", "args", "input") if key in function), None)
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments or "{}")
        except (ValueError, RecursionError):
            return None
    return {"name": function["name"], "arguments": arguments}
