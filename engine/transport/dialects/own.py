"""Our own dialect, between two of our neurons: sealed and signed in both directions, cheaper than RSA and Fernet.

A miner's X25519 key is signed by its hotkey, so that nobody can replace it. A validator responds with a session key,
signed for this miner and this key; both keys together yield a secret that seals challenges and answers
(ChaCha20-Poly1305). A challenge is also signed, with its route, body and receiver, and an answer together with its
challenge, so that each end can prove what the other one said. An answer may be streamed (`sealed_stream`).

It is negotiated: Fiber's public-key reply carries the signed X25519 key in a field that others ignore, and our own
validators switch from Fiber to this dialect. Stripping the field only leads back to plain Fiber.
"""

import time
from collections.abc import Callable
from functools import partial
from hashlib import sha256

import msgspec
from msgspec import Struct
from msgspec.structs import asdict, replace

from engine.keys import SS58_LENGTH, Signer, signature_hex, verify
from engine.transport.description import OCTETS, RouteDoc, fields, sealed
from engine.transport.dialect import (
    EXCHANGE_BYTES,
    ChallengeRoute,
    Dialect,
    HandshakeRoute,
    LookupRoute,
    MinerEnd,
    Probe,
    QuestionRoute,
    Received,
    Response,
    Routes,
    StreamedRoute,
    SymmetricKey,
    TimedAnswer,
    ValidatorEnd,
    header_of,
    require_headers,
)
from engine.transport.errors import Refusal, WireError, brief, misfit
from engine.transport.exchange import NO_SUCH_ROUTE, OptionalAvailability, ask, refused
from engine.transport.gate import Claim
from engine.transport.http import HttpReply, within
from engine.transport.sealed_stream import SIGNATURE_BYTES, SealedReading, SealedStream
from engine.transport.sessions import Sessions
from engine.transport.wire import Completion, challenge_json, completion_json, load_json, read_completion
from engine.transport.x25519 import KEY_DIGITS, PairedKey, X25519Key
from engine.values import Challenge, Peer

KEY_PATH = "/own/key"
EXCHANGE_PATH = "/own/exchange"
CHALLENGE_PATH = "/own/challenge"
STREAM_PATH = "/own/challenge/stream"

FIELD = "own"
"""The field of Fiber's public-key reply that carries this dialect's key."""

HOTKEY_HEADER = "x-own-hotkey"
KEY_HEADER = "x-own-key"
NONCE_HEADER = "x-own-nonce"
SIGNATURE_HEADER = "x-own-signature"
REQUIRED = (HOTKEY_HEADER, KEY_HEADER, NONCE_HEADER, SIGNATURE_HEADER)

LONGEST_NONCE = 21
"""In digits; nanoseconds have 19 until the year 2286."""

HANDSHAKE_TIMEOUT_S = 15.0
"""As for Fiber, inside whose handshake it is negotiated."""


def _lines(*lines: str) -> bytes:
    """The text to sign: the protocol, the type of message, and its content."""
    return "\n".join(("own/1", *lines)).encode()


def signed_key(signer: Signer, key: X25519Key) -> dict[str, str]:
    """A miner's signed key, as it hands it out."""
    signature = signature_hex(signer, _lines("key", signer.ss58_address, key.public))
    return {"key": key.public, "signature": signature}


def offered_key(said: object, miner: str) -> str | None:
    """The key that a miner handed out, if it is signed by its hotkey."""
    if not isinstance(said, dict):
        return None
    key, signature = said.get("key"), said.get("signature")
    if not isinstance(key, str) or not isinstance(signature, str) or len(key) != KEY_DIGITS:
        return None
    return key if verify(miner, _lines("key", miner, key), signature) else None


class _Exchange(Struct, frozen=True):
    """The body of a key exchange: both keys in hex, both hotkeys, and the time in ns."""

    hotkey: str
    receiver: str
    nonce: str
    key: str
    receiver_key: str
    signature: str

    @property
    def signed(self) -> bytes:
        return _lines("exchange", self.receiver, self.hotkey, self.nonce, self.receiver_key, self.key)


# -- the validator's end ---------------------------------------------------------------------------------------


class OwnSession(Struct, frozen=True):
    """A validator's key at one miner; its public half names it."""

    name: str
    key: PairedKey


