"""JSON from other people's servers: read leniently, and never trusted."""

import json

import msgspec

MOST = 2**53
"""Whole numbers below it are the same in every program that holds numbers as floats."""


def read(raw: bytes) -> object:
    """What `raw` says, as values that can be encoded again.

    A byte order mark and UTF-16 are understood. Bytes that are not text and lone surrogates become U+FFFD, NaN and
    infinities None. Raises ValueError when it is not JSON, or nested deeper than the interpreter can follow.
    """
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        loosely = json.loads(raw.decode(json.detect_encoding(raw), "replace"))
        written = json.dumps(loosely, ensure_ascii=False)
        whole = written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return json.loads(whole, parse_constant=lambda _: None)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def value_of(text: object) -> object:
    """The value of a JSON text; None if it is not JSON. What is no text is its own value."""
    try:
        return read(text.encode()) if isinstance(text, str) else text
    except ValueError:
        return None


def fields(value: object) -> dict[str, object]:
    """`value` if it is an object, else one without fields."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """`value` if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def count(value: object) -> int | None:
    """A whole number from 0, whether it was written as 4096 or as 4096.0; None for everything else."""
    if type(value) is not int:
        if not isinstance(value, float) or not value.is_integer():
            return None
        value = int(value)
    return value if 0 <= value < MOST else None
