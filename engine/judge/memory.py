"""The state carried from one judged round to the next: the scoring history and the sybil evidence."""

import msgspec

from engine.scoring.history import History
from engine.sybil.evidence import Evidence
from engine.sybil.suspects import Suspicions, suspicions


class Memory(History, frozen=True):
    """Stored whole, as one value."""

    evidence: Evidence = msgspec.field(name="kinship", default=Evidence())
    """Stored under its original name."""


_DECODER = msgspec.msgpack.Decoder(Memory)


def encode(memory: Memory) -> bytes:
    """The memory as it is stored."""
    return msgspec.msgpack.encode(memory)


def decode(raw: bytes | None) -> Memory:
    """The memory in `raw`; an empty one for None. Raises ValueError if it is invalid."""
    try:
        memory = _DECODER.decode(raw) if raw else Memory()
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a scoring history ({error})") from error
    if not {hotkey for both in memory.evidence.by_both() for hotkey in both} <= memory.evidence.miners.keys():
        raise ValueError("not a scoring history (it has pairs of unknown miners)")
    return memory


def suspicions_in(raw: bytes | None) -> Suspicions:
    """The sybil suspicions that follow from `raw`. Raises ValueError if it is invalid."""
    return suspicions(decode(raw).evidence)
