"""Challenge and completion in the clear: the JSON that every dialect carries, in the shape of Loosh's."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from engine.transport.errors import WireError, brief, misfit
from engine.transport.timing import Timing, timing_of
from engine.values import Challenge, Request

MAX_DEPTH = 64
MAX_JSON_BYTES = 16 * 1024 * 1024
"""Bounds of what a peer sends: deeper than any tool's schema, larger than any model's context."""

USAGE_FIELDS = ("prompt_tokens", "completion_tokens", "total_tokens")

T = TypeVar("T")


class Completion(Struct, frozen=True, kw_only=True):
    """A decrypted answer. `logprobs` are OpenAI's, if they were asked for: `{"content": [{"token", "logprob", …}]}`.

    `ms` is how long the miner says it took, `timing` the challenge's record, continued.
    """

    text: str
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish_reason: str = "stop"
    usage: dict[str, int] = {}
    logprobs: dict[str, Any] | None = None
    ms: int = 0
    timing: Timing | None = None


WHOLE = ("max_tokens", "seed", "top_logprobs")
OPTIONS = ("logprobs", "top_logprobs")
"""The options that a challenge may carry."""


class _ClearRequest(Struct, frozen=True):
    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] | None = None
    tools: tuple[dict[str, Any], ...] | None = None
    tool_choice: str | dict[str, Any] | None = None
    model: str | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=100)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    response_format: dict[str, Any] | None = None
    stop: str | Annotated[tuple[str, ...], Meta(max_length=16)] | None = None
    seed: int | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    metadata: Any = None


_clear_requests = msgspec.json.Decoder(_ClearRequest)


class _ClearCompletion(Struct, frozen=True):
    response_text: str
    tool_calls: tuple[dict[str, Any], ...] | None = None
    finish_reason: Annotated[str, Meta(max_length=64)] | None = None
    usage: Any = None
    logprobs: Any = None
    response_time_ms: Any = None
    metadata: Any = None


def load_json(raw: bytes, *, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_JSON_BYTES) -> dict[str, Any]:
    """One JSON object of bounded size and depth, without NaN, infinities or lone surrogates.

    Raises WireError("malformed"), WireError("too_large").
    """
    if len(raw) > max_bytes:
        raise WireError("too_large", f"JSON of {len(raw)} bytes, at most {max_bytes} are accepted")
    try:
        loaded = msgspec.json.decode(raw)
    except RecursionError:
        raise WireError("malformed", f"JSON is nested deeper than {max_depth}") from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise WireError("malformed", f"not JSON: {brief(str(error))}") from None
    if not isinstance(loaded, dict):
        raise WireError("malformed", f"JSON object expected, got {type(loaded).__name__}")
    if _deeper_than(raw, loaded, max_depth):
        raise WireError("malformed", f"JSON is nested deeper than {max_depth}")
    return loaded


def with_whole(loaded: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """The same, with whole numbers in these fields as integers: JSON knows one kind of number, and 64.0 is whole."""
    whole = {name: int(value) for name in names if isinstance(value := loaded.get(name), float) and value.is_integer()}
    return loaded | whole


def challenge_json(challenge: Challenge) -> bytes:
    """What the miner sees of a challenge; its kind and truth stay here. `created_at` is naive ISO, in UTC.

    Fields that the reference does not know are sent only if they are set.
    """
    request = challenge.request
    ours = {
        "response_format": request.response_format,
        "stop": request.stop or None,
        "seed": request.seed,
        **{name: request.options.get(name) for name in OPTIONS},
    }
    return msgspec.json.encode(
        {
            "prompt": request.question if request.messages else request.prompt,
            "messages": request.messages or None,
            "tools": request.tools or None,
            "tool_choice": request.tool_choice,
            "model": request.model,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "correlation_id": challenge.id,
            "created_at": datetime.fromtimestamp(challenge.created_at, UTC).replace(tzinfo=None).isoformat(),
            **{name: value for name, value in ours.items() if value is not None},
            **_metadata(request.timing),
        }
    )


def read_request(raw: bytes, limit: int) -> Request:
    """A validator's request of at most `limit` bytes. Missing fields get defaults, unknown ones are dropped.

    Raises WireError("malformed"), WireError("too_large").
    """
    clear = _clear_request(raw, limit)
    messages = clear.messages or ()
    if not messages and not clear.prompt:
        raise WireError("malformed", "neither prompt nor messages given")
    for place, message in enumerate(messages):
        if not isinstance(message.get("role"), str) or not isinstance(message.get("content"), str | list | None):
            raise WireError("malformed", f"messages[{place}] needs a role and a text, a list or null as content")
    given = {
        name: value
        for name in ("model", "max_tokens", "temperature", "top_p", "response_format", "seed")
        if (value := getattr(clear, name)) is not None
    }
    return Request(
        prompt=clear.prompt,
        messages=messages,
        tools=clear.tools or (),
        tool_choice=clear.tool_choice,
        stop=(clear.stop,) if isinstance(clear.stop, str) else clear.stop or (),
        options={name: value for name in OPTIONS if (value := getattr(clear, name)) is not None},
        timing=timing_of(clear.metadata),
        **given,
    )


def _clear_request(raw: bytes, limit: int) -> _ClearRequest:
    if len(raw) <= limit and not _may_be_deeper_than(raw, MAX_DEPTH):
        try:
            return _clear_requests.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            pass  # below it is said what is wrong, and taken what is only written in another way
    loaded = load_json(raw, max_bytes=limit)
    return _convert(with_whole(loaded, WHOLE), _ClearRequest)


def completion_json(completion: Completion) -> bytes:
    """What the validator sees of an answer."""
    return msgspec.json.encode(
        {
            "response_text": completion.text,
            "response_time_ms": completion.ms,
            "tool_calls": completion.tool_calls or None,
            "finish_reason": completion.finish_reason,
            "usage": {name: completion.usage.get(name, 0) for name in USAGE_FIELDS},
            **({} if completion.logprobs is None else {"logprobs": completion.logprobs}),
            **_metadata(completion.timing),
        }
    )


def request_schema() -> dict[str, Any]:
    """What `read_request` accepts, in JSON Schema."""
    schema: dict[str, Any] = msgspec.json.schema(_ClearRequest)["$defs"][_ClearRequest.__name__]
    content = {"type": ["string", "array", "null"]}
    message = {"type": "object", "properties": {"role": {"type": "string"}, "content": content}, "required": ["role"]}
    several = {"type": "array", "items": message, "minItems": 1}
    return schema | {
        "title": "Challenge",
        "anyOf": [
            {"properties": {"messages": several}, "required": ["messages"]},
            {
                "properties": {"prompt": {"type": "string", "minLength": 1}, "messages": {"type": "null"}},
                "required": ["prompt"],
            },
        ],
    }


def read_completion(raw: bytes) -> Completion:
    """A miner's answer. Text and tool calls must be well-formed; malformed statistics are dropped.

    Raises WireError("malformed"), WireError("too_large").
    """
    clear = _convert(load_json(raw), _ClearCompletion)
    _require_portable(clear.tool_calls)
    logprobs = clear.logprobs if isinstance(clear.logprobs, dict) else None
    _require_portable(logprobs)
    usage = clear.usage if isinstance(clear.usage, dict) else {}
    return Completion(
        text=clear.response_text,
        tool_calls=clear.tool_calls or (),
        finish_reason=clear.finish_reason or "stop",
        usage={name: usage[name] for name in USAGE_FIELDS if _is_count(usage.get(name))},
        logprobs=logprobs,
        ms=clear.response_time_ms if _is_count(clear.response_time_ms) else 0,
        timing=timing_of(clear.metadata),
    )


def _convert(loaded: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(loaded, kind)
    except msgspec.ValidationError as error:
        raise WireError("malformed", misfit(error)) from None


def _metadata(timing: Timing | None) -> dict[str, object]:
    """A message's metadata, present only if it has a timing record."""
    return {} if timing is None else {"metadata": {"timing_data": timing}}


def _require_portable(given: object) -> None:
    """Refuses what cannot be sent to another process: JSON integers are unbounded, msgpack's are not."""
    try:
        msgspec.msgpack.encode(given)
    except OverflowError:
        raise WireError("malformed", "it contains an integer of more than 64 bits") from None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _may_be_deeper_than(raw: bytes, depth: int) -> bool:
    """False for nearly every message, and fifty times cheaper than walking it."""
    return raw.count(b"{") + raw.count(b"[") > depth


def _deeper_than(raw: bytes, loaded: object, depth: int) -> bool:
    if not _may_be_deeper_than(raw, depth):
        return False
    level = [loaded]
    for _ in range(depth):
        level = [
            child
            for holder in level
            for child in (holder.values() if isinstance(holder, dict) else holder if isinstance(holder, list) else ())
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True
