"""Loosh dialect A: a handshake for a key, then challenges and answers sealed with it, as on the Loosh subnet.

The validator makes a Fernet key, seals it for the miner's RSA key and signs `timestamp.nonce.hotkey`. The signature
covers neither the key nor the recipient: a man in the middle can put his own key into a handshake, or replay it to
another miner while it is fresh. This is inherent in the dialect; the miner's end can only keep the time short.
"""

import asyncio
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Annotated, TypeVar

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from msgspec import Meta, Struct

from engine.keys import SS58_LENGTH, Signer, signature_hex
from engine.transport.description import OCTETS, RouteDoc, fields, sealed
from engine.transport.dialect import (
    EXCHANGE_BYTES,
    Availability,
    ChallengeRoute,
    Dialect,
    HandshakeRoute,
    LookupRoute,
    MinerEnd,
    Probe,
    Received,
    Response,
    Routes,
    SymmetricKey,
    TimedAnswer,
    ValidatorEnd,
)
from engine.transport.errors import Refusal, WireError, misfit
from engine.transport.exchange import ask, availability, gives_key, refused
from engine.transport.gate import Claim
from engine.transport.http import HttpReply, within
from engine.transport.rsa import (
    MAX_KEY_BITS,
    THREAD_ABOVE_BYTES,
    FernetKey,
    FernetSession,
    read_public_key,
    seal_key,
)
from engine.transport.sessions import KEY_TTL_S, Sessions
from engine.transport.wire import Completion, challenge_json, completion_json, load_json, read_completion
from engine.values import Challenge, Peer

PUBLIC_KEY_PATH = "/fiber/public-key"
KEY_EXCHANGE_PATH = "/fiber/key-exchange"
CHALLENGE_PATH = "/fiber/challenge"

VALIDATOR_HEADER = "x-fiber-validator-hotkey-ss58"
MINER_HEADER = "x-fiber-miner-hotkey-ss58"
KEY_UUID_HEADER = "x-fiber-symmetric-key-uuid"
_VALIDATOR, _KEY_UUID = VALIDATOR_HEADER.encode(), KEY_UUID_HEADER.encode()

MAX_UUID_CHARACTERS = 64
"""A UUID has 36 characters; miners of other software may name their keys otherwise."""

HANDSHAKE_TIMEOUT_S = 15.0
"""A quarter of the minute that a miner has to answer: a handshake takes one RSA operation."""

T = TypeVar("T")


