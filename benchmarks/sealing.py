"""What our own dialect's cryptography costs, as a part of what Fiber's costs: RSA and Fernet, of the package.

Both are done in turns, and the quickest counts, so that a busy machine slows neither.
"""

import os
import timeit
from collections.abc import Callable

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from benchmarks.figures import Figure
from engine.transport.rsa import new_private_key, seal_key
from engine.transport.x25519 import KEY_BYTES, PairedKey, X25519Key

TURNS = 50
IN_A_ROW = 5
"""The first one finds the caches full of the other's data."""

OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
LARGE = 256 * 1024
"""Bytes of a long conversation."""

HANDSHAKE = 1 / 8
BODY = 1 / 27
"""Measured in the field with the same library, on a processor without fast RSA."""


def measure() -> list[Figure]:
    """A handshake at the miner, and a large body sealed and opened."""
    return [
        Figure("own: a key taken at the miner, of Fiber's", _part(*_handshakes()), "x", HANDSHAKE),
        Figure("own: 256 KiB sealed and opened, of Fernet's", _part(*_bodies()), "x", BODY),
    ]


def _handshakes() -> tuple[Callable[[], object], Callable[[], object]]:
    private = new_private_key()
    sealed = seal_key(private.public_key(), os.urandom(KEY_BYTES))
    ours, theirs = X25519Key(), X25519Key().public
    return lambda: ours.agree(theirs, b"transcript"), lambda: private.decrypt(sealed, OAEP)


def _bodies() -> tuple[Callable[[], object], Callable[[], object]]:
    body, secret, fernet = os.urandom(LARGE), os.urandom(2 * KEY_BYTES), Fernet(Fernet.generate_key())
    asking, answering = PairedKey(secret, asks=True), PairedKey(secret, asks=False)
    return lambda: answering.open(asking.seal(body)), lambda: fernet.decrypt(fernet.encrypt(body))


def _part(ours: Callable[[], object], theirs: Callable[[], object]) -> float:
    turns = [(_seconds(ours), _seconds(theirs)) for _ in range(TURNS)]
    return min(mine for mine, _ in turns) / min(its for _, its in turns)


def _seconds(work: Callable[[], object]) -> float:
    return min(timeit.repeat(work, number=1, repeat=IN_A_ROW))
