"""Fiber classic, versions 2.1 to 2.5 of the package `fiber`: challenges sealed or in the clear, answers in the clear.

A validator makes a key, seals it for the miner's RSA key and signs `nonce:miner:key uuid`, which it repeats for each
sealed challenge; in the clear it signs `nonce:miner:sha256 of the body`. A nonce begins with the unix time in ns. No
signature covers the path, nor does a handshake's cover the key. So requests signed for another miner are refused, as
Fiber does since 2.1.1 in the clear: otherwise a miner could pass a handshake on to us, with a key of its own, and be
served in the validator's name. Where Fiber answers 500, this miner answers 400 or 401.
"""

import base64
import binascii
import os
import secrets
import string
import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256

import msgspec
from cryptography.fernet import Fernet
from msgspec import Struct

from engine.keys import Signer, signature_hex
from engine.transport.clear import AnswerEvents, answered_clear
from engine.transport.description import CHALLENGE, RouteDoc, fields, sealed
from engine.transport.dialect import (
    EXCHANGE_BYTES,
    Dialect,
    HandshakeRoute,
    LookupRoute,
    MinerEnd,
    Probe,
    QuestionRoute,
    Received,
    Routes,
    StatusRoute,
    SymmetricKey,
    TimedAnswer,
    ValidatorEnd,
    header_of,
    require_headers,
)
from engine.transport.dialects.own import FIELD, OWN, OwnCaller, OwnSession, offered_key, signed_key
from engine.transport.errors import Refusal, WireError, misfit
from engine.transport.exchange import NO_SUCH_ROUTE, OptionalAvailability, ask, gives_key, refused
from engine.transport.gate import Claim
from engine.transport.http import HttpReply, within
from engine.transport.rsa import FernetKey, FernetSession, read_public_key, seal_key
from engine.transport.sessions import Sessions
from engine.transport.wire import Completion, challenge_json, load_json, read_completion, read_request
from engine.values import Challenge, Peer, Request

PUBLIC_KEY_PATH = "/public-encryption-key"
KEY_EXCHANGE_PATH = "/exchange-symmetric-key"
CHALLENGE_PATH = "/challenge"
STREAM_PATH = "/challenge/stream"
STATUS_PATH = "/status"

KEY_UUID_HEADER = "symmetric-key-uuid"
VALIDATOR_HEADER = "validator-hotkey"
MINER_HEADER = "miner-hotkey"
NONCE_HEADER = "nonce"
SIGNATURE_HEADER = "signature"
SIGNED = (VALIDATOR_HEADER, MINER_HEADER, NONCE_HEADER, SIGNATURE_HEADER)
SEALED = (KEY_UUID_HEADER, *SIGNED)

KEY_BYTES = 32
KEY_TTL_S = 5 * 3600.0
WINDOW_S = 120.0
"""Of Fiber's source: sizes and lifetime of its keys, and how old a nonce may be."""

HANDSHAKE_TIMEOUT_S = 15.0
"""A quarter of the minute that a miner has to answer: a handshake takes one RSA operation."""

IN_THE_CLEAR_S = 60.0
"""One more GET a minute for each miner that hands out no key."""

LONGEST_STAMP = 21
"""Digits of a nonce's time; Fiber accepts none above 10^20."""

LONGEST_NONCE = 256
LONGEST_UUID = 128
"""Fiber's client sends 64 characters; its server accepts any."""

_SUFFIX = string.ascii_letters + string.digits


def _signed_text(nonce: str, miner: str, what: str | None) -> bytes:
    """The text to sign: `what` is a key's uuid, or the SHA-256 of a body in hex; a GET in the clear has neither."""
    return f"{nonce}:{miner}".encode() if what is None else f"{nonce}:{miner}:{what}".encode()


# -- the validator's end ---------------------------------------------------------------------------------------


