"""Reads a backend's reply into a Completion: OpenAI's chat completions as servers really send them.

A reply is foreign input. No field is assumed to exist or to have a certain type; unreadable parts are left out, and the
call fails only if no answer remains.
"""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from engine import foreign_json
from engine.foreign_json import count, fields
from engine.transport.wire import USAGE_FIELDS, Completion
from miner_server.backends.chunks import Chunks
from miner_server.backends.events import Events
from miner_server.backends.failures import failure, quoted, read_body
from miner_server.backends.interface import had_room
from miner_server.backends.logprobs import read_logprobs
from miner_server.backends.messages import (
    choices_in,
    error_in,
    first_of,
    kinds_in,
    message_of,
    said_in,
    thought_in,
    tool_calls_in,
)
from miner_server.backends.speed import ServerTimes
from miner_server.errors import BackendError, NoAnswer, OutOfRoom

MOST_TOKENS = 2**31
"""The limit of a request that names none."""

MOST_MS = 24 * 3600 * 1000
"""No answer takes a day."""

FINISH_REASONS = frozenset(["stop", "length", "tool_calls", "content_filter", "function_call"])
"""The finish reasons that a validator may be told: OpenAI's, never a server's own words."""


class Told(NamedTuple):
    """What a reply tells: its answer, under what name the model answers, and how fast the server says that it was."""

    completion: Completion
    model: object
    speed: ServerTimes | None


class _ReplyMessage(Struct):
    content: str
    tool_calls: None = None
    function_call: None = None


class _Choice(Struct):
    message: _ReplyMessage
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
    choice = first_of(choices_in(whole))
    if error := error_in(whole) or error_in(choice):
        raise failure(error)
    message = message_of(choice)
    calls, text = tool_calls_in(message), said_in(choice, message)
    usage = _usage(fields(whole.get("usage")), max_tokens)
    if not calls and not text.strip():
        thought = thought_in(message)
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
        if not thought and (kinds := kinds_in(message)):
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
