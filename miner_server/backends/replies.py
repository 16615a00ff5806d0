"""What a backend answers, read into a Completion: OpenAI's chat completions as servers really send them.

A reply is foreign input. Nothing in it is taken to be of a type or to be there at all; what cannot be read is left
out, and only when no answer is left does the call fail.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress

from engine import foreign_json
from engine.foreign_json import count, fields, items
from engine.redaction import redact
from engine.text import safe
from engine.transport.wire import USAGE_FIELDS, Completion
from miner_server.backends.interface import had_room
from miner_server.errors import BackendError, BackendUnavailable, NoAnswer, OutOfRoom, RequestTooLong, RequestUnfit

DETAIL_WIDTH = 200
TEXT_DEPTH = 8
"""How deep texts lie in lists of parts, at most: content, part, text, value."""

REASONING = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
TEXTS = ("text", "value", "content", "refusal", "thinking", "reasoning", "summary")
"""Where a part of a message keeps its text; the first that is there counts."""

MOST_TOKENS = 2**31
"""What a request allows that names no bound."""

FINISH = re.compile(r"[A-Za-z_]{1,32}\Z")
UNFIT = (400, 413, 422)
TRANSIENT = (429, 500, 502, 503)
BUSY = (429, 503)
TOO_LONG = ("exceed_context_size_error", "context_length_exceeded")
SAYS_TOO_LONG = re.compile(r"context (length|size|window)|maximum context", re.IGNORECASE)


def read_reply(raw: bytes, *, max_tokens: int = MOST_TOKENS, reasoning_is_answer: bool = False) -> Completion:
    """The answer in the body of a 200: one JSON object, or server-sent events though none were asked for.

    Raises BackendError.
    """
    try:
        reply = foreign_json.read(raw)
    except ValueError:
        events = list(_events(raw))
        if not events:
            raise BackendError(f"the reply cannot be read as JSON: {quoted(read_body(raw))}") from None
        chunks = Chunks()
        for event in events:
            chunks.add(event)
        reply = chunks.reply()
    return read_chat(reply, max_tokens=max_tokens, reasoning_is_answer=reasoning_is_answer)


def read_chat(reply: object, *, max_tokens: int = MOST_TOKENS, reasoning_is_answer: bool = False) -> Completion:
    """The first choice of a chat completion; what the model only thought is its answer with `reasoning_is_answer`.

    Raises BackendError.
    """
    choice = _first(fields(reply).get("choices"))
    if error := fields(reply).get("error") or choice.get("error"):
        raise failure(error)
    message = fields(choice.get("message")) or fields(choice.get("delta"))
    content = message.get("content") or message.get("refusal") or choice.get("text")
    calls = _tool_calls(message)
    text, thought = _text(content), _thought(message, content)
    usage = _usage(fields(reply).get("usage"))
    if not calls and not text.strip():
        if not (message or "text" in choice) or not isinstance(content, str | list | dict | None):
            raise BackendError("the reply is not a chat completion: it holds no choice with a message")
        if thought and not reasoning_is_answer:
            if not had_room(choice.get("finish_reason"), usage, max_tokens):
                raise OutOfRoom("the model's reasoning left no tokens for an answer: let it reason less")
            raise NoAnswer(
                "the model's reply holds its reasoning and no answer: let it have more tokens, have the server keep "
                "the two together, or set reasoning_is_answer"
            )
        text = thought or text
    return Completion(
        text=text,
        tool_calls=calls,
        finish_reason="tool_calls" if calls else _finish_reason(choice.get("finish_reason")),
        usage=usage,
    )


class Chunks:
    """A streamed answer, put together to the reply that it would have been in one piece."""

    def __init__(self) -> None:
        self._is_empty = True
        self._text: list[str] = []
        self._thought: list[str] = []
        self._calls: dict[object, _Call] = {}
        self._finish_reason: object = None
        self._usage: object = None
        self._error: object = None

    def add(self, chunk: object) -> None:
        self._error = fields(chunk).get("error") or self._error
        self._usage = fields(chunk).get("usage") or self._usage
        choice = _first(fields(chunk).get("choices"))
        self._is_empty = self._is_empty and not choice
        self._error = choice.get("error") or self._error
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        delta = fields(choice.get("delta")) or fields(choice.get("message"))
        content = delta.get("content") or delta.get("refusal") or choice.get("text")
        self._text.append(_text(content))
        self._thought.append(_thought(delta, content))
        for part in [*items(delta.get("tool_calls")), {"function": delta.get("function_call")}]:
            self._add_call(fields(part))

    def reply(self) -> dict[str, object]:
        message = {
            "content": "".join(self._text),
            "reasoning": "".join(self._thought),
            "tool_calls": [call.whole() for call in self._calls.values()],
        }
        choice = {"message": message, "finish_reason": self._finish_reason}
        return {"choices": [] if self._is_empty else [choice], "usage": self._usage, "error": self._error}

    def _add_call(self, part: dict[str, object]) -> None:
        """A piece belongs to the call of its index, or of its id, or to the one before it."""
        function = fields(part.get("function"))
        if not function:
            return
        key = count(part.get("index"))
        named = part.get("id") if isinstance(part.get("id"), str) else None
        known = key if key is not None else named or next(reversed(self._calls), 0)
        self._calls.setdefault(known, _Call()).add(named, function)


class _Call:
    """A tool call that comes in pieces."""

    def __init__(self) -> None:
        self._id: object = None
        self._name: object = None
        self._arguments: list[object] = []

    def add(self, named: object, function: dict[str, object]) -> None:
        self._id = self._id or named
        self._name = self._name or function.get("name")
        if function.get("arguments") is not None:
            self._arguments.append(function["arguments"])

    def whole(self) -> dict[str, object]:
        pieces = self._arguments
        texts = [piece for piece in pieces if isinstance(piece, str)]
        arguments = "".join(texts) if len(texts) == len(pieces) else pieces[-1]
        return {"id": self._id, "type": "function", "function": {"name": self._name, "arguments": arguments}}


def failure(error: object, *, status: int | None = None, again_in: float = 0.0) -> BackendError:
    """What an error that a backend reports means for a call: by its HTTP status, or by what stands in the error.

    `again_in` is how long the backend wants to be left alone, in seconds.
    """
    told = fields(fields(error).get("error")) or fields(error)
    code = status or count(told.get("code")) or count(told.get("status")) or 0
    kinds = (told.get("type"), told.get("code"))
    said = quoted(error)
    if status is not None:
        said = f"the model server answered {status}: {said}"
    if any(kind in TOO_LONG for kind in kinds if isinstance(kind, str)) or (
        code in UNFIT and SAYS_TOO_LONG.search(said)
    ):
        return RequestTooLong(said)
    if code in UNFIT or (not code and "invalid_request_error" in kinds):
        return RequestUnfit(said)
    kind = BackendUnavailable if code in BUSY else BackendError
    return kind(said, again_in=again_in if code in TRANSIENT else None)


def quoted(error: object) -> str:
    """What a backend says of its failure, on one line for the operator."""
    told = error
    for _ in range(TEXT_DEPTH):
        told = next((inner for name in ("error", "message", "detail") if (inner := fields(told).get(name))), told)
    return safe(redact(told if isinstance(told, str) else json.dumps(told)), DETAIL_WIDTH)


def read_body(raw: bytes) -> object:
    """The body of a failure: its JSON, or the text that it is."""
    try:
        return foreign_json.read(raw)
    except ValueError:
        return raw[: DETAIL_WIDTH * 4].decode(errors="replace")


def _events(raw: bytes) -> Iterator[object]:
    """The JSON values among server-sent events; an event's data may be spread over lines."""
    data: list[str] = []
    for line in [*re.split(r"\r\n|\r|\n", raw.decode("utf-8-sig", "replace")), ""]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            with suppress(ValueError):  # the end mark [DONE], or nothing that can be read
                yield foreign_json.read("\n".join(data).encode())
            data = []


