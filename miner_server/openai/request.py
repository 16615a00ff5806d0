"""Reads what was asked: the body of a chat completion, in which each fault is told with the parameter that has it."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from engine.transport.errors import WireError
from engine.transport.wire import load_json
from engine.values import Request
from miner_server.backends.abilities import OPTIONS, PARTS, lacking
from miner_server.openai.errors import ApiError

MOST_CHOICES = 8
"""Each is a request of its own to the backend, so this is how many places in the queue one caller may take at once."""

MOST_TOOLS = 128
"""OpenAI's own limit."""

MOST_MODELS = 8
"""OpenRouter takes three; each that fails costs its time."""

DEFAULT_MAX_TOKENS = 4096
"""Where a caller names no limit. A backend that knows its context reduces it to what fits."""

LABELS = ("user", "metadata", "safety_identifier", "prompt_cache_key")
"""Parameters that label a request and change nothing in its answer."""

OUT_OF_USE = {"functions": "tools", "function_call": "tool_choice"}
ELSEWHERE = {"store": False, "service_tier": ("auto", "default"), "modalities": ["text"], "verbosity": "medium"}
"""Parameters of OpenAI's own service, with the values that ask for nothing special."""

FUNCTION = re.compile(r"^[A-Za-z0-9_-]{1,64}\Z")
_PLACE = re.compile(r" - at `(?:key in )?\$\.?(.*)`\Z")

Text = Annotated[str, Meta(max_length=1 << 20)]
ModelName = Annotated[str, Meta(min_length=1, max_length=512)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]


class _Function(Struct, frozen=True):
    name: Annotated[str, Meta(pattern=FUNCTION.pattern)]
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class _Tool(Struct, frozen=True):
    type: Literal["function"]
    function: _Function


class _Named(Struct, frozen=True):
    name: str


class _ChosenTool(Struct, frozen=True):
    type: Literal["function"]
    function: _Named


class _CalledFunction(Struct, frozen=True):
    name: str
    arguments: str


class _CalledTool(Struct, frozen=True):
    id: str
    function: _CalledFunction
    type: Literal["function"] = "function"


class _Message(Struct, frozen=True, kw_only=True):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | tuple[dict[str, Any], ...] | None = None
    refusal: str | None = None
    name: Annotated[str, Meta(max_length=64)] | None = None
    tool_calls: tuple[_CalledTool, ...] | None = None
    tool_call_id: str | None = None


class _Schema(Struct, frozen=True):
    name: Annotated[str, Meta(pattern=FUNCTION.pattern)]
    schema: dict[str, Any] | None = None
    description: str | None = None
    strict: bool | None = None


class _Format(Struct, frozen=True):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: _Schema | None = None


class _StreamOptions(Struct, frozen=True, forbid_unknown_fields=True):
    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class ChatBody(Struct, frozen=True, kw_only=True):
    """A chat completion's parameters. What is null counts as absent."""

    model: ModelName
    models: Annotated[tuple[ModelName, ...], Meta(min_length=1, max_length=MOST_MODELS)] | None = None
    messages: Annotated[tuple[_Message, ...], Meta(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    max_completion_tokens: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    n: Annotated[int, Meta(ge=1, le=MOST_CHOICES)] | None = None
    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    stop: str | Annotated[tuple[str, ...], Meta(max_length=4)] | None = None
    seed: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)] | None = None
    response_format: _Format | None = None
    tools: Annotated[tuple[_Tool, ...], Meta(min_length=1, max_length=MOST_TOOLS)] | None = None
    tool_choice: Literal["none", "auto", "required"] | _ChosenTool | None = None
    parallel_tool_calls: bool | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """One chat completion as it was asked for: `requests` are its choices, each to be answered by itself. Where `model`
    fails, those of `others` are asked for, in order."""

    model: str
    requests: tuple[Request, ...]
    streamed: bool = False
    with_usage: bool = False
    others: tuple[str, ...] = ()

    def for_model(self, name: str) -> "Asked":
        """The same, asked of one model."""
        requests = tuple(msgspec.structs.replace(one, model=name) for one in self.requests)
        return msgspec.structs.replace(self, model=name, requests=requests, others=())


