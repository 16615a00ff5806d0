"""The types of cells, and rows read back as values.

Anyone may have changed the file since: a row that is not as we write it is refused as a whole.
"""

import json
import re
from collections.abc import Iterable, Mapping
from sqlite3 import Row
from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from engine.files import UNDECODABLE
from engine.store.errors import BadRow

Values = dict[str, Any]
"""Named parameters of a statement."""

Flag = Literal[0, 1]

Count = Annotated[int, Meta(ge=0, le=2**48)]
"""A number of rounds, questions, blocks or answers: one a second for nine million years, with room for one more."""

_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """`text` with U+FFFD for each lone surrogate, which UTF-8 cannot hold; the rest is stored raw."""
    return text if text.isascii() else _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def to_json(value: Mapping[str, Any] | Iterable[Any] | None) -> str:
    """ASCII JSON, which holds any text and any whole number that a miner may send."""
    return json.dumps(value, separators=(",", ":"))


def fields(row: Row, kind: Any, **changed: object) -> Any:
    """A row as a value of `kind`, by the names of its columns. Raises BadRow."""
    return _converted({**dict(row), **changed}, kind)


def cells(row: Row, *kinds: Any) -> Any:
    """A row as a tuple of values of these kinds, by the order of its columns. Raises BadRow."""
    return _converted(tuple(row), GenericAlias(tuple, kinds))


def cell(row: Row, kind: Any) -> Any:
    """The only cell of a row as a value of `kind`. Raises BadRow."""
    return cells(row, kind)[0]


def from_json(stored: object, kind: Any) -> Any:
    """A column of JSON as a value of `kind`. Python's reader takes all that miners may send. Raises BadRow."""
    try:
        return msgspec.convert(json.loads(_text(stored)), kind)
    except (ValueError, RecursionError) as error:
        raise BadRow(str(error)) from error


def decoded(stored: object, kind: Any) -> Any:
    """A column of JSON that only this program writes, as a value of `kind`. Raises BadRow."""
    try:
        return msgspec.json.decode(_text(stored), type=kind)
    except UNDECODABLE as error:
        raise BadRow(str(error)) from error


def unpacked(stored: object, kind: Any) -> Any:
    """A column of msgpack as a value of `kind`. Raises BadRow."""
    if not isinstance(stored, bytes):
        raise BadRow(f"a {type(stored).__name__} instead of bytes")
    try:
        return msgspec.msgpack.decode(stored, type=kind)
    except (*UNDECODABLE, ValueError) as error:
        raise BadRow(str(error)) from error


def _text(stored: object) -> str:
    if not isinstance(stored, str):
        raise BadRow(f"a {type(stored).__name__} instead of text")
    return stored


def _converted(value: object, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except UNDECODABLE as error:
        raise BadRow(str(error)) from error
