"""What replies earned, as it is recorded."""

from typing import Annotated

from msgspec import Meta, Struct

from engine.values.quantity import At, Finite
from engine.values.round import Counted, ReplyStatus

Word = Annotated[str, Meta(pattern=r"^[\x20-\x7e]*\Z")]
"""A name or state that we chose: it needs no cleaning."""

Uid = Annotated[int, Meta(ge=0, le=2**16 - 1)]
"""The chain has weights for no others."""

Merit = Annotated[float, Meta(ge=-100, le=100)]
Pay = Annotated[float, Meta(ge=-2, le=100)]
"""What a profile makes of a reply lies about 0 to 1; by cosines it may be a little below nothing."""


class Earned(Struct, frozen=True, kw_only=True):
    """What a reply earned: `reason` says why it failed, `reasons` why it was judged so. `dialect` is that in which the
    miner was asked, "" where nobody noted it."""

    ms: Finite
    quality: Merit
    cluster: Word
    score: Merit
    emission: Pay
    counted: Counted
    profile: Word
    reason: str
    reasons: tuple[str, ...]
    dialect: Word = ""


class Appearance(Earned, frozen=True, kw_only=True):
    """One round of one hotkey, without the text: what it earned and why, and whether its answer was the best."""

    round_id: str
    at: At
    kind: str
    agreement: Finite
    won: bool
    status: ReplyStatus
