"""Timelocked commits on the embedded chain: it keeps the weights to itself until their epoch, for want of a beacon."""

import msgspec
from msgspec import Struct

from engine.chain.interface import TIMELOCKED, Sealed
from engine.values import Natural


class Payload(Struct, frozen=True, array_like=True):
    """What a timelocked commit holds: whose weights, and which."""

    hotkey: str
    uids: tuple[Natural, ...]
    values: tuple[Natural, ...]
    version_key: Natural


def sealed(payload: Payload, *, epoch: int, nonce: int) -> Sealed:
    """A commit that is to be opened in this epoch. No two with another `nonce` are alike."""
    return Sealed(commit=msgspec.msgpack.encode((payload, nonce)), reveal_round=epoch, version=TIMELOCKED)


def opened(commit: bytes) -> Payload | None:
    """What was sealed; None for anything else."""
    try:
        payload, _ = msgspec.msgpack.decode(commit, type=tuple[Payload, int])
    except msgspec.MsgspecError:
        return None
    return payload