class InTheClear(Struct, frozen=True):
    """Stands in for a session with a miner that hands out no key: Fiber's signed mode, its default since 2.0.

    The miner is asked for a key again after `IN_THE_CLEAR_S`: a proxy that had no route for a moment, or somebody
    between us, could have said that there is none.
    """


Session = FernetSession | OwnSession | InTheClear


class FiberCaller(OptionalAvailability):
    """Asks miners in Fiber classic: sealed, or signed in the clear if a miner hands out no key; streamed if the text
    is wanted as it arrives. Goes over to our own dialect with those that offer it. A `dialect.Caller`, `Upgrading`."""

    def __init__(self, end: ValidatorEnd) -> None:
        super().__init__(end.clients)
        self._signer = end.signer
        self._own = OwnCaller(end)
        self._sessions: Sessions[Session] = Sessions(ttl=KEY_TTL_S, brief=_brief)

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        """See `Caller.ask`. A miner that has lost the key (400, 401), or the route, gets a new key and the challenge
        again, once."""
        # Fiber's client puts another nonce into the payload, which nobody checks; a peer's model may require it.
        body = b'{"nonce":"%b",' % new_nonce().encode() + challenge_json(challenge).removeprefix(b"{")
        send = partial(self._send, peer, body, max_bytes, on_text)
        async with within(timeout):
            return await ask(self._sessions, peer, partial(self._shake, peer), send)

    def upgraded(self, peer: Peer) -> str:
        return OWN.name if isinstance(self._sessions.held(peer), OwnSession) else ""

    async def _send(
        self,
        peer: Peer,
        body: bytes,
        max_bytes: int,
        on_text: Callable[[str], None] | None,
        session: Session,
    ) -> tuple[HttpReply, Completion | None]:
        if isinstance(session, OwnSession):
            return await self._own.send(peer, body, max_bytes, on_text, session)
        if isinstance(session, InTheClear):
            sent = body
            signed = signed_headers(self._signer, peer.hotkey, sha256(body).hexdigest())
            headers = {"Content-Type": "application/json", **signed}
        else:
            sent = session.fernet.encrypt(body)
            headers = {"Content-Type": "application/octet-stream", **self._headers(peer, session.key_uuid)}
        events = AnswerEvents(on_text) if on_text is not None else None
        path = CHALLENGE_PATH if events is None else STREAM_PATH
        reply = await self._clients.post(
            peer, path, sent, headers, max_bytes=max_bytes, on_piece=None if events is None else events.feed
        )
        if reply.status in (400, 401, *NO_SUCH_ROUTE) and not isinstance(session, InTheClear):
            return reply, None
        if not reply.ok:
            raise refused(reply, "challenge")
        return reply, read_completion(reply.body) if events is None else events.completion()

    async def _shake(self, peer: Peer, _: HttpReply | None) -> Session:
        async with within(HANDSHAKE_TIMEOUT_S):
            reply = await self._clients.get(peer, PUBLIC_KEY_PATH, max_bytes=EXCHANGE_BYTES)
            if reply.status in NO_SUCH_ROUTE:
                return InTheClear()
            if not reply.ok:
                raise refused(reply, "public key")
            said = load_json(reply.body)
            if theirs := offered_key(said.get(FIELD), peer.hotkey):
                return await self._own.exchange(peer, theirs)
            pem = said.get("public_key")
            try:
                public_key = read_public_key(pem if isinstance(pem, str) else "")
            except ValueError as error:
                raise WireError("malformed", f"public key: {error}") from None
            key, key_uuid = os.urandom(KEY_BYTES), secrets.token_hex(KEY_BYTES)
            sealed = base64.b64encode(seal_key(public_key, key)).decode()
            headers = {"Content-Type": "application/json", **self._headers(peer, key_uuid)}
            body = msgspec.json.encode({"encrypted_symmetric_key": sealed})
            reply = await self._clients.post(peer, KEY_EXCHANGE_PATH, body, headers, max_bytes=EXCHANGE_BYTES)
            if not reply.ok:
                raise refused(reply, "key exchange")
            return FernetSession(key_uuid, Fernet(base64.urlsafe_b64encode(key)))

    def _headers(self, peer: Peer, key_uuid: str) -> dict[str, str]:
        return {KEY_UUID_HEADER: key_uuid, **signed_headers(self._signer, peer.hotkey, key_uuid)}


