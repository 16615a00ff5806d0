"""Commits to weights: the hash of one that is revealed by hand, and the size of one that the chain reveals."""

import hashlib
import secrets
import struct
from collections.abc import Sequence

from engine.keys import public_key
from engine.values import Consensus

SALT_WORDS = 8
"""128 bits: infeasible to guess."""

LARGEST_YUMA = 5000
LARGEST_NULL = 32 * 1024
"""The largest timelocked commit in bytes: MAX_CRV3_COMMIT_SIZE_BYTES, and what all mechanisms of a subnet with null
consensus share."""

SEALED_BYTES = 285
"""What a timelocked commit holds beside its weights: hotkey, version key, and the encryption's own."""


def largest_commit(consensus: Consensus, mechanisms: int) -> int:
    """The largest timelocked commit that a subnet takes, in bytes."""
    return LARGEST_YUMA if consensus == "yuma" else LARGEST_NULL // max(1, mechanisms)


def sealed_size(weights: int) -> int:
    """The size in bytes of a timelocked commit to that many weights: two u16 each, in two vectors."""
    return SEALED_BYTES + 4 * weights + 2 * len(_compact(weights))


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
