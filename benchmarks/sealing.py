"""What our own dialect's cryptography costs, as a part of what Fiber's costs: RSA and Fernet, of the package.

Both are done in turns, and the quickest counts, so that a busy machine slows neither.
"""

import os
import timeit
from collections.abc import Callable

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from benchmarks.figures import Figure
from engine.transport.rsa import new_private_key, seal_key
from engine.transport.x25519 import KEY_BYTES, NONCE_BYTES, TAG_BYTES, PairedKey, X25519Key

TURNS = 20
IN_A_ROW = 5
"""The first one finds the caches full of the other's data."""

OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
BODIES = {"64 KiB": 1 << 16, "256 KiB": 1 << 18, "1 MiB": 1 << 20, "8 MiB": 1 << 23}
"""Bytes of a long conversation, of one with pictures, and of the longest."""

HANDSHAKE = 1 / 8
BODY = 1 / 27
"""Measured in the field with the same library, on a processor without fast RSA."""


def measure() -> list[Figure]:
    """A handshake at the miner, and large bodies sealed and opened; beside each, what its primitive alone costs."""
    figures = [
        Figure("own: a key taken at the miner, of Fiber's", _part(*_handshakes()), "x", HANDSHAKE),
        Figure("own: X25519 alone, of Fiber's", _part(_exchange(), _handshakes()[1]), "x"),
    ]
    for size, length in BODIES.items():
        ours, primitive, theirs = _bodies(length)
        figures += [
            Figure(f"own: {size} sealed and opened, of Fernet's", _part(ours, theirs), "x", BODY),
            Figure(f"own: {size} by ChaCha20-Poly1305 alone, of Fernet's", _part(primitive, theirs), "x"),
        ]
    return figures


def _handshakes() -> tuple[Callable[[], object], Callable[[], object]]:
    private = new_private_key()
    sealed = seal_key(private.public_key(), os.urandom(KEY_BYTES))
    ours, theirs = X25519Key(), X25519Key().public
    return lambda: ours.agree(theirs, b"transcript"), lambda: private.decrypt(sealed, OAEP)


def _exchange() -> Callable[[], object]:
    ours, theirs = X25519PrivateKey.generate(), X25519PrivateKey.generate().public_key()
    return lambda: ours.exchange(theirs)


def _bodies(length: int) -> tuple[Callable[[], object], Callable[[], object], Callable[[], object]]:
    """Our dialect's sealing and opening, that of its primitive with room that is there already, and Fernet's."""
    body, secret, fernet = os.urandom(length), os.urandom(2 * KEY_BYTES), Fernet(Fernet.generate_key())
    asking, answering = PairedKey(secret, asks=True), PairedKey(secret, asks=False)
    cipher, nonce = ChaCha20Poly1305(secret[:KEY_BYTES]), secret[:NONCE_BYTES]
    sealed, opened = bytearray(length + TAG_BYTES), bytearray(length)

    def primitive() -> None:
        cipher.encrypt_into(nonce, body, None, sealed)
        cipher.decrypt_into(nonce, sealed, None, opened)

    return lambda: answering.open(asking.seal(body)), primitive, lambda: fernet.decrypt(fernet.encrypt(body))


def _part(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    turns = [(_seconds(ours), _seconds(theirs)) for _ in range(TURNS)]
    return min(mine for mine, _ in turns) / min(its for _, its in turns)


def _seconds(work: Callable[[], object]) -> float:
    return min(timeit.repeat(work, number=1, repeat=IN_A_ROW))
