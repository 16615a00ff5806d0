"""Reads a backend's reply into a Completion: OpenAI's chat completions as servers really send them.

A reply is foreign input. No field is assumed to exist or to have a certain type; unreadable parts are left out, and the
call fails only if no answer remains.
"""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import islice
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from engine import foreign_json
from engine.foreign_json import count, fields, items
from engine.redaction import redact
from engine.text import safe
from engine.transport.wire import USAGE_FIELDS, Completion
from miner_server.backends.interface import had_room
from miner_server.backends.logprobs import read_logprobs
from miner_server.backends.speed import ServerTimes
from miner_server.errors import BackendError, BackendUnavailable, NoAnswer, OutOfRoom, RequestTooLong, RequestUnfit

DETAIL_WIDTH = 200
TEXT_DEPTH = 8
"""How deep texts may be nested in lists of parts: content, part, text, value."""

REASONING = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
TEXTS = ("text", "value", "content", "refusal", "thinking", "reasoning", "summary")
"""The fields in which a part of a message may keep its text; the first one present counts."""

MOST_TOKENS = 2**31
"""The limit of a request that names none."""

MOST_MS = 24 * 3600 * 1000
"""No answer takes a day."""

END_MARK = re.compile(r"(data:)?[ \t]*\[DONE\]")
LINE_END = re.compile(r"\r\n|\r|\n")

FINISH_REASONS = frozenset(["stop", "length", "tool_calls", "content_filter", "function_call"])
"""The finish reasons that a validator may be told: OpenAI's, never a server's own words."""

STATUS = re.compile(r"[1-5][0-9]{2}\Z")
UNFIT = (400, 413, 422)
TRANSIENT = (429, 500, 502, 503)
BUSY = (429, 503)
"""Statuses for what the server cannot answer, for what may work when it is asked again, and for that it has no room."""

TOO_LONG = ("exceed_context_size_error", "context_length_exceeded")
SAYS_TOO_LONG = re.compile(r"context (length|size|window)|maximum context", re.IGNORECASE)


class Told(NamedTuple):
    """What a reply tells: its answer, under what name the model answers, and how fast the server says that it was."""

    completion: Completion
    model: object
    speed: ServerTimes | None


class _Message(Struct):
    content: str
    tool_calls: None = None
    function_call: None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None
    logprobs: None = None
    delta: None = None
    error: None = None


class _Reply(Struct):
    choices: Annotated[tuple[_Choice, ...], Meta(min_length=1, max_length=1)]
    usage: dict[str, Any] | None = None
    model: str | None = None
    timings: None = None
    error: None = None


_replies = msgspec.json.Decoder(_Reply)


def read_plain(raw: bytes, *, max_tokens: int = MOST_TOKENS) -> Told | None:
    """What the body of a 200 tells if it is as OpenAI describes it and has a text only, at a quarter of the cost.

    None for all others, which are left to `read_json` and `read_told`.
    """
    try:
        reply = _replies.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    (choice,) = reply.choices
    if not choice.message.content.strip():
        return None
    completion = Completion(
        text=choice.message.content,
        finish_reason=_finish_reason(choice.finish_reason),
        usage=_usage(reply.usage or {}, max_tokens),
    )
    return Told(completion, reply.model, None)


def read_told(reply: object, *, max_tokens: int = MOST_TOKENS, reasoning_is_answer: bool = False) -> Told:
    """What a chat completion in any form tells. Raises BackendError."""
    completion = read_chat(reply, max_tokens=max_tokens, reasoning_is_answer=reasoning_is_answer)
    return Told(completion, fields(reply).get("model"), _read_timings(reply))


def read_reply(raw: bytes, *, max_tokens: int = MOST_TOKENS, reasoning_is_answer: bool = False) -> Completion:
    """The answer in the body of a 200. Raises BackendError."""
    return read_chat(read_json(raw), max_tokens=max_tokens, reasoning_is_answer=reasoning_is_answer)


def read_json(raw: bytes, *, reading: Callable[[object], object] = lambda value: value) -> object:
    """The reply in the body of a 200: one JSON object, or unrequested server-sent events.

    `reading` makes each what OpenAI's would be. Raises BackendError.
    """
    try:
        return reading(foreign_json.read(raw))
    except ValueError:
        events, chunks = Events(), Chunks()
        for event in (*events.feed(raw), *events.end()):
            chunks.add(reading(event))
        if not chunks.events:
            raise BackendError(f"the reply cannot be read as JSON: {quoted(read_body(raw))}") from None
    return chunks.reply(has_ended=events.have_ended)


