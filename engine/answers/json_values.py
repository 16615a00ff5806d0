"""JSON values in replies: where they are, their canonical form, and their fields."""

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Any

_QUOTED = re.compile(r'^\s*"(?:[^"\\]|\\.)*"\s*$', re.DOTALL)
_FENCE = re.compile(r"```[a-zA-Z]*+[^\S\n]*+\n(.*?)```", re.DOTALL)
_STARTS = re.compile(r"[{\[]")
_INSIDE = re.compile(r"""(?:["\]}\d]\s*[:,]|[\[{])\s*\Z""")
_MAX_CHARACTERS = 65_536
"""Of a reply, as much as is looked at: all of one of 16,000 tokens."""

_MAX_DEPTH = 32
"""A value that is nested deeper is none; those of people and tools seldom have more than ten levels."""

_MAX_FIELDS = 512
"""Of a value's leaves, those that are compared: a bound on the time that a reply can cost."""

_MAX_TRIES = 16
_MOST_STARTS = 2_048
"""Places where a value may begin, and those of them that are tried: a failed try may read the text to its end."""

_BEFORE = 64
"""The characters before a bracket that tell whether it is within another value."""


def find(text: str) -> Any | None:
    """The first JSON object or array in a reply: the whole text, a fenced block, or one within the text; else None.

    Part of a value that was cut off does not count.
    """
    text = text[:_MAX_CHARACTERS]
    if _QUOTED.match(text):
        inner = _parse(text.strip())
        text = inner if isinstance(inner, str) else text
    for candidate in (text, *_FENCE.findall(text)):
        value = _parse(candidate.strip())
        if isinstance(value, dict | list):
            return value
    return next(_anywhere(text), None)


def all_values(text: str) -> list[Any]:
    """The first 16 JSON values that are not part of another one; of these, the objects."""
    return [value for value in _anywhere(text[:_MAX_CHARACTERS]) if isinstance(value, dict)]


def _anywhere(text: str) -> Iterator[Any]:
    decoder = json.JSONDecoder(parse_constant=_refuse)
    behind = tries = 0
    for start in islice(_STARTS.finditer(text), _MOST_STARTS):
        if start.start() < behind or _INSIDE.search(text[max(0, start.start() - _BEFORE) : start.start()]):
            continue
        tries += 1
        if tries > _MAX_TRIES:
            return
        try:
            value, behind = decoder.raw_decode(text, start.start())
        except RecursionError:
            return
        except ValueError:
            continue
        if value and _depth(value) <= _MAX_DEPTH:
            yield value


def canonical(value: Any) -> str:
    """A value's one spelling: sorted keys, no spaces, 3.0 as 3. Order in an array counts."""
    return json.dumps(_normal(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fields(value: Any) -> tuple[tuple[str, str], ...]:
    """At most 512 leaves of a value as (path, spelling); an object's keys and an array's length are leaves too."""
    found: list[tuple[str, str]] = []
    waiting: list[tuple[str, Any]] = [("", _normal(value))]
    while waiting and len(found) < _MAX_FIELDS:
        path, node = waiting.pop()
        if isinstance(node, dict):
            found.append((f"{path}/keys", ",".join(sorted(node))))
            waiting.extend((f"{path}/{name}", child) for name, child in node.items())
        elif isinstance(node, list):
            found.append((f"{path}/length", str(len(node))))
            waiting.extend((f"{path}/{index}", child) for index, child in enumerate(node))
        else:
            found.append((path, json.dumps(node, ensure_ascii=False)))
    return tuple(sorted(found))


def _parse(text: str) -> Any | None:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return value if _depth(value) <= _MAX_DEPTH else None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= _MAX_DEPTH:
        children = [
            node.values() if isinstance(node, dict) else node for node in level if isinstance(node, dict | list)
        ]
        level = [child for group in children for child in group]
        depth += 1
    return depth


def _normal(value: Any) -> Any:
    if isinstance(value, dict):
        return {unicodedata.normalize("NFC", name): _normal(child) for name, child in value.items()}
    if isinstance(value, list):
        return [_normal(child) for child in value]
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 2**53:
        return int(value)
    return unicodedata.normalize("NFC", value.strip()) if isinstance(value, str) else value
