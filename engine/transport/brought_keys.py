"""Keys that callers bring, and messages sealed with them: the called end of Loosh's dialects B and C.

Loosh's validator does not look at the signature of a handshake, so that anybody may have it ask anything. Here those
who may call sign `timestamp.hotkey.uuid`, in either dialect.
"""

import binascii
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from engine.keys import SS58_LENGTH
from engine.transport.errors import Refusal, WireError, misfit
from engine.transport.gate import WINDOW_S, Claim, Gate, GateClosed
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import MAX_KEY_BITS, FernetKey, RsaKey
from engine.transport.sealed_calls import PUSHERS_FIELD, VALIDATORS_FIELD, exchanged_text
from engine.transport.sessions import KEY_TTL_S
from engine.transport.wire import load_json

MOST_KEYS = 256
"""Of all callers together: each brings one an hour, and a subnet has at most as many validators."""

MOST_SEALED = MAX_KEY_BITS // 6 + 4
"""Characters of base64."""


class _Key(Struct, frozen=True, kw_only=True):
    encrypted_symmetric_key: Annotated[str, Meta(min_length=1, max_length=MOST_SEALED)]
    key_uuid: Annotated[str, Meta(min_length=1, max_length=64)]
    timestamp: float
    signature: Annotated[str, Meta(max_length=256)] = ""


Hotkey = Annotated[str, Meta(max_length=SS58_LENGTH)]


class FromPusher(_Key, frozen=True, kw_only=True):
    """The body of a Challenge API's key exchange with a validator, in dialect B: the key in base64, unix seconds."""

    hotkey: Hotkey = field(name=PUSHERS_FIELD)


class FromValidator(_Key, frozen=True, kw_only=True):
    """The body of a validator's key exchange with a Challenge API, in dialect C."""

    hotkey: Hotkey = field(name=VALIDATORS_FIELD)


Brought = FromPusher | FromValidator


class BroughtKeys:
    """The keys of those that may call, brought in this `form`. `allowed` says why a hotkey may not, or None if it may;
    with `unsigned` signatures are not asked for."""

    def __init__(
        self,
        allowed: Callable[[str], str | None],
        form: type[FromPusher] | type[FromValidator],
        *,
        unsigned: bool = False,
    ) -> None:
        self._form = form
        self._unsigned = unsigned
        self._gate = Gate(MemoryNonces(), allowed=allowed, window=WINDOW_S)
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
        """Take a key. Raises Refusal: 422 for what is no exchange, 403 for who may not call, 400 for a bad key."""
        try:
            brought: Brought = msgspec.convert(load_json(raw), self._form)
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
        self._keys[brought.hotkey, brought.key_uuid] = key, time.monotonic() + KEY_TTL_S
        while len(self._keys) > MOST_KEYS:
            self._keys.popitem(last=False)

    def opened(self, hotkey: str, key_uuid: str, token: bytes) -> dict[str, Any]:
        """What a sealed message says. Raises Refusal: 401 for an unknown key, 400 for what is no JSON object."""
        try:
            return load_json(self.opened_bytes(hotkey, key_uuid, token))
        except WireError as error:
            raise Refusal(400, str(error)) from None

    def opened_bytes(self, hotkey: str, key_uuid: str, token: bytes) -> bytes:
        """A sealed message. Raises Refusal 401 for an unknown key."""
        key = self.require(hotkey, key_uuid)
        return key.open(key.decoded(token))

    def require(self, hotkey: str, key_uuid: str) -> FernetKey:
        """The key, before anything is read that is sealed with it. Raises Refusal 401 for an unknown one."""
        key, until = self._keys.get((hotkey, key_uuid), (None, 0.0))
        if key is None or time.monotonic() >= until:
            raise Refusal(401, "this key is not known, or has expired: exchange it again")
        return key

    async def _prove(self, brought: Brought) -> None:
        """Raises GateClosed."""
        if self._unsigned:
            self._gate.admit(brought.hotkey)
            return
        signature = brought.signature
        claim = Claim(
            hotkey=brought.hotkey,
            timestamp=brought.timestamp,
            nonce=brought.key_uuid,
            message=exchanged_text(brought.timestamp, brought.hotkey, brought.key_uuid),
            signature=signature if signature.startswith("0x") else f"0x{signature}",
        )
        self._gate.check(claim)
        await self._gate.spend(claim)


def pushers(hotkeys: Collection[str], *, unsigned: bool = False) -> BroughtKeys:
    """The keys of the Challenge APIs that may push to a validator."""
    known = frozenset(hotkeys)

    def allowed(hotkey: str) -> str | None:
        return None if hotkey in known else "this hotkey is not among the pushers of this validator"

    return BroughtKeys(allowed, FromPusher, unsigned=unsigned)
