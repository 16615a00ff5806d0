"""What is read from the store for exports and screens: rows as values."""

from typing import NamedTuple

from msgspec import Struct

from engine.validator.round_log import Tally
from engine.values import At, ReplyStatus, Round, Source
from engine.values.earned import Earned, Uid, Word


class StoredRound(Struct, frozen=True, kw_only=True):
    """A round without its texts; `clusters` are lists of uids, the largest cluster first."""

    id: str
    at: float
    kind: str
    source: str
    profile: str
    asked: int
    answered: int
    winner_uid: int | None
    winner_hotkey: str | None
    agreement: float
    clusters: list[list[int]]
    duration_ms: float
    encoder: str


class StoredReply(Earned, frozen=True, kw_only=True):
    """A reply with what it earned, to which question: as the miner was asked it. `truth` is the known answer."""

    round_id: str
    source: Source
    question: str
    truth: str | None
    parts: dict[str, float]
    at: At
    uid: Uid
    hotkey: Word
    status: ReplyStatus
    text: str


class FoundRound(Struct, frozen=True, kw_only=True):
    """A whole round, the number that it is stored under, and its place among the `total` of its subnet, from 1 on."""

    round: Round
    number: int
    netuid: int
    place: int
    total: int


class RoundMark(NamedTuple):
    """Where a round lies: the number under which it is stored, which grows, and when it was asked."""

    number: int
    at: float


class PastReply(NamedTuple):
    """One reply of a miner as its account needs it: no text, no reasons."""

    at: float
    uid: int
    status: ReplyStatus
    ms: float
    emission: float
    dialect: str


class StoredNeuron(Struct, frozen=True, kw_only=True):
    """A hotkey that is or was registered or asked, the last time at `seen_at`."""

    netuid: int
    uid: int
    hotkey: str
    name: str
    registered: bool
    seen_at: float
    tally: Tally