def _brief(session: Session) -> float | None:
    return IN_THE_CLEAR_S if isinstance(session, InTheClear) else None


def new_nonce() -> str:
    """A fresh nonce: the unix time in nanoseconds, then ten random characters."""
    return f"{time.time_ns()}_{''.join(secrets.choice(_SUFFIX) for _ in range(10))}"


def signed_headers(signer: Signer, miner: str, what: str | None) -> dict[str, str]:
    """The four headers of every signed request to `miner`; `what` as in `_signed_text`."""
    nonce = new_nonce()
    return {
        VALIDATOR_HEADER: signer.ss58_address,
        MINER_HEADER: miner,
        NONCE_HEADER: nonce,
        SIGNATURE_HEADER: signature_hex(signer, _signed_text(nonce, miner, what)),
    }


# -- the miner's end -------------------------------------------------------------------------------------------


class _KeyExchange(Struct):
    encrypted_symmetric_key: str


class FiberMiner:
    """The state shared by one miner's routes."""

    def __init__(self, end: MinerEnd) -> None:
        self._rsa = end.rsa
        self._hotkey = end.signer.ss58_address
        self._offer = {} if end.x25519 is None else {FIELD: signed_key(end.signer, end.x25519)}

    def public_key(self) -> bytes:
        return msgspec.json.encode({"public_key": self._rsa.pem, "timestamp": time.time(), **self._offer})

    def sealed_claim(self, call: Received) -> Claim:
        return self._claim(call, _key_uuid(call))

    def signed_claim(self, call: Received) -> Claim:
        return self._claim(call, sha256(call.body).hexdigest())

    def status_claim(self, call: Received) -> Claim:
        """A GET of Fiber 2.4 and later, from its signed mode or, with a key's uuid, from its sealed mode."""
        return self._claim(call, call.header(KEY_UUID_HEADER.encode()))

    def _claim(self, call: Received, what: str | None) -> Claim:
        if header_of(call, MINER_HEADER) != self._hotkey:
            raise Refusal(401, "the request is signed for another miner")
        nonce = header_of(call, NONCE_HEADER)
        return Claim(
            hotkey=header_of(call, VALIDATOR_HEADER),
            timestamp=_stamp(nonce),
            nonce=nonce,
            message=_signed_text(nonce, self._hotkey, what),
            signature=header_of(call, SIGNATURE_HEADER),
        )

    async def take(self, call: Received) -> tuple[str, SymmetricKey]:
        media = call.header(b"content-type")
        if media is not None and not media.lower().startswith("application/json"):
            raise Refusal(422, "the body has to be application/json")
        try:
            offer = msgspec.convert(load_json(call.body, max_bytes=EXCHANGE_BYTES), _KeyExchange)
        except (WireError, msgspec.ValidationError) as error:
            raise Refusal(422, error.reason if isinstance(error, WireError) else misfit(error)) from None
        try:
            key = await self._rsa.unseal(base64.b64decode(offer.encrypted_symmetric_key))
            if len(key) != KEY_BYTES:
                raise ValueError("not a key of 32 bytes")
        except (ValueError, binascii.Error):
            raise Refusal(401, "cannot read the symmetric key: base64 of RSA-OAEP-SHA256 of 32 bytes") from None
        return _key_uuid(call), FernetKey(base64.urlsafe_b64encode(key), ttl=KEY_TTL_S)


