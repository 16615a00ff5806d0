"""Batches of answers on their way to a Challenge API, sealed in Loosh's dialect C.

The validator makes a Fernet key, seals it for the API's RSA key, and signs `timestamp.hotkey.uuid`. Unlike Loosh's own,
this end never sends answers in clear.
"""

import asyncio
import base64
import time
import uuid
from collections.abc import Mapping
from typing import Literal

import msgspec
from cryptography.fernet import Fernet

from engine import foreign_json
from engine.foreign_json import fields
from engine.keys import Signer, signature_hex
from engine.transport.challenge_api import OK, ChallengeApiError, fetch, told_by
from engine.transport.description import OCTETS
from engine.transport.rsa import FernetSession, read_public_key, seal_key
from engine.transport.sessions import KEY_TTL_S

PUBLIC_KEY_PATH = "/fiber/public-key"
KEY_EXCHANGE_PATH = "/fiber/key-exchange"
BATCH_PATH = "/fiber/response/batch"
KEY_UUID_HEADER = "symmetric-key-uuid"
HOTKEY_HEADER = "hotkey-ss58-address"

MARGIN_S = 60.0
"""A key is renewed before it ends, as Loosh's validator does it."""

PAUSES_S = (2.0, 4.0, 8.0)
"""Between tries, as Loosh's validator waits."""

TAKEN = (200, 201)
CONFLICT = 409
NO_SUCH_KEY = 401
PASSING = (404, 500, 502, 503, 504)
"""What may be over at the next try."""


class BatchSender:
    """Sends batches to the Challenge API at the base `url` as `signer`."""

    def __init__(self, url: str, signer: Signer, *, pauses: tuple[float, ...] = PAUSES_S) -> None:
        self._url = url.rstrip("/")
        self._signer = signer
        self._pauses = pauses
        self._session: FernetSession | None = None
        self._until = 0.0
        self._shaking = asyncio.Lock()

    async def send(self, batch: Mapping[str, object]) -> Literal["taken", "known"]:
        """ "known" if the challenge has been answered already. Raises ChallengeApiError once all tries have failed."""
        body = msgspec.json.encode(batch)
        for pause in (*self._pauses, None):
            try:
                status, said = await self._sent(body)
                if status in TAKEN:
                    return "taken"
                if status == CONFLICT:
                    return "known"
                error = ChallengeApiError(f"{status}{told_by(said)}")
                if status not in PASSING:
                    raise error
            except _Passing as passing:
                error = ChallengeApiError(str(passing))
            if pause is not None:
                await asyncio.sleep(pause)
        raise error

    async def _sent(self, body: bytes) -> tuple[int, bytes]:
        """What is said to a batch. A key that the API does not know is exchanged anew, once."""
        session = await self._shaken()
        status, said = await self._post(session, body)
        if status == NO_SUCH_KEY:
            status, said = await self._post(await self._shaken(lost=session), body)
        return status, said

    async def _post(self, session: FernetSession, body: bytes) -> tuple[int, bytes]:
        headers = {
            "Content-Type": OCTETS,
            KEY_UUID_HEADER: session.key_uuid,
            HOTKEY_HEADER: self._signer.ss58_address,
        }
        return await _called("POST", self._url + BATCH_PATH, headers, session.fernet.encrypt(body))

    async def _shaken(self, lost: FernetSession | None = None) -> FernetSession:
        async with self._shaking:
            if self._session is None or self._session is lost or time.monotonic() >= self._until:
                self._session = await self._shake()
                self._until = time.monotonic() + KEY_TTL_S - MARGIN_S
            return self._session

    async def _shake(self) -> FernetSession:
        """Raises ChallengeApiError."""
        status, said = await _called("GET", self._url + PUBLIC_KEY_PATH, {})
        pem = _object(said).get("public_key")
        if status != OK or not isinstance(pem, str):
            raise _refused("public key", status, said)
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
            "validator_hotkey_ss58": hotkey,
        }
        headers = {"Content-Type": "application/json"}
        status, said = await _called("POST", self._url + KEY_EXCHANGE_PATH, headers, msgspec.json.encode(exchange))
        if status != OK or _object(said).get("success") is not True:
            raise _refused("key exchange", status, said)
        return FernetSession(key_uuid, Fernet(key))


class _Passing(ChallengeApiError):
    """It may be over at the next try."""


def exchanged_text(timestamp: float, hotkey: str, key_uuid: str) -> bytes:
    """What a key exchange signs, with the timestamp as Python prints a float."""
    return f"{timestamp!r}.{hotkey}.{key_uuid}".encode()


async def _called(method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> tuple[int, bytes]:
    try:
        return await fetch(method, url, headers, body)
    except ChallengeApiError as error:
        raise _Passing(str(error)) from None


def _refused(what: str, status: int, said: bytes) -> ChallengeApiError:
    kind = _Passing if status in PASSING else ChallengeApiError
    return kind(f"{what}: {status}{told_by(said)}")


def _object(said: bytes) -> dict[str, object]:
    try:
        return fields(foreign_json.read(said))
    except ValueError:
        return {}
