"""The columns of the tables with the types that this program writes, and rows read back as values of these.

Anybody may have written to the file since: a row is taken as it was meant or not at all.
"""

import json
from sqlite3 import Row
from types import GenericAlias
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from engine.damage import UNDECODABLE
from engine.store.errors import BadRow
from engine.store.stored import Merit, Pay, Uid, Word
from engine.values import AnswerType, At, Counted, Finite, ReplyStatus, Source

Flag = Literal[0, 1]

Count = Annotated[int, Meta(ge=0, le=2**48)]
"""Of rounds, questions, blocks or answers: one a second for nine million years, with room for one more."""


class RoundRow(Struct, frozen=True, kw_only=True):
    """Of table rounds; `clusters`, `request` and `lures` are JSON."""

    number: Count
    id: str
    netuid: Uid
    at: At
    duration_ms: Finite
    block: Count
    kind: str
    source: Source
    created_at: At
    answer_type: AnswerType
    truth: str | None
    profile: Word
    encoder: str
    consensus: Finite
    agreement: Finite
    winner: str | None
    clusters: str
    request: str
    scored: Flag
    lures: str


class BareReply(Struct, frozen=True, kw_only=True):
    """Of table replies, how one went."""

    uid: Uid
    hotkey: Word
    status: ReplyStatus
    ms: Finite


class ReplyRow(BareReply, frozen=True, kw_only=True):
    """Of table replies; `parts`, `reasons`, `usage` and `tool_calls` are JSON."""

    coldkey: str
    ip: str
    quality: Merit
    score: Merit
    emission: Pay
    counted: Counted
    cluster: Word
    reason: str
    finish_reason: str
    parts: str
    reasons: str
    usage: str
    tool_calls: str
    text: str


class NeuronRow(Struct, frozen=True, kw_only=True):
    """Of table neurons."""

    netuid: Uid
    hotkey: Word
    uid: Uid
    name: str
    registered: Flag
    seen_at: At
    rounds: Count
    answered: Count
    failed: Count
    failures_in_a_row: Count
    last_answer_at: At | None
    last_emission: Pay | None


class PlanRow(Struct, frozen=True, kw_only=True):
    """Of table plans; `plan` is JSON."""

    at: At
    plan: str
    outcome: Literal["ok", "rejected", "unknown", "committed", "applied", "lost", "skipped"] = "unknown"
    reason: str = ""
    id: int = 0


class StandingRow(Struct, frozen=True, kw_only=True):
    """Of table penalties."""

    hotkey: Word
    held: Flag
    shown: Count | None


class CommandRow(Struct, frozen=True, kw_only=True):
    """Of table commands."""

    at: At
    name: str
    detail: str
    outcome: str
    reason: str


def fields(row: Row, kind: Any, **changed: object) -> Any:
    """A row as a value of `kind`, by the names of its columns. Raises BadRow."""
    return _converted({**dict(row), **changed}, kind)


def cells(row: Row, *kinds: Any) -> Any:
    """A row as a tuple of values of these kinds, by the order of its columns. Raises BadRow."""
    return _converted(tuple(row), GenericAlias(tuple, kinds))


def from_json(stored: object, kind: Any) -> Any:
    """A column of JSON as a value of `kind`. Python's reader takes all that miners may send. Raises BadRow."""
    try:
        return msgspec.convert(json.loads(_text(stored)), kind)
    except (ValueError, RecursionError) as error:
        raise BadRow(str(error)) from error


def decoded(stored: object, kind: Any) -> Any:
    """The same for what only we wrote. Raises BadRow."""
    try:
        return msgspec.json.decode(_text(stored), type=kind)
    except UNDECODABLE as error:
        raise BadRow(str(error)) from error


def unpacked(stored: object, kind: Any) -> Any:
    """A column of msgpack as a value of `kind`. Raises BadRow."""
    if not isinstance(stored, bytes):
        raise BadRow(f"a {type(stored).__name__} in place of bytes")
    try:
        return msgspec.msgpack.decode(stored, type=kind)
    except (*UNDECODABLE, ValueError) as error:
        raise BadRow(str(error)) from error


def _text(stored: object) -> str:
    if not isinstance(stored, str):
        raise BadRow(f"a {type(stored).__name__} in place of a text")
    return stored


def _converted(value: object, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except UNDECODABLE as error:
        raise BadRow(str(error)) from error
