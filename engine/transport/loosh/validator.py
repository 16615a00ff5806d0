"""Loosh dialect A, the validator's end: shake hands, send a sealed challenge, read the sealed answer."""

import asyncio
import time
import uuid
from collections.abc import Collection
from functools import partial

from cryptography.fernet import Fernet, InvalidToken
from msgspec import Struct

from engine.keys import Signer
from engine.transport.dialect import Answer, Availability
from engine.transport.errors import Busy, WireError, brief
from engine.transport.http import HttpReply, PeerClients, within
from engine.transport.loosh.handshake import (
    AVAILABILITY_PATH,
    CHALLENGE_PATH,
    EXCHANGE_BYTES,
    KEY_EXCHANGE_PATH,
    KEY_UUID_HEADER,
    PUBLIC_KEY_PATH,
    VALIDATOR_HEADER,
    new_exchange,
    read_public_key,
)
from engine.transport.sessions import KEY_TTL_S, Sessions
from engine.transport.wire import Completion, load_json, read_completion
from engine.values import Peer

HANDSHAKE_TIMEOUT_S = 15.0
THREAD_ABOVE_BYTES = 64 * 1024
TOO_MANY = 429
_STALE = (400, 401)  # what a miner answers that does not know the key: 401, older ones 400


class _Session(Struct, frozen=True):
    key_uuid: str
    fernet: Fernet


class LooshCaller:
    """Asks miners in Loosh's dialect A. A `dialect.Caller`.

    Nothing is ever sent in clear instead: without a session there is no question. `allow_private` and `own` as in
    `addresses.refuse_address`; `connect_timeout` and `key_ttl` in seconds, the latter being the miners'.
    """

    def __init__(
        self,
        signer: Signer,
        *,
        allow_private: bool = False,
        own: frozenset[tuple[str, int]] = frozenset(),
        connect_timeout: float = 5.0,
        key_ttl: int = KEY_TTL_S,
    ) -> None:
        self._signer = signer
        self._key_ttl = key_ttl
        self._clients = PeerClients(allow_private=allow_private, own=own, connect_timeout=connect_timeout)
        self._sessions: Sessions[_Session] = Sessions(ttl=key_ttl, margin=min(60.0, key_ttl / 2))

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        try:
            async with within(timeout):
                reply = await self._clients.get(peer, AVAILABILITY_PATH, max_bytes=EXCHANGE_BYTES)
            said = load_json(reply.body)
        except WireError as error:
            return Availability(False, f"{error.status}: {error.reason}")
        if reply.ok and said.get("available") is True:
            return Availability(True, ms=reply.ms)
        why = said.get("reason") or said.get("error") or said.get("detail") or "no reason given"
        return Availability(False, f"{reply.status}: {brief(str(why))}", reply.ms, reply.retry_after)

    async def ask(self, peer: Peer, challenge: bytes, *, timeout: float, max_bytes: int) -> Answer:
        """As `Caller.ask`. A key that the miner does not know any more is replaced and the challenge sent again, once.

        `ms` runs from the first time the miner had the challenge: the handshake before it is not counted, one that the
        miner asks for after it is, or a miner could work on the answer while it pretends to have lost the key.
        """
        async with within(timeout):
            session = await self._sessions.obtain(peer, partial(self._shake, peer))
            asked_at = resent_at = time.monotonic()
            reply = await self._send(peer, session, challenge, max_bytes)
            completion = await self._open(session, reply)
            if completion is None:
                shake = partial(self._shake, peer, pem=_inline_key(reply))
                session = await self._sessions.obtain(peer, shake, instead_of=session)
                resent_at = time.monotonic()
                reply = await self._send(peer, session, challenge, max_bytes)
                completion = await self._open(session, reply)
        if completion is None:
            raise _unreadable(reply)
        return Answer(completion, reply.ms + (resent_at - asked_at) * 1000)

    async def forget(self, hotkeys: Collection[str]) -> None:
        self._sessions.forget(hotkeys)
        await self._clients.forget(hotkeys)

    async def close(self) -> None:
        await self._clients.close()

    async def _send(self, peer: Peer, session: _Session, challenge: bytes, max_bytes: int) -> HttpReply:
        headers = {
            "Content-Type": "application/octet-stream",
            VALIDATOR_HEADER: self._signer.ss58_address,
            KEY_UUID_HEADER: session.key_uuid,
        }
        token = session.fernet.encrypt(challenge)
        return await self._clients.post(peer, CHALLENGE_PATH, token, headers, max_bytes=max_bytes)

    async def _open(self, session: _Session, reply: HttpReply) -> Completion | None:
        """The answer in `reply`, None if the two ends do not hold the same key."""
        if reply.status in _STALE:
            return None
        if not reply.ok:
            raise _refused(reply, "challenge")
        if len(reply.body) > THREAD_ABOVE_BYTES:
            return await asyncio.to_thread(self._decrypt, session, reply.body)
        return self._decrypt(session, reply.body)

    def _decrypt(self, session: _Session, token: bytes) -> Completion | None:
        try:
            clear = session.fernet.decrypt(token, ttl=self._key_ttl)
        except InvalidToken:
            return None
        return read_completion(clear)

    async def _shake(self, peer: Peer, pem: str | None = None) -> _Session:
        """Agree on a key, with the miner's RSA key `pem` if that is at hand."""
        async with within(HANDSHAKE_TIMEOUT_S):
            try:
                public_key = read_public_key(pem or await self._public_key(peer))
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
                raise _refused(reply, "key exchange")
            return _Session(key_uuid, Fernet(key))

    async def _public_key(self, peer: Peer) -> str:
        reply = await self._clients.get(peer, PUBLIC_KEY_PATH, max_bytes=EXCHANGE_BYTES)
        if not reply.ok:
            raise _refused(reply, "public key")
        pem = load_json(reply.body).get("public_key")
        if not isinstance(pem, str):
            raise WireError("malformed", "public key: none in the reply")
        return pem


def _inline_key(reply: HttpReply) -> str | None:
    """The RSA key that a 401 may bring along, so that the handshake takes one trip. It is used for that alone."""
    if reply.status != 401:
        return None
    try:
        said = load_json(reply.body)
    except WireError:
        return None
    pem = said.get("public_key")
    return pem if isinstance(pem, str) and said.get("requires_handshake") is True else None


def _unreadable(reply: HttpReply) -> WireError:
    if reply.ok:
        return WireError("malformed", "the answer cannot be decrypted: another key, or clocks over a minute apart")
    return _refused(reply, "challenge, after a new handshake")


def _refused(reply: HttpReply, what: str) -> WireError:
    try:
        detail = load_json(reply.body).get("detail")
    except WireError:
        detail = None
    words = f": {brief(detail)}" if isinstance(detail, str) else ""
    reason = f"{what}: {reply.status}{words}"
    return Busy(reason, reply.retry_after) if reply.status == TOO_MANY else WireError("refused", reason)
