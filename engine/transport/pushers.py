"""The validator's end of Loosh's dialect B: a Challenge API brings a key, and challenges sealed with it.

Loosh's validator does not look at the signature of a handshake, so that anybody may have it ask anything. Here the
hotkeys that may push are named, and sign `timestamp.hotkey.uuid` as validators do in dialect C.
"""

import binascii
import time
from collections import OrderedDict
from collections.abc import Collection
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from engine.keys import SS58_LENGTH
from engine.transport.batches import exchanged_text
from engine.transport.errors import Refusal, WireError, misfit
from engine.transport.gate import WINDOW_S, Claim, Gate, GateClosed
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import MAX_KEY_BITS, FernetKey, RsaKey
from engine.transport.sessions import KEY_TTL_S
from engine.transport.wire import load_json

MOST_KEYS = 64
"""Of all pushers together: each brings one an hour."""

MOST_SEALED = MAX_KEY_BITS // 6 + 4
"""Characters of base64."""


class Brought(Struct, frozen=True, kw_only=True):
    """The body of a key exchange. `encrypted_symmetric_key` is base64; `timestamp` is in unix seconds."""

    encrypted_symmetric_key: Annotated[str, Meta(min_length=1, max_length=MOST_SEALED)]
    key_uuid: Annotated[str, Meta(min_length=1, max_length=64)]
    timestamp: float
    hotkey_ss58: Annotated[str, Meta(max_length=SS58_LENGTH)]
    signature: Annotated[str, Meta(max_length=256)] = ""


class Pushers:
    """The keys of those that may push. `hotkeys` are theirs; with `unsigned` their signatures are not asked for."""

    def __init__(self, hotkeys: Collection[str], *, unsigned: bool = False) -> None:
        self._hotkeys = frozenset(hotkeys)
        self._unsigned = unsigned
        self._gate = Gate(MemoryNonces(), allowed=self._refusal, window=WINDOW_S)
        self._rsa = RsaKey()
        self._keys: OrderedDict[tuple[str, str], tuple[FernetKey, float]] = OrderedDict()

    async def start(self) -> None:
        """Make the RSA key."""
        await self._rsa.start()

    def __len__(self) -> int:
        now = time.monotonic()
        return sum(now < until for _, until in self._keys.values())

    @property
    def pem(self) -> str:
        """The public key. Raises Refusal 503 before `start`."""
        return self._rsa.pem

    async def exchange(self, raw: bytes) -> None:
        """Take a key. Raises Refusal: 422 for what is no exchange, 403 for who may not push, 400 for a bad key."""
        try:
            brought = msgspec.convert(load_json(raw), Brought)
        except WireError as error:
            raise Refusal(422, error.reason) from None
        except msgspec.ValidationError as error:
            raise Refusal(422, misfit(error)) from None
        try:
            await self._prove(brought)
        except GateClosed as closed:
            raise Refusal(403, closed.reason, gate=closed.gate) from None
        try:
            sealed = binascii.a2b_base64(brought.encrypted_symmetric_key, strict_mode=True)
            key = FernetKey(await self._rsa.unseal(sealed), ttl=KEY_TTL_S)
        except ValueError:
            raise Refusal(400, "the key cannot be unsealed: seal a Fernet key for this public key, in base64") from None
        self._keys[brought.hotkey_ss58, brought.key_uuid] = key, time.monotonic() + KEY_TTL_S
        while len(self._keys) > MOST_KEYS:
            self._keys.popitem(last=False)

    def opened(self, hotkey: str, key_uuid: str, token: bytes) -> dict[str, Any]:
        """What a challenge says. Raises Refusal: 401 for an unknown key, 400 for what is no JSON object."""
        key, until = self._keys.get((hotkey, key_uuid), (None, 0.0))
        if key is None or time.monotonic() >= until:
            raise Refusal(401, "this key is not known, or has expired: exchange it again")
        clear = key.open(key.decoded(token))
        try:
            return load_json(clear)
        except WireError as error:
            raise Refusal(400, str(error)) from None

    async def _prove(self, brought: Brought) -> None:
        """Raises GateClosed."""
        if self._unsigned:
            self._gate.admit(brought.hotkey_ss58)
            return
        signature = brought.signature
        claim = Claim(
            hotkey=brought.hotkey_ss58,
            timestamp=brought.timestamp,
            nonce=brought.key_uuid,
            message=exchanged_text(brought.timestamp, brought.hotkey_ss58, brought.key_uuid),
            signature=signature if signature.startswith("0x") else f"0x{signature}",
        )
        self._gate.check(claim)
        await self._gate.spend(claim)

    def _refusal(self, hotkey: str) -> str | None:
        return None if hotkey in self._hotkeys else "this hotkey is not among the pushers of this validator"