def read_chat(reply: object, *, max_tokens: int = MOST_TOKENS, reasoning_is_answer: bool = False) -> Completion:
    """The first choice of a chat completion; with `reasoning_is_answer`, reasoning alone counts as the answer.

    Raises BackendError.
    """
    whole = fields(reply)
    choice = _first(_choices(whole))
    if error := _error(whole) or _error(choice):
        raise failure(error)
    message = _message(choice)
    calls, text = _tool_calls(message), _said(choice, message)
    usage = _usage(fields(whole.get("usage")), max_tokens)
    if not calls and not text.strip():
        thought = _thought(message)
        given = (message.get("content"), message.get("refusal"), choice.get("text"))
        if not (message or "text" in choice) or not all(isinstance(one, str | list | dict | None) for one in given):
            raise BackendError("the reply is not a chat completion: it holds no choice with a message")
        if thought and not reasoning_is_answer:
            if not had_room(choice.get("finish_reason"), usage, max_tokens):
                raise OutOfRoom("the model's reasoning left no tokens for an answer: let it reason less")
            raise NoAnswer(
                "the model's reply holds its reasoning and no answer: let it have more tokens, have the server keep "
                "the two together, or set reasoning_is_answer"
            )
        if not thought and (kinds := _kinds(message)):
            raise BackendError(f"the model's reply holds no text, only parts of type {quoted(', '.join(kinds))}")
        if not thought and message.get("tool_calls"):
            raise BackendError(f"the model's tool calls cannot be read: {quoted(message['tool_calls'])}")
        text = thought or text
    return Completion(
        text=text,
        tool_calls=calls,
        finish_reason="tool_calls" if calls else _finish_reason(choice.get("finish_reason")),
        usage=usage,
        logprobs={"content": tokens} if (tokens := read_logprobs(choice.get("logprobs"))) else None,
    )


class Chunks:
    """A streamed answer, assembled into the reply that it would have been in one piece.

    `events` counts its events, `has_spoken` says whether the last one said anything and `last_logprobs` how likely, and
    `is_whole` whether the answer was finished.
    """

    def __init__(self) -> None:
        self.events = 0
        self.has_spoken = False
        self.last_logprobs: list[dict[str, Any]] = []
        self._is_empty = True
        self._had_delta = False
        self._text = _Pieces()
        self._thought = _Pieces()
        self._calls: dict[object, _Call] = {}
        self._logprobs: list[dict[str, Any]] = []
        self._finish_reason: object = None
        self._usage: object = None
        self._timings: object = None
        self._model: object = None
        self._error: object = None

    @property
    def is_whole(self) -> bool:
        """Whether the stream has come to its end."""
        return bool(self._finish_reason or self._error or self._is_empty)

    def add(self, chunk: object) -> str:
        """The piece of the answer's text that comes with it."""
        self.events += 1
        whole = fields(chunk)
        choice = _first([one for one in _choices(whole) if one.get("index") in (None, 0)])
        self._error = _error(whole) or _error(choice) or self._error
        self._usage = whole.get("usage") or self._usage
        self._timings = whole.get("timings") or self._timings
        self._model = whole.get("model") or self._model
        self._is_empty = self._is_empty and not choice
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._had_delta = self._had_delta or bool(choice.get("delta"))
        # some servers repeat everything at the end
        is_whole = self._had_delta and not choice.get("delta") and bool(choice.get("message"))
        message, is_last = _message(choice), bool(self._finish_reason)
        piece = self._text.add(_said(choice, message), is_last=is_last, is_whole=is_whole)
        self._thought.add(_thought(message), is_last=is_last, is_whole=is_whole)
        calls = _given_calls(message)
        if is_whole and calls:
            self._calls = {}
        for call in calls:
            self._add_call(call)
        self.last_logprobs = read_logprobs(choice.get("logprobs"))
        self._logprobs += self.last_logprobs
        self.has_spoken = bool(piece or calls or _thought(message))
        return piece

    def reply(self, *, has_ended: bool = True) -> dict[str, object]:
        """Raises BackendError where the stream has neither ended nor said that it would."""
        if not self.is_whole and not has_ended:
            raise BackendError("the reply broke off: its events end without a finish reason or [DONE]", again_in=0.0)
        message = {
            "content": self._text.whole(),
            "reasoning": self._thought.whole(),
            "tool_calls": [call.whole() for call in self._calls.values()],
        }
        choice = {
            "message": message,
            "finish_reason": self._finish_reason,
            "logprobs": {"content": self._logprobs},
        }
        return {
            "model": self._model,
            "choices": [] if self._is_empty else [choice],
            "usage": self._usage,
            "timings": self._timings,
            "error": self._error,
        }

    def _add_call(self, part: dict[str, object]) -> None:
        """A piece belongs to the call with its index or id, or otherwise to the previous one."""
        function = fields(part.get("function"))
        if not function:
            return
        key = count(part.get("index"))
        named = part.get("id") if isinstance(part.get("id"), str) else None
        known = key if key is not None else named or next(reversed(self._calls), 0)
        self._calls.setdefault(known, _Call()).add(named, function)


