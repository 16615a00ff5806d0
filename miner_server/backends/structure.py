"""What a request says of the form of its answer and of tools, read before a model in this process is asked for it.

The bindings of llama.cpp take some of what they cannot read for nothing said.
"""

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from engine.values import Request
from miner_server.errors import RequestUnfit

LARGEST_SCHEMA = 16 * 1024
"""Bytes of JSON. llama.cpp takes a second for the 1,600 words of an enumeration that fit in, and 42 s for 10,000; it
answers nobody meanwhile."""

MOST_TIMES = 2_000
"""llama.cpp's own bound of one repetition. It has none of repetitions within each other: 200 of up to 200 of nothing
take it three seconds."""

MOST_OMITTABLE = 200
"""Parts of a pattern that may be left out. llama.cpp tries each together with all that follow: 200 side by side take
0.15 s at each token, 2,000 a minute."""

COUNTS = ("minItems", "maxItems", "minLength", "maxLength")
TIMES = re.compile(r"\{0*(\d*)(?:,0*(\d*))?\}")
REPEATED_AGAIN = re.compile(r"[)}]\{")
OMITTABLE = re.compile(r"[?*]|\{0*[,}]|\|\)|\(\||\|\|")


class _Text(Struct, frozen=True, tag="text"):
    pass


class _Object(Struct, frozen=True, tag="json_object"):
    schema: dict[str, Any] | None = None


class _NamedSchema(Struct, frozen=True):
    schema: dict[str, Any] | None = None


class _SchemaFormat(Struct, frozen=True, tag="json_schema"):
    json_schema: _NamedSchema


class _ToolFunction(Struct, frozen=True):
    name: Annotated[str, Meta(min_length=1)]
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _OfferedTool(Struct, frozen=True):
    type: Literal["function"]
    function: _ToolFunction


class _Chosen(Struct, frozen=True):
    type: Literal["function"]
    function: _ToolFunction


class _Structure(Struct, frozen=True):
    """The parts of a request that are read; what else there is of them is left to the model."""

    response_format: _Text | _Object | _SchemaFormat | None
    tools: tuple[_OfferedTool, ...]
    tool_choice: Literal["none", "auto", "required"] | _Chosen | None


def require_readable(request: Request) -> None:
    """Raises RequestUnfit, which says what cannot be read."""
    given = {name: getattr(request, name) for name in _Structure.__struct_fields__}
    try:
        read = msgspec.convert(given, _Structure)
    except msgspec.ValidationError as error:
        raise RequestUnfit(f"the request cannot be read: {error}") from None
    names = [tool.function.name for tool in read.tools]
    if isinstance(read.tool_choice, _Chosen) and read.tool_choice.function.name not in names:
        raise RequestUnfit("tool_choice names none of the tools")
    for schema in (schema_of(request.response_format), *(tool.function.parameters for tool in read.tools)):
        if schema is not None:
            _require_bounded(schema)


def _require_bounded(schema: dict[str, Any]) -> None:
    if len(msgspec.json.encode(schema)) > LARGEST_SCHEMA:
        raise RequestUnfit(f"a schema has more than {LARGEST_SCHEMA >> 10} KiB")
    for inner in _objects_in(schema):
        ranges = [(inner.get(f"min{what}", 0), inner.get(f"max{what}")) for what in ("Items", "Length", "Properties")]
        if isinstance(pattern := inner.get("pattern"), str):
            ranges += _ranges(pattern)
            if _times(pattern) > MOST_TIMES:
                raise RequestUnfit(f"a pattern repeats something more than {MOST_TIMES:,} times")
            if _omittable(pattern) > MOST_OMITTABLE:
                raise RequestUnfit(f"a pattern has more than {MOST_OMITTABLE} optional parts")
        for least, most in ranges:
            if isinstance(least, int) and isinstance(most, int) and least > most:
                raise RequestUnfit(f"a schema wants {least} of something at least, and {most} at most")


def schema_of(response_format: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema that an answer has to follow; None where any object will do, or any text.

    It comes in OpenAI's `json_schema`, or beside the type `json_object`, as llama.cpp has it.
    """
    match response_format:
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
        case {"type": "json_object", "schema": dict(schema)}:
            return schema
    return None


def most_times(schema: dict[str, Any]) -> int:
    """How often anything in a schema may come, at most, where that is bounded: an item, a character, what a pattern
    repeats or leaves out."""
    return max(times for inner in _objects_in(schema) for times in (0, *_counts(inner)))


def _counts(inner: dict[str, Any]) -> Iterator[int]:
    yield from (inner[name] for name in COUNTS if isinstance(inner.get(name), int))
    if isinstance(pattern := inner.get("pattern"), str):
        yield _times(pattern)


def _objects_in(schema: object) -> Iterator[dict[str, Any]]:
    left = [schema]
    while left:
        match left.pop():
            case dict(inner):
                yield inner
                left += inner.values()
            case list(inner):
                left += inner


def _times(pattern: str) -> int:
    """How often anything in a pattern comes, at most."""
    once = max((max(least, most or 0) for least, most in _ranges(pattern)), default=0)
    return max(once, _together(pattern), pattern.count("?") + pattern.count("*"))


def _omittable(pattern: str) -> int:
    """How many parts of a pattern may be left out, or match nothing."""
    return len(OMITTABLE.findall(pattern)) * _together(pattern)


def _together(pattern: str) -> int:
    """How often what stands in a group comes, at most, where a group is repeated as a whole."""
    if not REPEATED_AGAIN.search(pattern):
        return 1
    return math.prod(max(least, most or 0, 1) for least, most in _ranges(pattern))


def _ranges(pattern: str) -> list[tuple[int, int | None]]:
    """What stands in a pattern's braces: the least, and the most where there is one."""
    numbers = [[one[:9] for one in found] for found in TIMES.findall(pattern)]
    return [(int(least or 0), int(most) if most else None) for least, most in numbers]
