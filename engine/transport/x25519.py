"""Key agreement by X25519, and messages sealed by ChaCha20-Poly1305.

Each direction has its own key. A sealed message begins with its nonce: the unix time in ns and 4 random bytes.
"""

import os
import time
from hmac import compare_digest
from io import BytesIO
from typing import ClassVar

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.transport.errors import Refusal

KEY_BYTES = 32
KEY_DIGITS = 2 * KEY_BYTES
NONCE_BYTES = 12
TAG_BYTES = 16
"""Of X25519 (RFC 7748) and ChaCha20-Poly1305 (RFC 8439)."""


class X25519Key:
    """One end's key. `public` is hex, in lower case."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw().hex()

    def agree(self, other: str, transcript: bytes) -> bytes:
        """The 64-byte secret that both ends derive from their keys and a shared `transcript`.

        Raises ValueError if `other` is not a public key in hex, or is one of the few that yield a constant secret.
        """
        if len(other) != KEY_DIGITS or other != other.lower():
            raise ValueError(f"an X25519 key must be {KEY_DIGITS} lower-case hex digits")
        shared = self._private.exchange(X25519PublicKey.from_public_bytes(bytes.fromhex(other)))
        return HKDF(SHA256(), 2 * KEY_BYTES, salt=None, info=transcript).derive(shared)


class PairedKey:
    """One end's keys for opening and sealing. `secret` comes from `X25519Key.agree`; one of the two ends `asks`.

    A `dialect.SymmetricKey`. Raises ValueError for a secret of another length.
    """

    thread_above: ClassVar[int] = 1 << 20
    """A megabyte takes a third of a millisecond."""

    def __init__(self, secret: bytes, *, asks: bool) -> None:
        if len(secret) != 2 * KEY_BYTES:
            raise ValueError(f"a shared secret must have {2 * KEY_BYTES} bytes, not {len(secret)}")
        halves = secret[:KEY_BYTES], secret[KEY_BYTES:]
        to_open, to_seal = reversed(halves) if asks else halves
        self.secret = secret
        self._opening = ChaCha20Poly1305(to_open)
        self._sealing = ChaCha20Poly1305(to_seal)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PairedKey) and compare_digest(self.secret, other.secret)

    def __hash__(self) -> int:
        return hash(self.secret)

    def decoded(self, token: bytes) -> bytes:
        """The message, which ends in its tag. Raises Refusal 401."""
        if len(token) < NONCE_BYTES + TAG_BYTES:
            raise Refusal(401, "the message is too short to be sealed")
        return token

    def open(self, sealed: bytes, bound: bytes | None = None) -> bytes:
        """The decrypted message. `bound` is what it was sealed with.

        Raises Refusal 401.
        """
        try:
            return self._opening.decrypt(sealed[:NONCE_BYTES], memoryview(sealed)[NONCE_BYTES:], bound)
        except (InvalidTag, ValueError):
            raise Refusal(401, "the message cannot be opened with this key: shake hands again") from None

    def seal(self, clear: bytes, bound: bytes | None = None) -> bytes:
        """`bound` is not sent, and the message opens only with the same.

        It is written where it is to stand: to copy a large message can cost more than to seal it.
        """
        nonce = time.time_ns().to_bytes(8) + os.urandom(NONCE_BYTES - 8)
        room = BytesIO(bytes(NONCE_BYTES + len(clear) + TAG_BYTES))
        with room.getbuffer() as sealed:
            sealed[:NONCE_BYTES] = nonce
            self._sealing.encrypt_into(nonce, clear, bound, sealed[NONCE_BYTES:])
        return room.getvalue()