def read_asked(raw: bytes, limit: int) -> Asked:
    """The body of a chat completion. Raises ApiError."""
    given = read_object(raw, limit)
    _require_known(given)
    match given:
        case {"models": [first, *_]}:
            given = {"model": first, **given}
    body: ChatBody = converted(given, ChatBody)
    messages = tuple(_messages(body.messages))
    _require_consistent(body)
    request = Request(
        messages=messages,
        tools=_plain(body.tools or ()),
        tool_choice=_plain(body.tool_choice),
        model=body.model,
        max_tokens=body.max_completion_tokens or body.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=1.0 if body.temperature is None else body.temperature,
        top_p=1.0 if body.top_p is None else body.top_p,
        response_format=_format(body.response_format),
        stop=(body.stop,) if isinstance(body.stop, str) else body.stop or (),
        seed=body.seed,
        options=dict(_options(body)),
    )
    return Asked(
        model=body.model,
        requests=tuple(_choice(request, number) for number in range(body.n or 1)),
        streamed=bool(body.stream),
        with_usage=body.stream_options is not None and bool(body.stream_options.include_usage),
        others=tuple(dict.fromkeys(name for name in body.models or () if name != body.model)),
    )


def read_object(raw: bytes, limit: int) -> dict[str, Any]:
    """A JSON object, without the fields that are null. Raises ApiError."""
    try:
        given = load_json(raw, max_bytes=limit)
    except WireError as error:
        raise ApiError(
            413 if error.status == "too_large" else 400, f"the body cannot be read: {error.reason}"
        ) from None
    return {name: value for name, value in given.items() if value is not None}


def converted(given: dict[str, Any], kind: type[Any]) -> Any:
    """`given` as a struct. Raises ApiError with the parameter that does not fit."""
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        told = str(error)
        place = _PLACE.search(told)
        missing = re.search(r"missing required field `(\w+)`", told)
        where = ".".join(filter(None, (place[1] if place else "", missing[1] if missing else "")))
        what = _PLACE.sub("", told)
        raise ApiError(400, f"{where}: {what}" if where else what, param=where or None) from None


def require_able(backend: object, request: Request) -> None:
    """Raises ApiError for what the backend does not have."""
    lacks = lacking(backend, request)
    if lacks is not None:
        ability, parameter = lacks
        raise _lacking(parameter, ability)


def _lacking(parameter: str, ability: str) -> ApiError:
    what = f"parts of type {ability}" if ability in PARTS else parameter
    return ApiError(400, f"this miner's backend does not support {what}", param=parameter, code="unsupported_parameter")


def _require_known(given: dict[str, Any]) -> None:
    for name, value in given.items():
        if name in OUT_OF_USE:
            raise ApiError(400, f"{name} is no longer supported: send {OUT_OF_USE[name]}", param=name)
        if name in ELSEWHERE:
            plain = ELSEWHERE[name]
            if value != plain and not (isinstance(plain, tuple) and value in plain):
                raise _lacking(name, name)
        elif name not in LABELS and name not in ChatBody.__struct_fields__:
            raise ApiError(400, f"there is no parameter {name[:64]!r} here", param=name[:64], code="unknown_parameter")


