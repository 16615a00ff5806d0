"""A caller's key, sealed for the miner's RSA key (OAEP, MGF1 with SHA-256), and Fernet for messages.

Loosh and Fiber classic share these but encode them differently.
"""

import asyncio
import base64
import binascii
import os
import time
from concurrent.futures import ThreadPoolExecutor
from hmac import compare_digest
from typing import ClassVar, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.hmac import HMAC
from msgspec import Struct

from engine.transport.errors import Refusal
from engine.transport.gate import clocks_apart

KEY_BITS = 2048
MAX_KEY_BITS = 4096
"""Fiber's keys have 2048 bits; a larger one than 4096 costs more to use than it protects."""

MAX_PEM_CHARACTERS = 2048
"""A 4096-bit key has 800."""

THREAD_ABOVE_BYTES = 64 * 1024
"""A sealed body larger than this takes over a millisecond to open, and is opened in a thread."""

_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="rsa")


class RsaKey:
    """A miner's RSA key. It is new at each start; the callers' keys may outlive it (`kept_keys`)."""

    def __init__(self) -> None:
        self._private: rsa.RSAPrivateKey | None = None
        self._pem = ""

    async def start(self) -> None:
        """Make the key."""
        self._private = await asyncio.get_running_loop().run_in_executor(_threads, new_private_key)
        self._pem = public_pem(self._private)

    @property
    def pem(self) -> str:
        """The public half. Raises Refusal until `start` is done."""
        self._made()
        return self._pem

    async def unseal(self, sealed: bytes) -> bytes:
        """Unseal a message for this key; a millisecond in a thread. Raises ValueError, Refusal before `start`."""
        return await asyncio.get_running_loop().run_in_executor(_threads, self._made().decrypt, sealed, _OAEP)

    def _made(self) -> rsa.RSAPrivateKey:
        if self._private is None:
            raise Refusal(503, "the miner is starting: try again shortly")
        return self._private


VERSION = b"\x80"
AHEAD_S = 60
"""How far Fernet lets a token's clock be ahead of ours."""

KEY_BYTES = BLOCK_BYTES = 16
CLEAR_BYTES = 9
"""The version and 8 bytes of unix seconds; then come the initialization vector and the message."""

MAC_BYTES = 32
"""Of HMAC-SHA256."""

UNREADABLE = "the challenge cannot be decrypted with this key: shake hands again"

_STANDARD = bytes.maketrans(b"-_", b"+/")
"""From the alphabet of base64 that Fernet uses to the one that is decoded."""