class OwnCaller(OptionalAvailability):
    """Asks our own miners. A `dialect.Caller`."""

    def __init__(self, end: ValidatorEnd) -> None:
        super().__init__(end.clients)
        self._signer = end.signer
        self._sessions: Sessions[OwnSession] = Sessions()

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        send = partial(self.send, peer, challenge_json(challenge), max_bytes, on_text)
        async with within(timeout):
            return await ask(self._sessions, peer, partial(self._shake, peer), send)

    async def _shake(self, peer: Peer, _: HttpReply | None) -> OwnSession:
        async with within(HANDSHAKE_TIMEOUT_S):
            reply = await self._clients.get(peer, KEY_PATH, max_bytes=EXCHANGE_BYTES)
            if not reply.ok:
                raise refused(reply, "key")
            theirs = offered_key(load_json(reply.body), peer.hotkey)
            if theirs is None:
                raise WireError("malformed", "key: not signed by the miner's hotkey")
            return await self.exchange(peer, theirs)

    async def exchange(self, peer: Peer, theirs: str) -> OwnSession:
        """A session with the miner whose signed key is `theirs`. Put a deadline around it."""
        ours = X25519Key()
        offer = _Exchange(self._signer.ss58_address, peer.hotkey, str(time.time_ns()), ours.public, theirs, "")
        try:
            secret = ours.agree(theirs, offer.signed)
        except ValueError as error:
            raise WireError("malformed", f"key: {brief(str(error))}") from None
        body = msgspec.json.encode(replace(offer, signature=signature_hex(self._signer, offer.signed)))
        headers = {"Content-Type": "application/json"}
        reply = await self._clients.post(peer, EXCHANGE_PATH, body, headers, max_bytes=EXCHANGE_BYTES)
        if not reply.ok:
            raise refused(reply, "key exchange")
        return OwnSession(ours.public, PairedKey(secret, asks=True))

    async def send(
        self, peer: Peer, body: bytes, max_bytes: int, on_text: Callable[[str], None] | None, session: OwnSession
    ) -> tuple[HttpReply, Completion | None]:
        """The reply and its answer, or None if the miner has lost the key. Raises WireError."""
        sealed, nonce, sender = session.key.seal(body), str(time.time_ns()), self._signer.ss58_address
        path = CHALLENGE_PATH if on_text is None else STREAM_PATH
        signed = _question(path, sealed, nonce, sender, peer.hotkey)
        headers = {
            "Content-Type": OCTETS,
            HOTKEY_HEADER: sender,
            KEY_HEADER: session.name,
            NONCE_HEADER: nonce,
            SIGNATURE_HEADER: signature_hex(self._signer, signed),
        }
        reading = None
        if on_text is not None:
            reading = SealedReading(session.key, sealed, on_text, partial(_is_stream_signed, sealed, peer.hotkey))
        reply = await self._clients.post(
            peer, path, sealed, headers, max_bytes=max_bytes, on_piece=None if reading is None else reading.feed
        )
        if reply.status in (401, *NO_SUCH_ROUTE):  # restarted, perhaps as one that does not speak this any more
            return reply, None
        if not reply.ok:
            raise refused(reply, "challenge")
        if reading is not None:
            return reply, reading.completion()
        try:
            clear = session.key.open(reply.body)
        except Refusal:
            return reply, None
        signature, answer = clear[:SIGNATURE_BYTES].decode("latin-1"), clear[SIGNATURE_BYTES:]
        if not verify(peer.hotkey, _answer(sealed, answer, peer.hotkey), signature):
            raise WireError("malformed", "the answer is not signed by the miner's hotkey")
        return reply, read_completion(answer)


def _question(path: str, body: bytes, nonce: str, sender: str, receiver: str) -> bytes:
    return _lines("challenge", path, receiver, sender, nonce, sha256(body).hexdigest())


def _answer(question: bytes, answer: bytes, miner: str) -> bytes:
    return _lines("answer", miner, sha256(question).hexdigest(), sha256(answer).hexdigest())


def _streamed(question: bytes, miner: str, text: str, rest: bytes) -> bytes:
    said = sha256(text.encode()).hexdigest(), sha256(rest).hexdigest()
    return _lines("streamed answer", miner, sha256(question).hexdigest(), *said)


def _is_stream_signed(question: bytes, miner: str, text: str, rest: bytes, signature: str) -> bool:
    return verify(miner, _streamed(question, miner, text, rest), signature)


# -- the miner's end -------------------------------------------------------------------------------------------