def _require_consistent(body: ChatBody) -> None:
    """What each parameter allows by itself can still make no sense together."""
    names = [tool.function.name for tool in body.tools or ()]
    if body.stream_options is not None and not body.stream:
        raise ApiError(400, "stream_options needs stream", param="stream_options")
    if "" in ((body.stop,) if isinstance(body.stop, str) else body.stop or ()):
        raise ApiError(400, "an empty stop would end every answer at once", param="stop")
    if body.top_logprobs is not None and not body.logprobs:
        raise ApiError(400, "top_logprobs needs logprobs", param="top_logprobs")
    if None not in (body.max_tokens, body.max_completion_tokens) and body.max_tokens != body.max_completion_tokens:
        raise ApiError(400, "max_tokens and max_completion_tokens differ: send one of them", param="max_tokens")
    for name in ("tool_choice", "parallel_tool_calls"):
        if getattr(body, name) is not None and not names:
            raise ApiError(400, f"{name} needs tools", param=name)
    if isinstance(body.tool_choice, _ChosenTool) and body.tool_choice.function.name not in names:
        raise ApiError(400, "tool_choice names none of the tools", param="tool_choice")
    chosen = body.response_format
    if chosen is not None and (chosen.type == "json_schema") != (chosen.json_schema is not None):
        raise ApiError(400, "json_schema and its type belong together", param="response_format")


def _messages(messages: tuple[_Message, ...]) -> Iterator[dict[str, Any]]:
    """As backends take them: text that comes in parts is joined, and a developer's role is the system's."""
    for place, message in enumerate(messages):
        where = f"messages[{place}]"
        content = message.refusal if message.content is None else message.content
        if content is None and not (message.role == "assistant" and message.tool_calls):
            raise ApiError(400, "a message needs content", param=f"{where}.content")
        if (message.role == "tool") != (message.tool_call_id is not None):
            raise ApiError(
                400, "tool_call_id belongs to a tool's message, which needs it", param=f"{where}.tool_call_id"
            )
        if message.tool_calls and message.role != "assistant":
            raise ApiError(400, "only an assistant calls tools", param=f"{where}.tool_calls")
        told: dict[str, Any] = {
            "role": "system" if message.role == "developer" else message.role,
            "content": _content(content, where),
        }
        if message.name is not None:
            told["name"] = message.name
        if message.tool_calls:
            told["tool_calls"] = _plain(list(message.tool_calls))
        if message.tool_call_id is not None:
            told["tool_call_id"] = message.tool_call_id
        yield told


def _content(content: str | tuple[dict[str, Any], ...] | None, where: str) -> str | list[dict[str, Any]] | None:
    if content is None or isinstance(content, str):
        return content
    texts: list[str] = []
    for number, part in enumerate(content):
        kind, here = part.get("type"), f"{where}.content[{number}]"
        if kind not in ("text", "refusal", *PARTS):
            raise ApiError(400, f"there are no parts of type {str(kind)[:40]!r}", param=f"{here}.type")
        if kind in PARTS:
            if not isinstance(part.get(kind), dict):
                raise ApiError(400, f"a part of type {kind} needs an object {kind}", param=f"{here}.{kind}")
        elif not isinstance(part.get(kind), str):
            raise ApiError(400, f"a part of type {kind} needs a text {kind}", param=f"{here}.{kind}")
        else:
            texts.append(part[kind])
    return "\n".join(texts) if len(texts) == len(content) else list(content)


def _format(chosen: _Format | None) -> dict[str, Any] | None:
    if chosen is None or chosen.type == "text":
        return None
    given: dict[str, Any] = _plain(chosen)
    return given


def _options(body: ChatBody) -> Iterator[tuple[str, Any]]:
    """Those that ask for something: a backend need not know an option to do as usual."""
    usual = {"logprobs": False, "frequency_penalty": 0, "presence_penalty": 0, "logit_bias": {}}
    for name in OPTIONS:
        value = getattr(body, name)
        if value is not None and value != usual.get(name):
            yield name, value


def _choice(request: Request, number: int) -> Request:
    """The same seed would make the same answer of all choices."""
    if request.seed is None or not number:
        return request
    return msgspec.structs.replace(
        request, seed=request.seed + number if request.seed < 2**62 else request.seed - number
    )


def _plain(value: Any) -> Any:
    """As JSON's own types, without the fields that are None."""
    match value:
        case Struct():
            return {
                name: _plain(inner) for name in value.__struct_fields__ if (inner := getattr(value, name)) is not None
            }
        case list() | tuple():
            return type(value)(_plain(inner) for inner in value)
        case _:
            return value