class FernetKey:
    """A key brought by a caller; it opens nothing sealed more than `ttl` seconds ago.

    Keys with the same bytes are equal, however their base64 is written. Raises ValueError if it is not a Fernet key.
    """

    thread_above: ClassVar[int] = THREAD_ABOVE_BYTES

    def __init__(self, key: bytes, *, ttl: float) -> None:
        self._bytes = base64.urlsafe_b64decode(key)
        if len(self._bytes) != 2 * KEY_BYTES:
            raise ValueError("a Fernet key must be 32 url-safe base64-encoded bytes")
        self._ttl = int(ttl)
        self._mac = HMAC(self._bytes[:KEY_BYTES], hashes.SHA256())
        # Never ended: a new context costs several times as much as AES for a whole challenge. A block in CBC depends on
        # the one before it and on nothing earlier. So the initialization vector is passed as the block before the
        # message, in the same call, and whatever went through the context before does not matter.
        self._encryptor = self._cbc.encryptor()
        self._decryptors: list[CipherContext] = []  # none is in the hands of two threads

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FernetKey) and compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> int:
        return hash(self._bytes)

    @classmethod
    def of(cls, secret: bytes, *, ttl: float) -> Self:
        """The key with these 32 bytes. Raises ValueError for anything else."""
        return cls(base64.urlsafe_b64encode(secret), ttl=ttl)

    @property
    def secret(self) -> bytes:
        return self._bytes

    @property
    def _cbc(self) -> "Cipher[modes.CBC]":
        return Cipher(algorithms.AES(self._bytes[KEY_BYTES:]), modes.CBC(bytes(BLOCK_BYTES)))

    def decoded(self, token: bytes) -> bytes:
        """Decoded as Fernet does, which skips line ends and anything else that is not base64. Raises Refusal 401."""
        try:
            return binascii.a2b_base64(token.translate(_STANDARD))
        except binascii.Error:
            raise Refusal(401, UNREADABLE) from None

    def open(self, sealed: bytes) -> bytes:
        """What `Fernet.decrypt` returns, in half its time; a megabyte takes some milliseconds.

        Raises Refusal 401, which says if a clock is off.
        """
        signed, mac = sealed[:-MAC_BYTES], self._mac.copy()
        mac.update(signed)
        if signed[:1] != VERSION or not compare_digest(mac.finalize(), sealed[-MAC_BYTES:]):
            raise Refusal(401, UNREADABLE)
        sent, now = int.from_bytes(signed[1:CLEAR_BYTES], "big"), time.time()
        if not int(now) - self._ttl <= sent <= int(now) + AHEAD_S:
            raise Refusal(401, f"{clocks_apart(now - sent)}: set your clock")
        blocks = signed[CLEAR_BYTES:]
        if len(blocks) < 2 * BLOCK_BYTES or len(blocks) % BLOCK_BYTES:
            raise Refusal(401, UNREADABLE)
        try:
            decryptor = self._decryptors.pop()
        except IndexError:
            decryptor = self._cbc.decryptor()
        padded = decryptor.update(blocks)[BLOCK_BYTES:]
        self._decryptors.append(decryptor)
        fill = padded[-1]
        if not 0 < fill <= BLOCK_BYTES or not padded.endswith(bytes([fill]) * fill):
            raise Refusal(401, UNREADABLE)
        return padded[:-fill]

    def seal(self, clear: bytes) -> bytes:
        """What `Fernet.encrypt` returns, in two thirds of its time. Not for several threads at once.

        The initialization vector is an encrypted random block, which is as random and unknown before.
        """
        fill = BLOCK_BYTES - len(clear) % BLOCK_BYTES
        sealed = self._encryptor.update(b"".join((os.urandom(BLOCK_BYTES), clear, bytes([fill]) * fill)))
        signed, mac = b"".join((VERSION, int(time.time()).to_bytes(8, "big"), sealed)), self._mac.copy()
        mac.update(signed)
        return base64.urlsafe_b64encode(signed + mac.finalize())


class FernetSession(Struct, frozen=True):
    """A validator's key at one miner."""

    key_uuid: str
    fernet: Fernet


def new_private_key() -> rsa.RSAPrivateKey:
    """Takes a tenth of a second or more: call it in a thread."""
    return rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)


def public_pem(private_key: rsa.RSAPrivateKey) -> str:
    """PEM, SubjectPublicKeyInfo."""
    return (
        private_key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def read_public_key(pem: str) -> rsa.RSAPublicKey:
    """A peer's RSA key of 2048 to 4096 bits. Raises ValueError, in words, for anything else."""
    if len(pem) > MAX_PEM_CHARACTERS or not pem.isascii():
        raise ValueError(f"not a PEM of at most {MAX_PEM_CHARACTERS} characters")
    if not pem.lstrip().startswith("-----BEGIN PUBLIC KEY-----"):
        raise ValueError("not a PEM public key (SubjectPublicKeyInfo)")
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("the PEM holds no key") from None
    if not isinstance(key, rsa.RSAPublicKey) or not KEY_BITS <= key.key_size <= MAX_KEY_BITS:
        raise ValueError(f"not an RSA key of {KEY_BITS} to {MAX_KEY_BITS} bits")
    if not 3 <= key.public_numbers().e < 2**32:
        raise ValueError("the RSA exponent is out of bounds")
    return key


def seal_key(public_key: rsa.RSAPublicKey, key: bytes) -> bytes:
    """A symmetric key, encrypted for the holder of the private key (OAEP with SHA-256)."""
    return public_key.encrypt(key, _OAEP)