def _first(choices: object) -> dict[str, object]:
    return next((fields(choice) for choice in items(choices) if isinstance(choice, dict)), fields(choices))


def _text(value: object, depth: int = TEXT_DEPTH) -> str:
    """The text of a message's content: a string, or parts of many kinds, without what the model thought."""
    match value:
        case str():
            return value
        case list() if depth:
            return "".join(_text(part, depth - 1) for part in value if not _is_thought(part))
        case dict() if depth:
            return _text(next((value[name] for name in TEXTS if value.get(name)), ""), depth - 1)
    return ""


def _thought(message: dict[str, object], content: object) -> str:
    named = next((text for name in REASONING if (text := _text(message.get(name)))), "")
    return named or "".join(_text(part) for part in items(content) if _is_thought(part))


def _is_thought(part: object) -> bool:
    kind = fields(part).get("type")
    return isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind)


def _tool_calls(message: dict[str, object]) -> tuple[dict[str, object], ...]:
    """The calls that name a function, in the form that validators know; a legacy `function_call` is one of them."""
    given = [*items(message.get("tool_calls")), {"function": message.get("function_call")}]
    calls: list[dict[str, object]] = []
    for call in map(fields, given):
        function = fields(call.get("function"))
        name, arguments, named = function.get("name"), function.get("arguments"), call.get("id")
        if not isinstance(name, str) or not name:
            continue
        if not isinstance(arguments, str):
            arguments = json.dumps({} if arguments is None else arguments)
        known_as = named if isinstance(named, str) and named else f"call_{len(calls)}"
        calls.append({"id": known_as, "type": "function", "function": {"name": name, "arguments": arguments}})
    return tuple(calls)


def _finish_reason(given: object) -> str:
    """As it came if it is one word, the type of one that is an object, else "stop"."""
    reason = given.get("type") if isinstance(given, dict) else given
    return reason if isinstance(reason, str) and FINISH.match(reason) else "stop"


def _usage(given: object) -> dict[str, int]:
    counts = ((name, count(fields(given).get(name))) for name in USAGE_FIELDS)
    return {name: number for name, number in counts if number is not None}