class OwnMiner:
    """The state shared by one miner's routes."""

    def __init__(self, end: MinerEnd, key: X25519Key) -> None:
        self._signer = end.signer
        self._hotkey = end.signer.ss58_address
        self._key = key
        self._handed_out = msgspec.json.encode(signed_key(end.signer, key))

    def public_key(self) -> bytes:
        return self._handed_out

    def exchange_claim(self, call: Received) -> Claim:
        offer = _exchange(call)
        if offer.receiver != self._hotkey:
            raise Refusal(401, "the request is signed for another miner")
        if offer.receiver_key != self._key.public:
            raise Refusal(401, "this miner's key has changed: fetch it again")
        return Claim(
            hotkey=offer.hotkey,
            timestamp=_stamp(offer.nonce),
            nonce=f"{offer.nonce}:{offer.key[:KEY_DIGITS]}",
            message=offer.signed,
            signature=offer.signature,
        )

    async def take(self, call: Received) -> tuple[str, SymmetricKey]:
        offer = _exchange(call)
        try:
            secret = self._key.agree(offer.key, offer.signed)
        except ValueError as error:
            raise Refusal(401, f"cannot agree on a key: {brief(str(error))}") from None
        return offer.key, PairedKey(secret, asks=False)

    def claim(self, call: Received) -> Claim:
        nonce, sender = header_of(call, NONCE_HEADER), header_of(call, HOTKEY_HEADER)
        return Claim(
            hotkey=sender,
            timestamp=_stamp(nonce),
            nonce=nonce,
            message=_question(call.target, call.body, nonce, sender, self._hotkey),
            signature=header_of(call, SIGNATURE_HEADER),
        )

    def respond(self, call: Received, key: SymmetricKey | None, completion: Completion) -> Response:
        answer = completion_json(completion)
        signature = signature_hex(self._signer, _answer(call.body, answer, self._hotkey))
        return Response(_paired(key).seal(signature.encode() + answer), OCTETS.encode())

    def stream(self, call: Received, key: SymmetricKey | None) -> SealedStream:
        return SealedStream(_paired(key), call.body, partial(self._sign_stream, call.body))

    def _sign_stream(self, question: bytes, text: str, rest: bytes) -> str:
        return signature_hex(self._signer, _streamed(question, self._hotkey, text, rest))


def _paired(key: SymmetricKey | None) -> PairedKey:
    if not isinstance(key, PairedKey):
        raise TypeError("an answer in this dialect is sealed with a paired key")
    return key


def _routes(end: MinerEnd) -> Routes:
    if end.x25519 is None:
        return Routes(routes=())
    miner = OwnMiner(end, end.x25519)
    question = QuestionRoute(
        path=CHALLENGE_PATH,
        claimant=_claimant,
        claim=miner.claim,
        key_uuid=_key_name,
        doc=RouteDoc(
            about="A challenge and its answer, both sealed and signed",
            headers=REQUIRED,
            asks=sealed("Challenge"),
            answers=sealed("Reply"),
        ),
    )
    return Routes(
        routes=(
            LookupRoute(KEY_PATH, miner.public_key, RouteDoc(about="This miner's X25519 key, signed by its hotkey")),
            HandshakeRoute(
                path=EXCHANGE_PATH,
                claimant=_claimant_of_exchange,
                claim=miner.exchange_claim,
                take=miner.take,
                answer=b'{"status":"key taken"}',
                doc=RouteDoc(
                    about="A key from a validator, signed by its hotkey", asks=fields(*_Exchange.__struct_fields__)
                ),
            ),
            ChallengeRoute(**asdict(question), respond=miner.respond),
            StreamedRoute(**asdict(replace(question, path=STREAM_PATH)), stream=miner.stream),
        ),
        window=end.window,
        key_ttl=end.key_ttl,
        key_of=partial(PairedKey, asks=False),
    )


def _exchange(call: Received) -> _Exchange:
    try:
        offer = msgspec.convert(load_json(call.body, max_bytes=EXCHANGE_BYTES), _Exchange)
    except (WireError, msgspec.ValidationError) as error:
        raise Refusal(422, error.reason if isinstance(error, WireError) else misfit(error)) from None
    if len(offer.hotkey) > SS58_LENGTH:
        raise Refusal(422, "hotkey is not an ss58 address")
    return offer


def _claimant_of_exchange(call: Received) -> str:
    return _exchange(call).hotkey


def _key_name(call: Received) -> str:
    return header_of(call, KEY_HEADER)


def _claimant(call: Received) -> str:
    require_headers(call, REQUIRED)
    return header_of(call, HOTKEY_HEADER)


def _stamp(nonce: str) -> float:
    """When a nonce was made, in unix seconds. Raises Refusal."""
    if len(nonce) > LONGEST_NONCE or not (nonce.isascii() and nonce.isdigit()):
        raise Refusal(401, "the nonce is not a time in ns")
    return int(nonce) / 1e9


def _spoken(reply: HttpReply) -> bool:
    try:
        return reply.ok and isinstance(load_json(reply.body).get("key"), str)
    except WireError:
        return False


OWN = Dialect("own", OwnCaller, _routes, (Probe(KEY_PATH, _spoken),))
