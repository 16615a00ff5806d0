"""The hash that commits a hotkey to weights; its salt keeps them secret until they are revealed."""

import hashlib
import secrets
import struct
from collections.abc import Sequence

from engine.keys import public_key

SALT_WORDS = 8
"""128 bits: infeasible to guess."""


def new_salt() -> tuple[int, ...]:
    """Random u16 words."""
    return tuple(secrets.randbits(16) for _ in range(SALT_WORDS))


def commitment(
    netuid: int, hotkey: str, *, uids: Sequence[int], values: Sequence[int], salt: Sequence[int], version_key: int
) -> str:
    """The hash that `commit_weights` takes and `reveal_weights` must match, as "0x" and 64 hex digits.

    blake2b-256 over SCALE (account id, u16 netuid, Vec<u16> uids, values and salt, u64 version key), as the runtime
    computes it. Raises `ValueError` for values that cannot be encoded.
    """
    account = public_key(hotkey)
    if account is None:
        raise ValueError(f"{hotkey} is not an ss58 address")
    try:
        encoded = b"".join(
            (
                account,
                struct.pack("<H", netuid),
                *map(_vector, (uids, values, salt)),
                struct.pack("<Q", version_key),
            )
        )
    except struct.error as error:
        raise ValueError(f"these weights cannot be encoded: {error}") from error
    return "0x" + hashlib.blake2b(encoded, digest_size=32).hexdigest()


def _vector(words: Sequence[int]) -> bytes:
    """SCALE's Vec<u16>: the length in compact form, then the words."""
    return _compact(len(words)) + struct.pack(f"<{len(words)}H", *words)


def _compact(length: int) -> bytes:
    """SCALE's compact form of a length below 2^14: one byte up to 63, otherwise two."""
    return struct.pack("<B", length << 2) if length < 1 << 6 else struct.pack("<H", length << 2 | 1)
