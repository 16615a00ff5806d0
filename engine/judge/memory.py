"""What is carried from one judged round to the next: scoring's history, and who resembles whom."""

import msgspec

from engine.scoring.history import History
from engine.sybil.evidence import Evidence
from engine.sybil.suspects import Suspicions, suspicions


class Memory(History, frozen=True):
    """The store keeps it whole, as one value."""

    evidence: Evidence = msgspec.field(name="kinship", default=Evidence())
    """Stored under the name that it had first."""


_DECODER = msgspec.msgpack.Decoder(Memory)


def encode(memory: Memory) -> bytes:
    return msgspec.msgpack.encode(memory)


def decode(raw: bytes | None) -> Memory:
    """The memory in `raw`; an empty one for None. Raises ValueError when it is none of ours."""
    try:
        memory = _DECODER.decode(raw) if raw else Memory()
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a scoring history ({error})") from error
    if not {hotkey for both in memory.evidence.by_both() for hotkey in both} <= memory.evidence.miners.keys():
        raise ValueError("not a scoring history (it has pairs of miners that it does not know)")
    return memory


def suspicions_in(raw: bytes | None) -> Suspicions:
    """Who is suspected after the judgement that left `raw`. Raises ValueError when it is none of ours."""
    return suspicions(decode(raw).evidence)
