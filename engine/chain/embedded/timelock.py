"""Timelocked commits on the embedded chain, which has no beacon: it keeps the weights secret until their epoch."""

import msgspec
from msgspec import Struct

from engine.chain.interface import TIMELOCKED, Sealed
from engine.values import Natural


class Payload(Struct, frozen=True, array_like=True):
    """The content of a timelocked commit: whose weights, and which."""

    hotkey: str
    uids: tuple[Natural, ...]
    values: tuple[Natural, ...]
    version_key: Natural


def sealed(payload: Payload, *, epoch: int, nonce: int) -> Sealed:
    """A commit to be opened in this epoch. Commits with different `nonce`s differ."""
    return Sealed(commit=msgspec.msgpack.encode((payload, nonce)), reveal_round=epoch, version=TIMELOCKED)


def opened(commit: bytes) -> Payload | None:
    """What was sealed; None if `commit` is anything else."""
    try:
        payload, _ = msgspec.msgpack.decode(commit, type=tuple[Payload, int])
    except msgspec.MsgspecError:
        return None
    return payload