class _Pieces:
    """A text in pieces; the last one may repeat the whole text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, piece: str, *, is_last: bool, is_whole: bool) -> str:
        """What is new of it."""
        if is_whole and piece.strip():
            self._pieces = [piece]
            return ""
        if not piece or (is_last and len(self._pieces) > 1 and piece == self.whole()):
            return ""
        self._pieces.append(piece)
        return piece

    def whole(self) -> str:
        return "".join(self._pieces)


class _Call:
    """A tool call that arrives in pieces."""

    def __init__(self) -> None:
        self._id: object = None
        self._name = ""
        self._arguments: list[object] = []

    def add(self, named: object, function: dict[str, object]) -> None:
        self._id = self._id or named
        name = function.get("name")
        if isinstance(name, str) and name != self._name:  # some servers repeat the function's name in each piece
            self._name += name
        if function.get("arguments") is not None:
            self._arguments.append(function["arguments"])

    def whole(self) -> dict[str, object]:
        pieces = self._arguments
        texts = [piece for piece in pieces if isinstance(piece, str)]
        arguments = "".join(texts) if len(texts) == len(pieces) else pieces[-1]
        return {"id": self._id, "type": "function", "function": {"name": self._name, "arguments": arguments}}


def failure(error: object, *, status: int | None = None, again_in: float = 0.0) -> BackendError:
    """What a backend's error means for a call, judged by its HTTP status or by the error's text.

    `again_in` is how long the backend asks to be left alone, in seconds.
    """
    told = fields(fields(error).get("error")) or fields(error)
    code = status or _code(told.get("code")) or _code(told.get("status"))
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


def unfit(said: str) -> RequestUnfit:
    """What a model in this process says of a request that it cannot answer."""
    return (RequestTooLong if SAYS_TOO_LONG.search(said) else RequestUnfit)(said)


def _code(given: object) -> int:
    """An HTTP status, which may be a string; 0 for anything else."""
    return int(given) if isinstance(given, str) and STATUS.match(given) else count(given) or 0


def _error(of: dict[str, object]) -> object:
    """The error in a reply or a choice; None if it is empty, as some servers send one with each answer."""
    error = of.get("error")
    if isinstance(error, dict):
        return error if any(error.values()) else None
    return error or None


def quoted(error: object) -> str:
    """What a backend says about its failure, on one line for the operator."""
    told = error
    for _ in range(TEXT_DEPTH):
        told = next((inner for name in ("error", "message", "detail") if (inner := fields(told).get(name))), told)
    return safe(redact(told if isinstance(told, str) else _beginning(told)), DETAIL_WIDTH)


def _beginning(told: object) -> str:
    """The beginning of its JSON, which may have megabytes."""
    return "".join(islice(json.JSONEncoder().iterencode(told), DETAIL_WIDTH))


def read_body(raw: bytes) -> object:
    """The body of a failure: its JSON, or else its text."""
    try:
        return foreign_json.read(raw)
    except ValueError:
        return raw[: DETAIL_WIDTH * 4].decode(errors="replace")


class Events:
    """The JSON values among server-sent events, or lines of JSON, as their bytes come.

    An event's data may span several lines, and the empty line between two events may be missing.
    """

    def __init__(self) -> None:
        self.have_ended = False
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._line: list[str] = []
        self._data: list[str] = []

    def feed(self, raw: bytes) -> Iterator[object]:
        """The values that are whole with it."""
        return self._read(self._decoder.decode(raw))

    def end(self) -> Iterator[object]:
        """What is left, as far as it can be read."""
        return self._read(self._decoder.decode(b"", True) + "\n\n")

    def _read(self, text: str) -> Iterator[object]:
        if not LINE_END.search(text):
            self._line.append(text)
            return
        text = "".join((*self._line, text))
        is_split = text.endswith("\r")  # its \n may be still to come
        *lines, rest = LINE_END.split(text[:-1] if is_split else text)
        self._line = [rest, "\r"] if is_split else [rest]
        for line in lines:
            yield from self._add(line)

    def _add(self, line: str) -> Iterator[object]:
        self.have_ended = self.have_ended or bool(END_MARK.match(line))
        piece = line[5:].removeprefix(" ") if line.startswith("data:") else line if line.startswith("{") else ""
        alone = fields(_parsed(piece))
        if alone and (not self._data or "choices" in alone):
            yield alone
            self._data = []
        elif piece and (self._data or piece.startswith("{")):
            self._data.append(piece)
        elif not line and self._data:
            data, self._data = "\n".join(self._data), []
            with suppress(ValueError):  # a truncated event
                yield foreign_json.read(data.encode())


def _parsed(text: object) -> object:
    """The value of a JSON text; None if it is not JSON."""
    try:
        return foreign_json.read(text.encode()) if isinstance(text, str) else text
    except ValueError:
        return None


def _choices(reply: dict[str, object]) -> list[dict[str, object]]:
    given = reply.get("choices")
    return [choice for choice in items(given) if isinstance(choice, dict)] or [fields(given)]


def _first(choices: list[dict[str, object]]) -> dict[str, object]:
    """The choice with index 0, which need not come first."""
    for one in choices:
        if one.get("index") == 0:
            return one
    return choices[0] if choices else {}


def _message(choice: dict[str, object]) -> dict[str, object]:
    """A choice's message, or its delta if the message is empty."""
    message, delta = fields(choice.get("message")), fields(choice.get("delta"))
    if not delta:
        return message
    return delta | {name: value for name, value in message.items() if _is_filled(value) or not delta.get(name)}


