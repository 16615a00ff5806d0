"""Messages to one peer under a key that we bring it: the caller's end of Loosh's dialects B and C.

The caller makes a Fernet key, seals it for the peer's RSA key, and signs `timestamp.hotkey.uuid`. Nothing is ever sent
in clear. In dialect C a validator calls a Challenge API, in dialect B a Challenge API calls a validator.
"""

import asyncio
import base64
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec
from cryptography.fernet import Fernet

from engine import foreign_json
from engine.foreign_json import fields
from engine.keys import Signer, signature_hex
from engine.transport.challenge_api import OK, ChallengeApiError, told_by
from engine.transport.description import OCTETS
from engine.transport.rsa import FernetSession, read_public_key, seal_key
from engine.transport.sessions import KEY_TTL_S

PUBLIC_KEY_PATH = "/fiber/public-key"
KEY_EXCHANGE_PATH = "/fiber/key-exchange"
KEY_UUID_HEADER = "symmetric-key-uuid"
HOTKEY_HEADER = "hotkey-ss58-address"

VALIDATORS_FIELD = "validator_hotkey_ss58"
PUSHERS_FIELD = "hotkey_ss58"
"""What a key exchange calls the hotkey of a validator (dialect C), and of a Challenge API (dialect B)."""

MARGIN_S = 60.0
"""A key is renewed before it ends, as Loosh's validator does it."""

TAKEN = (200, 201)
CONFLICT = 409
NO_SUCH_KEY = 401
PASSING = (404, 429, 500, 502, 503, 504)
"""What may be over at the next try."""

Call = Callable[[str, str, Mapping[str, str], bytes], Awaitable[tuple[int, bytes]]]
"""Method, path, headers and body of a request to the peer, to the status and the body of its answer. Raises
ChallengeApiError."""


class Passing(ChallengeApiError):
    """It may be over at the next try."""


class SealedCalls:
    """What `signer` sends through `call`; `named_in` is the field in which a key exchange names its hotkey."""

    def __init__(self, call: Call, signer: Signer, *, named_in: str) -> None:
        self._call = call
        self._signer = signer
        self._named_in = named_in
        self._session: FernetSession | None = None
        self._until = 0.0
        self._shaking = asyncio.Lock()

    async def deliver(self, path: str, clear: bytes, pauses: tuple[float, ...] = ()) -> Literal["taken", "known"]:
        """ "known" if the peer has had it already. Tried again after each of the `pauses` where that may help.

        Raises ChallengeApiError once all tries have failed, Passing where another time may be better.
        """
        for pause in (*pauses, None):
            try:
                return await self._delivered(path, clear)
            except Passing:
                if pause is None:
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _delivered(self, path: str, clear: bytes) -> Literal["taken", "known"]:
        """A key that the peer does not know is exchanged anew, once."""
        session = await self._shaken()
        status, said = await self._post(session, path, clear)
        if status == NO_SUCH_KEY:
            status, said = await self._post(await self._shaken(lost=session), path, clear)
        if status in TAKEN:
            return "taken"
        if status == CONFLICT:
            return "known"
        raise _refused("", status, said)

    async def _post(self, session: FernetSession, path: str, clear: bytes) -> tuple[int, bytes]:
        headers = {
            "Content-Type": OCTETS,
            KEY_UUID_HEADER: session.key_uuid,
            HOTKEY_HEADER: self._signer.ss58_address,
        }
        return await self._called("POST", path, headers, session.fernet.encrypt(clear))

    async def _shaken(self, lost: FernetSession | None = None) -> FernetSession:
        async with self._shaking:
            if self._session is None or self._session is lost or time.monotonic() >= self._until:
                self._session = await self._shake()
                self._until = time.monotonic() + KEY_TTL_S - MARGIN_S
            return self._session

    async def _shake(self) -> FernetSession:
        """Raises ChallengeApiError."""
        status, said = await self._called("GET", PUBLIC_KEY_PATH, {})
        pem = _object(said).get("public_key")
        if status != OK or not isinstance(pem, str):
            raise _refused("public key: ", status, said)
        try:
            public_key = read_public_key(pem)
        except ValueError as error:
            raise ChallengeApiError(f"public key: {error}") from None
        key, key_uuid, timestamp = Fernet.generate_key(), str(uuid.uuid4()), time.time()
        hotkey = self._signer.ss58_address
        exchange = {
            "encrypted_symmetric_key": base64.b64encode(seal_key(public_key, key)).decode(),
            "key_uuid": key_uuid,
            "timestamp": timestamp,
            "signature": signature_hex(self._signer, exchanged_text(timestamp, hotkey, key_uuid)).removeprefix("0x"),
            self._named_in: hotkey,
        }
        headers = {"Content-Type": "application/json"}
        status, said = await self._called("POST", KEY_EXCHANGE_PATH, headers, msgspec.json.encode(exchange))
        if status != OK or _object(said).get("success") is not True:
            raise _refused("key exchange: ", status, said)
        return FernetSession(key_uuid, Fernet(key))

    async def _called(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
        try:
            return await self._call(method, path, headers, body)
        except ChallengeApiError as error:
            raise Passing(str(error)) from None


def exchanged_text(timestamp: float, hotkey: str, key_uuid: str) -> bytes:
    """What a key exchange signs, with the timestamp as Python prints a float."""
    return f"{timestamp!r}.{hotkey}.{key_uuid}".encode()


def _refused(what: str, status: int, said: bytes) -> ChallengeApiError:
    kind = Passing if status in PASSING else ChallengeApiError
    return kind(f"{what}{status}{told_by(said)}")


def _object(said: bytes) -> dict[str, object]:
    try:
        return fields(foreign_json.read(said))
    except ValueError:
        return {}