def _routes(end: MinerEnd) -> Routes:
    miner = FiberMiner(end)
    return Routes(
        routes=(
            LookupRoute(
                PUBLIC_KEY_PATH,
                miner.public_key,
                RouteDoc(about="This miner's RSA key", answers=fields("public_key", "timestamp")),
            ),
            HandshakeRoute(
                path=KEY_EXCHANGE_PATH,
                claimant=_sealed_claimant,
                claim=miner.sealed_claim,
                take=miner.take,
                answer=b'{"status":"Symmetric key exchanged successfully"}',
                doc=RouteDoc(
                    about="A key from a validator, sealed for this miner's RSA key",
                    headers=SEALED,
                    asks=fields("encrypted_symmetric_key"),
                    answers=fields("status"),
                ),
            ),
            *answered_clear(
                QuestionRoute(
                    path=CHALLENGE_PATH,
                    claimant=_sealed_claimant,
                    claim=miner.sealed_claim,
                    key_uuid=_key_uuid,
                    unknown_key=_unknown_key,
                    read=_read_sealed,
                    bears=(KEY_UUID_HEADER.encode(),),
                    doc=RouteDoc(
                        about="A challenge sealed with an exchanged key, and its answer in the clear",
                        headers=SEALED,
                        asks=sealed("Challenge"),
                    ),
                ),
                STREAM_PATH,
            ),
            *answered_clear(
                QuestionRoute(
                    path=CHALLENGE_PATH,
                    claimant=_signed_claimant,
                    claim=miner.signed_claim,
                    bears=(VALIDATOR_HEADER.encode(), SIGNATURE_HEADER.encode()),
                    doc=RouteDoc(
                        about="A challenge that is signed, and its answer in the clear", headers=SIGNED, asks=CHALLENGE
                    ),
                ),
                STREAM_PATH,
            ),
            StatusRoute(
                path=STATUS_PATH,
                claimant=_signed_claimant,
                claim=miner.status_claim,
                bears=(VALIDATOR_HEADER.encode(), SIGNATURE_HEADER.encode()),
                doc=RouteDoc(about="What this miner says of itself", headers=SIGNED),
            ),
        ),
        window=WINDOW_S,
        key_ttl=KEY_TTL_S,
        signs_alike=True,
        key_of=partial(FernetKey.of, ttl=KEY_TTL_S),
    )


def _sealed_claimant(call: Received) -> str:
    require_headers(call, SEALED)
    if len(_key_uuid(call)) > LONGEST_UUID:
        raise Refusal(422, f"{KEY_UUID_HEADER} is longer than {LONGEST_UUID} characters")
    return header_of(call, VALIDATOR_HEADER)


def _signed_claimant(call: Received) -> str:
    require_headers(call, SIGNED)
    return header_of(call, VALIDATOR_HEADER)


def _key_uuid(call: Received) -> str:
    return header_of(call, KEY_UUID_HEADER)


def _stamp(nonce: str) -> float:
    """When a nonce was made, in unix seconds. Raises Refusal."""
    stamp = nonce.partition("_")[0]
    if len(nonce) > LONGEST_NONCE or len(stamp) > LONGEST_STAMP or not (stamp.isascii() and stamp.isdigit()):
        raise Refusal(401, "the nonce does not begin with the unix time in ns")
    return int(stamp) / 1e9


def _unknown_key() -> Refusal:
    """Fiber's clients recognise this by its status 400."""
    return Refusal(400, "no symmetric key for this hotkey and uuid: shake hands again")


def _read_sealed(clear: bytes, limit: int) -> Request:
    try:
        return read_request(clear, limit)
    except WireError as error:
        raise Refusal(400, error.reason) from None


def _signed_only(reply: HttpReply) -> bool:
    """Whether a challenge without proof lacks headers, as Fiber's server says it, and not those of the SDK."""
    return reply.status == 422 and b"x-bittensor-" not in reply.body.lower()


FIBER = Dialect(
    "fiber", FiberCaller, _routes, (Probe(PUBLIC_KEY_PATH, gives_key), Probe(CHALLENGE_PATH, _signed_only, bare=True))
)
