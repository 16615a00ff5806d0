"""The choices of a chat completion and their messages: text, reasoning and tool calls, in the forms that servers send.

All of it is foreign input: no field is assumed to exist or to have a certain type, and what cannot be read is left out.
"""

import json

from engine import foreign_json
from engine.foreign_json import fields, items

TEXT_DEPTH = 8
"""How deep texts may be nested in lists of parts: content, part, text, value."""
REASONING = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
TEXTS = ("text", "value", "content", "refusal", "thinking", "reasoning", "summary")
"""The fields in which a part of a message may keep its text; the first one present counts."""


def choices_in(reply: dict[str, object]) -> list[dict[str, object]]:
    given = reply.get("choices")
    return [choice for choice in items(given) if isinstance(choice, dict)] or [fields(given)]


def first_of(choices: list[dict[str, object]]) -> dict[str, object]:
    """The choice with index 0, which need not come first."""
    for one in choices:
        if one.get("index") == 0:
            return one
    return choices[0] if choices else {}


def error_in(of: dict[str, object]) -> object:
    """The error in a reply or a choice; None if it is empty, as some servers send one with each answer."""
    error = of.get("error")
    if isinstance(error, dict):
        return error if any(error.values()) else None
    return error or None


def message_of(choice: dict[str, object]) -> dict[str, object]:
    """A choice's message, or its delta if the message is empty."""
    message, delta = fields(choice.get("message")), fields(choice.get("delta"))
    if not delta:
        return message
    return delta | {name: value for name, value in message.items() if _is_filled(value) or not delta.get(name)}


def said_in(choice: dict[str, object], message: dict[str, object]) -> str:
    """The content, else the refusal, else the text of an older format. Blanks count if there is nothing else."""
    content = message.get("content")
    if isinstance(content, str) and content.strip():
        return content
    texts = [_text(given) for given in (content, message.get("refusal"), choice.get("text"))]
    return next(filter(str.strip, texts), next(filter(None, texts), ""))


def thought_in(message: dict[str, object]) -> str:
    named = next((text for name in REASONING if (text := _all_text(message.get(name)))), "")
    return named or "".join(_text(part) for part in items(message.get("content")) if _is_thought(part))


def kinds_in(message: dict[str, object]) -> list[str]:
    """The types of the parts without text: images, sounds."""
    parts = [*items(message.get("content")), message.get("content"), *items(message.get("images"))]
    kinds = (fields(part).get("type") for part in parts if not _text(part) and not _is_thought(part))
    return [kind for kind in kinds if isinstance(kind, str) and kind != "text"]


def given_calls(message: dict[str, object]) -> list[dict[str, object]]:
    """A message's calls, or pieces of them, each with its `function`, including a legacy `function_call`.

    They come as a list, as one object, as JSON in a string, or with flat fields.
    """
    if not (message.get("tool_calls") or message.get("function_call")):
        return []
    given = foreign_json.value_of(message.get("tool_calls"))
    calls = [fields(call) for call in (given if isinstance(given, list) else [given])]
    flat = ("name", "arguments")
    nested = [
        call
        if fields(call.get("function"))
        else call | {"function": {name: call[name] for name in flat if name in call}}
        for call in calls
    ]
    return [
        call
        for call in [*nested, {"function": foreign_json.value_of(message.get("function_call"))}]
        if call["function"]
    ]


def tool_calls_in(message: dict[str, object]) -> tuple[dict[str, object], ...]:
    """The calls that name a function, in the format that validators expect."""
    calls: list[dict[str, object]] = []
    for call in given_calls(message):
        function = fields(call.get("function"))
        name, arguments, named = function.get("name"), function.get("arguments"), call.get("id")
        if not isinstance(name, str) or not name:
            continue
        if not isinstance(arguments, str):
            arguments = json.dumps({} if arguments is None else arguments)
        known_as = named if isinstance(named, str) and named else f"call_{len(calls)}"
        calls.append({"id": known_as, "type": "function", "function": {"name": name, "arguments": arguments}})
    return tuple(calls)


def _is_filled(value: object) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _text(value: object, depth: int = TEXT_DEPTH) -> str:
    """The text of a message's content, a string or parts of many types, without the model's reasoning."""
    match value:
        case str():
            return value
        case list() if depth:
            return "".join(_text(part, depth - 1) for part in value if not _is_thought(part))
        case dict() if depth:
            return _text(next((value[name] for name in TEXTS if value.get(name)), ""), depth - 1)
    return ""


def _all_text(value: object) -> str:
    """Like `_text`, including the model's reasoning."""
    return "".join(_text(part) for part in value) if isinstance(value, list) else _text(value)


def _is_thought(part: object) -> bool:
    kind = fields(part).get("type")
    return isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind)