class KeyExchange(Struct, frozen=True, kw_only=True):
    """The body of a key exchange. `encrypted_symmetric_key` is hex; `timestamp` is in unix seconds."""

    encrypted_symmetric_key: Annotated[str, Meta(min_length=1, max_length=MAX_KEY_BITS // 4)]
    symmetric_key_uuid: Annotated[str, Meta(min_length=1, max_length=MAX_UUID_CHARACTERS)]
    timestamp: float
    nonce: Annotated[str, Meta(min_length=1, max_length=128)]
    signature: Annotated[str, Meta(max_length=256)]
    validator_hotkey_ss58: Annotated[str, Meta(max_length=SS58_LENGTH)]


class _Claimant(Struct):
    """The part of a key exchange that is read before its hotkey has been checked."""

    validator_hotkey_ss58: str


def new_exchange(
    signer: Signer, public_key: RSAPublicKey, key: bytes, *, key_uuid: str, nonce: str, timestamp: float
) -> bytes:
    """The body of a key exchange for `key` (the 44 characters of a Fernet key)."""
    hotkey = signer.ss58_address
    return msgspec.json.encode(
        KeyExchange(
            encrypted_symmetric_key=seal_key(public_key, key).hex(),
            symmetric_key_uuid=key_uuid,
            timestamp=timestamp,
            nonce=nonce,
            signature=signature_hex(signer, _signed_text(timestamp, nonce, hotkey)),
            validator_hotkey_ss58=hotkey,
        )
    )


def _signed_text(timestamp: float, nonce: str, hotkey: str) -> bytes:
    """The text to sign, with the timestamp as Python prints a float, since the miner rebuilds it from the number."""
    return f"{timestamp!r}.{nonce}.{hotkey}".encode()


# -- the validator's end ---------------------------------------------------------------------------------------


class LooshCaller:
    """Asks miners in Loosh's dialect A. A `dialect.Caller`.

    It never falls back to the clear: without a session nothing is asked. `key_ttl` is the miners', in seconds.
    """

    def __init__(self, end: ValidatorEnd, *, key_ttl: int = KEY_TTL_S) -> None:
        self._signer = end.signer
        self._clients = end.clients
        self._key_ttl = key_ttl
        self._sessions: Sessions[FernetSession] = Sessions(ttl=key_ttl, margin=min(60.0, key_ttl / 2))

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        return await availability(self._clients, peer, timeout=timeout)

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        body = challenge_json(challenge)
        async with within(timeout):
            answer = await ask(
                self._sessions, peer, partial(self._shake, peer), partial(self._send, peer, body, max_bytes)
            )
        if on_text is not None:
            on_text(answer.completion.text)
        return answer

    async def _send(
        self, peer: Peer, body: bytes, max_bytes: int, session: FernetSession
    ) -> tuple[HttpReply, Completion | None]:
        headers = {
            "Content-Type": OCTETS,
            VALIDATOR_HEADER: self._signer.ss58_address,
            KEY_UUID_HEADER: session.key_uuid,
        }
        token = session.fernet.encrypt(body)
        reply = await self._clients.post(peer, CHALLENGE_PATH, token, headers, max_bytes=max_bytes)
        if reply.status in (400, 401):  # the miner does not know the key: 401, or 400 from older ones
            return reply, None
        if not reply.ok:
            raise refused(reply, "challenge")
        if len(reply.body) > THREAD_ABOVE_BYTES:
            return reply, await asyncio.to_thread(self._decrypt, session, reply.body)
        return reply, self._decrypt(session, reply.body)

    def _decrypt(self, session: FernetSession, token: bytes) -> Completion | None:
        try:
            clear = session.fernet.decrypt(token, ttl=self._key_ttl)
        except InvalidToken:
            return None
        return read_completion(clear)

    async def _shake(self, peer: Peer, lost: HttpReply | None) -> FernetSession:
        """Agree on a key, using the RSA key of the reply `lost` that reported the old one missing, if any."""
        async with within(HANDSHAKE_TIMEOUT_S):
            try:
                public_key = read_public_key(_inline_key(lost) or await self._public_key(peer))
            except ValueError as error:
                raise WireError("malformed", f"public key: {error}") from None
            key, key_uuid = Fernet.generate_key(), str(uuid.uuid4())
            body = new_exchange(
                self._signer, public_key, key, key_uuid=key_uuid, nonce=str(uuid.uuid4()), timestamp=time.time()
            )
            reply = await self._clients.post(
                peer, KEY_EXCHANGE_PATH, body, {"Content-Type": "application/json"}, max_bytes=EXCHANGE_BYTES
            )
            if not reply.ok or not load_json(reply.body).get("success"):
                raise refused(reply, "key exchange")
            return FernetSession(key_uuid, Fernet(key))

    async def _public_key(self, peer: Peer) -> str:
        reply = await self._clients.get(peer, PUBLIC_KEY_PATH, max_bytes=EXCHANGE_BYTES)
        if not reply.ok:
            raise refused(reply, "public key")
        pem = load_json(reply.body).get("public_key")
        if not isinstance(pem, str):
            raise WireError("malformed", "public key: none in the reply")
        return pem


def _inline_key(reply: HttpReply | None) -> str | None:
    """The RSA key that a 401 may carry, which saves the handshake a round trip. Used for nothing else."""
    if reply is None or reply.status != 401:
        return None
    try:
        said = load_json(reply.body)
    except WireError:
        return None
    pem = said.get("public_key")
    return pem if isinstance(pem, str) and said.get("requires_handshake") is True else None


# -- the miner's end -------------------------------------------------------------------------------------------


class LooshMiner:
    """The state shared by one miner's routes."""

    def __init__(self, end: MinerEnd) -> None:
        self._rsa = end.rsa
        self._key_ttl = end.key_ttl
        self._header = (MINER_HEADER.encode(), end.signer.ss58_address.encode())

    def public_key(self) -> bytes:
        return msgspec.json.encode({"public_key": self._rsa.pem})

    async def take(self, call: Received) -> tuple[str, SymmetricKey]:
        offer = _exchange(call)
        try:
            key = await self._rsa.unseal(bytes.fromhex(offer.encrypted_symmetric_key))
            return offer.symmetric_key_uuid, FernetKey(key, ttl=self._key_ttl)
        except ValueError:
            raise Refusal(400, "cannot read the symmetric key: hex of RSA-OAEP-SHA256, a Fernet key inside") from None

    def unknown_key(self) -> Refusal:
        """Carries the RSA key, which saves the handshake a round trip."""
        return Refusal(
            401,
            "this symmetric key is unknown or has expired: shake hands again",
            extra={"public_key": self._rsa.pem, "requires_handshake": True},
        )

    def respond(self, call: Received, key: SymmetricKey | None, completion: Completion) -> Response:
        if key is None:
            raise TypeError("an answer in this dialect is sealed")
        echo = (_KEY_UUID, _key_uuid(call).encode("latin-1"))
        return Response(key.seal(completion_json(completion)), OCTETS.encode(), (echo, self._header))


def _routes(end: MinerEnd) -> Routes:
    miner = LooshMiner(end)
    return Routes(
        routes=(
            LookupRoute(
                PUBLIC_KEY_PATH, miner.public_key, RouteDoc(about="This miner's RSA key", answers=fields("public_key"))
            ),
            HandshakeRoute(
                path=KEY_EXCHANGE_PATH,
                claimant=_claimant_of_exchange,
                claim=_claim,
                take=miner.take,
                answer=b'{"success":true,"message":"key taken"}',
                doc=RouteDoc(
                    about="A key from a validator, sealed for this miner's RSA key and signed by its hotkey",
                    asks=fields(*KeyExchange.__struct_fields__),
                    answers=fields("success", "message"),
                ),
            ),
            ChallengeRoute(
                path=CHALLENGE_PATH,
                claimant=_claimant,
                key_uuid=_key_uuid,
                unknown_key=miner.unknown_key,
                respond=miner.respond,
                doc=RouteDoc(
                    about="A challenge and its answer, both sealed with an exchanged key",
                    headers=(VALIDATOR_HEADER, KEY_UUID_HEADER),
                    asks=sealed("Challenge"),
                    answers=sealed("Reply"),
                ),
            ),
        ),
        window=end.window,
        key_ttl=end.key_ttl,
        denied=400,
        key_of=partial(FernetKey.of, ttl=end.key_ttl),
    )


def _claimant_of_exchange(call: Received) -> str:
    return _converted(call, _Claimant).validator_hotkey_ss58


def _claim(call: Received) -> Claim:
    offer = _exchange(call)
    return Claim(
        hotkey=offer.validator_hotkey_ss58,
        timestamp=offer.timestamp,
        nonce=offer.nonce,
        message=_signed_text(offer.timestamp, offer.nonce, offer.validator_hotkey_ss58),
        signature=offer.signature,
    )


def _exchange(call: Received) -> KeyExchange:
    return _converted(call, KeyExchange)


def _converted(call: Received, kind: type[T]) -> T:
    try:
        return msgspec.convert(load_json(call.body, max_bytes=EXCHANGE_BYTES), kind)
    except WireError as error:
        raise Refusal(413 if error.status == "too_large" else 422, error.reason) from None
    except msgspec.ValidationError as error:
        raise Refusal(422, misfit(error)) from None


def _claimant(call: Received) -> str:
    hotkey, key_uuid = call.header(_VALIDATOR), call.header(_KEY_UUID)
    if hotkey is None or key_uuid is None:
        given = ((VALIDATOR_HEADER, hotkey), (KEY_UUID_HEADER, key_uuid))
        raise Refusal(422, [_missing(name) for name, value in given if value is None])
    return hotkey


def _key_uuid(call: Received) -> str:
    return call.header(_KEY_UUID) or ""


def _missing(header: str) -> dict[str, object]:
    return {"type": "missing", "loc": ["header", header], "msg": "Field required", "input": None}


LOOSH = Dialect("loosh", LooshCaller, _routes, (Probe(PUBLIC_KEY_PATH, gives_key),))