def _is_filled(value: object) -> bool:
    return bool(value.strip() if isinstance(value, str) else value)


def _said(choice: dict[str, object], message: dict[str, object]) -> str:
    """The content, else the refusal, else the text of an older format. Blanks count if there is nothing else."""
    content = message.get("content")
    if isinstance(content, str) and content.strip():
        return content
    texts = [_text(given) for given in (content, message.get("refusal"), choice.get("text"))]
    return next(filter(str.strip, texts), next(filter(None, texts), ""))


def _kinds(message: dict[str, object]) -> list[str]:
    """The types of the parts without text: images, sounds."""
    parts = [*items(message.get("content")), message.get("content"), *items(message.get("images"))]
    kinds = (fields(part).get("type") for part in parts if not _text(part) and not _is_thought(part))
    return [kind for kind in kinds if isinstance(kind, str) and kind != "text"]


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


def _thought(message: dict[str, object]) -> str:
    named = next((text for name in REASONING if (text := _all_text(message.get(name)))), "")
    return named or "".join(_text(part) for part in items(message.get("content")) if _is_thought(part))


def _all_text(value: object) -> str:
    """Like `_text`, including the model's reasoning."""
    return "".join(_text(part) for part in value) if isinstance(value, list) else _text(value)


def _is_thought(part: object) -> bool:
    kind = fields(part).get("type")
    return isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind)


def _given_calls(message: dict[str, object]) -> list[dict[str, object]]:
    """A message's calls, or pieces of them, each with its `function`, including a legacy `function_call`.

    They come as a list, as one object, as JSON in a string, or with flat fields.
    """
    if not (message.get("tool_calls") or message.get("function_call")):
        return []
    given = _parsed(message.get("tool_calls"))
    calls = [fields(call) for call in (given if isinstance(given, list) else [given])]
    flat = ("name", "arguments")
    nested = [
        call
        if fields(call.get("function"))
        else call | {"function": {name: call[name] for name in flat if name in call}}
        for call in calls
    ]
    return [call for call in [*nested, {"function": _parsed(message.get("function_call"))}] if call["function"]]


def _tool_calls(message: dict[str, object]) -> tuple[dict[str, object], ...]:
    """The calls that name a function, in the format that validators expect."""
    calls: list[dict[str, object]] = []
    for call in _given_calls(message):
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
    """The finish reason, or its type if it is an object, if it is one of OpenAI's; else "stop"."""
    reason = given.get("type") if isinstance(given, dict) else given
    return reason if isinstance(reason, str) and reason in FINISH_REASONS else "stop"


def _usage(usage: dict[str, object], max_tokens: int) -> dict[str, int]:
    """The counts that can be true: no answer has more tokens than were asked for, and the total is a sum."""
    counts = {name: number for name in USAGE_FIELDS if (number := count(usage.get(name))) is not None}
    prompt, completion, total = USAGE_FIELDS
    if completion in counts:
        counts[completion] = min(counts[completion], max_tokens)
    if prompt in counts:
        counts[prompt] = min(counts[prompt], MOST_TOKENS)
    if total in counts or len(counts) == 2:
        counts[total] = counts.get(prompt, 0) + counts.get(completion, 0)
    return counts


def _read_timings(reply: object) -> ServerTimes | None:
    """How fast the server says that it was, as llama.cpp's does in `timings`; None if it does not."""
    timings = fields(fields(reply).get("timings"))
    if not timings:
        return None
    first, each = _seconds(timings.get("prompt_ms")), _seconds(timings.get("predicted_per_token_ms"))
    return None if first is None and each is None else ServerTimes(first, each)


def _seconds(ms: object) -> float | None:
    is_told = isinstance(ms, int | float) and not isinstance(ms, bool) and 0 <= ms < MOST_MS
    return ms / 1000 if is_told else None  # type: ignore[operator]


def is_list_of_models(raw: bytes) -> bool:
    """Whether this is Ollama's own list of models, which is not called `data`."""
    try:
        return isinstance(fields(foreign_json.read(raw)).get("models"), list)
    except ValueError:
        return False
