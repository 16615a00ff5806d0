"""Loosh dialect A, the miner's end: take keys from validators, open what they seal, seal what goes back.

It knows nothing of HTTP servers: bodies and header values in, bytes out, `Refused` for everything else.
"""

import asyncio
import base64
import binascii
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from hmac import compare_digest

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.asymmetric import rsa

from engine.keys import Signer
from engine.snapshot import SessionView
from engine.transport.errors import Refused, WireError, brief
from engine.transport.gate import Gate, GateClosed, clocks_apart
from engine.transport.loosh.handshake import (
    EXCHANGE_BYTES,
    MAX_UUID_CHARACTERS,
    KeyExchange,
    new_private_key,
    public_pem,
    unseal_key,
)
from engine.transport.replay import NonceStore
from engine.transport.sessions import KEY_TTL_S, KeyRing
from engine.transport.wire import load_json

WINDOW_S = 60.0
MAX_EXCHANGES = 64
MAX_BODY_BYTES = 1024 * 1024

_GATE_STATUS = {"allow-list": 403, "store": 503}
_rsa_threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="rsa")


class LooshDesk:
    """Serves validators in Loosh's dialect A. A `dialect.Desk`.

    `allowed` says why a hotkey may not call, None if it may. `window` bounds a handshake's timestamp, in seconds
    either way: 60 by default, by as much as a sealed message may be ahead of the clock that opens it.
    `key_ttl` is how long a key opens challenges, in seconds. `max_body` bounds a sealed challenge, in bytes.
    The RSA key is new at each start, so validators shake hands again after one.
    """

    def __init__(
        self,
        signer: Signer,
        nonces: NonceStore,
        *,
        allowed: Callable[[str], str | None],
        window: float = WINDOW_S,
        key_ttl: int = KEY_TTL_S,
        max_body: int = MAX_BODY_BYTES,
    ) -> None:
        self.hotkey = signer.ss58_address
        self.max_body = max_body
        self._gate = Gate(nonces, allowed=allowed, window=window)
        self._key_ttl = key_ttl
        self._keys: KeyRing[Fernet] = KeyRing(ttl=key_ttl)
        self._private_key: rsa.RSAPrivateKey | None = None
        self._pem = ""
        self._exchanges = 0

    async def start(self) -> None:
        """Make the RSA key."""
        loop = asyncio.get_running_loop()
        self._private_key = await loop.run_in_executor(_rsa_threads, new_private_key)
        self._pem = public_pem(self._private_key)

    def public_key_pem(self) -> str:
        """Raises Refused before `start` is through."""
        self._rsa()
        return self._pem

    async def exchange(self, body: bytes) -> str:
        """Take a validator's key; its hotkey. Raises Refused: 422, 403, 400, or 503 when too many come at once."""
        offer = _read_exchange(body)
        claim = offer.claim()
        with _gates_as_statuses():
            self._gate.check(claim)
        with self._turn():
            with _gates_as_statuses():
                await self._gate.spend(claim)
            loop = asyncio.get_running_loop()
            try:
                key = await loop.run_in_executor(_rsa_threads, unseal_key, self._rsa(), offer.encrypted_symmetric_key)
                fernet = _Key(key)
            except ValueError:
                raise Refused(
                    400, "the symmetric key cannot be read: hex of RSA-OAEP-SHA256, a Fernet key inside"
                ) from None
        self._keys.put(claim.hotkey, offer.symmetric_key_uuid, fernet)
        return claim.hotkey

    def open(self, hotkey: str, key_uuid: str, token: bytes) -> bytes:
        """The challenge in a sealed body, which is opened once. Takes about 16 ms for a megabyte; may be called in a
        thread.

        Raises Refused: 403, 413, 409 for a body that was opened before, or 401, which tells how to shake hands again.
        409 is none of the statuses at which a validator of the field shakes hands again.
        """
        with _gates_as_statuses():
            self._gate.admit(hotkey)
        if len(token) > self.max_body:
            raise Refused(413, f"a body of {len(token)} bytes, at most {self.max_body} are read")
        fernet = self._keys.to_open(hotkey, key_uuid) if len(key_uuid) <= MAX_UUID_CHARACTERS else None
        if fernet is None:
            raise self._unknown_key()
        try:
            mark = _mark(token)
            if self._keys.was_opened(hotkey, key_uuid, mark):
                raise _opened_before()
            clear = fernet.decrypt(token, ttl=self._key_ttl)
        except InvalidToken:
            raise Refused(401, _unreadable(fernet, token)) from None
        if not self._keys.note_opened(hotkey, key_uuid, mark):
            raise _opened_before()
        return clear

    def knows(self, hotkey: str, key_uuid: str) -> bool:
        """Whether this key would open a challenge now."""
        return self._keys.to_open(hotkey, key_uuid) is not None

    def seal(self, hotkey: str, key_uuid: str, clear: bytes) -> bytes:
        """The answer's body, also when the key expired meanwhile. Raises Refused if the key is gone."""
        fernet = self._keys.to_seal(hotkey, key_uuid)
        if fernet is None:
            raise self._unknown_key()
        return fernet.encrypt(clear)

    def sessions(self) -> tuple[SessionView, ...]:
        return self._keys.views()

    def _unknown_key(self) -> Refused:
        return Refused(
            401,
            "no such symmetric key (any more): shake hands again",
            {"public_key": self.public_key_pem(), "requires_handshake": True},
        )

    def _rsa(self) -> rsa.RSAPrivateKey:
        if self._private_key is None:
            raise Refused(503, "the miner is starting: try again shortly")
        return self._private_key

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._exchanges >= MAX_EXCHANGES:
            raise Refused(503, "too many handshakes at once: try again shortly")
        self._exchanges += 1
        try:
            yield
        finally:
            self._exchanges -= 1


class _Key(Fernet):
    """A Fernet key that equals another of the same bytes, however their base64 is written."""

    def __init__(self, key: bytes) -> None:
        super().__init__(key)
        self._bytes = base64.urlsafe_b64decode(key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> int:
        return hash(self._bytes)


def _read_exchange(body: bytes) -> KeyExchange:
    try:
        return msgspec.convert(load_json(body, max_bytes=EXCHANGE_BYTES), KeyExchange)
    except WireError as error:
        raise Refused(413 if error.status == "too_large" else 422, error.reason) from None
    except msgspec.ValidationError as error:
        raise Refused(422, brief(str(error))) from None


def _mark(token: bytes) -> bytes:
    """What tells a sealed message from all others, however its base64 is written: half of its HMAC.

    Read as Fernet reads it, which passes over line ends and whatever else is not base64. Raises InvalidToken.
    """
    try:
        return base64.urlsafe_b64decode(token)[-16:]
    except binascii.Error:
        raise InvalidToken from None


def _opened_before() -> Refused:
    return Refused(409, "this challenge was sent before: seal it anew")


def _unreadable(fernet: Fernet, token: bytes) -> str:
    """Why a body did not open: another key, or a clock that is off."""
    try:
        ahead = fernet.extract_timestamp(token) - time.time()
    except InvalidToken:
        return "the challenge cannot be decrypted with this key: shake hands again"
    return f"{clocks_apart(-ahead)}: set the clocks"


@contextmanager
def _gates_as_statuses() -> Iterator[None]:
    try:
        yield
    except GateClosed as error:
        raise Refused(_GATE_STATUS.get(error.gate, 400), error.reason) from None
