"""A toy dialect, nothing like Loosh's, that stands on the shared parts alone: the test of where the seams are.

Its handshake is Fiber classic's in shape: signed headers with a nonce that begins with the time in nanoseconds, a raw
key in base64. Challenges are sealed, answers come back in clear.
"""

import base64
import os
import time
import uuid
from collections.abc import Callable, Collection
from functools import partial
from hashlib import sha256
from typing import Any

from cryptography.fernet import Fernet, InvalidToken

from engine.keys import Signer, signature_hex
from engine.snapshot import SessionView
from engine.transport.dialect import Answer, Availability, Caller, Desk
from engine.transport.errors import Refused, WireError
from engine.transport.gate import Claim, Gate, GateClosed
from engine.transport.http import PeerClients, within
from engine.transport.replay import MemoryNonces, NonceStore
from engine.transport.sessions import KeyRing, Sessions
from engine.transport.wire import Completion, challenge_json, completion_json, read_completion
from engine.values import Peer
from tests.unit.transport_helpers import ALICE, BOB, Received, challenge, http_server, reply

SHARED = sha256(b"toys share a secret").digest()


def mask(key: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(key, SHARED, strict=True))


def fernet_of(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key))


class ToyCaller:
    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._clients = PeerClients(allow_private=True)
        self._sessions: Sessions[tuple[str, Fernet]] = Sessions(ttl=5 * 3600)

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        return Availability(True)

    async def ask(self, peer: Peer, challenge: bytes, *, timeout: float, max_bytes: int) -> Answer:
        async with within(timeout):
            stale = None
            for _ in range(2):
                key_uuid, fernet = stale = await self._sessions.obtain(
                    peer, partial(self._shake, peer), instead_of=stale
                )
                headers = self._headers(peer, key_uuid)
                got = await self._clients.post(peer, "/q", fernet.encrypt(challenge), headers, max_bytes=max_bytes)
                if got.ok:
                    return Answer(read_completion(got.body), got.ms)
        raise WireError("refused", f"challenge: {got.status}")

    async def forget(self, hotkeys: Collection[str]) -> None:
        self._sessions.forget(hotkeys)
        await self._clients.forget(hotkeys)

    async def close(self) -> None:
        await self._clients.close()

    async def _shake(self, peer: Peer) -> tuple[str, Fernet]:
        key, key_uuid = os.urandom(32), uuid.uuid4().hex
        body = base64.b64encode(mask(key))
        got = await self._clients.post(peer, "/k", body, self._headers(peer, key_uuid), max_bytes=100)
        if not got.ok:
            raise WireError("refused", f"exchange: {got.status}")
        return key_uuid, fernet_of(key)

    def _headers(self, peer: Peer, key_uuid: str) -> dict[str, str]:
        nonce = f"{time.time_ns()}_{uuid.uuid4().hex}"
        text = f"{nonce}:{peer.hotkey}:{key_uuid}".encode()
        return {
            "validator-hotkey": self._signer.ss58_address,
            "symmetric-key-uuid": key_uuid,
            "nonce": nonce,
            "signature": signature_hex(self._signer, text),
        }


class ToyDesk:
    def __init__(self, hotkey: str, nonces: NonceStore, *, allowed: Callable[[str], str | None]) -> None:
        self._hotkey = hotkey
        self._gate = Gate(nonces, allowed=allowed, window=120)
        self._keys: KeyRing[Fernet] = KeyRing(ttl=5 * 3600)

    async def start(self) -> None:
        pass

    def sessions(self) -> tuple[SessionView, ...]:
        return self._keys.views()

    async def serve(self, received: Received) -> bytes:
        try:
            return await self._serve(received.path, received.headers, received.body)
        except GateClosed as error:
            return reply(403 if error.gate == "allow-list" else 401, {"detail": error.reason})
        except Refused as error:
            return reply(error.status_code, error.body())

    async def _serve(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        nonce, key_uuid = headers["nonce"], headers["symmetric-key-uuid"]
        claim = Claim(
            hotkey=headers["validator-hotkey"],
            timestamp=int(nonce.split("_")[0]) / 1e9,
            nonce=nonce,
            message=f"{nonce}:{self._hotkey}:{key_uuid}".encode(),
            signature=headers["signature"],
        )
        self._gate.check(claim)
        await self._gate.spend(claim)
        if path == "/k":
            self._keys.put(claim.hotkey, key_uuid, fernet_of(mask(base64.b64decode(body))))
            return reply(200, b"")
        fernet = self._keys.to_open(claim.hotkey, key_uuid)
        try:
            if fernet is None or b'"prompt"' not in fernet.decrypt(body):
                raise Refused(400, "no key")
        except InvalidToken:
            raise Refused(400, "wrong key") from None
        return reply(200, completion_json(Completion(text="from a toy")))


async def test_a_third_dialect_stands_on_the_shared_parts() -> None:
    caller: Caller = ToyCaller(ALICE)
    desk = ToyDesk(BOB.ss58_address, MemoryNonces(), allowed=lambda _: None)
    seen: Desk = desk
    captured: list[Received] = []

    async def handle(received: Received) -> bytes:
        captured.append(received)
        return await desk.serve(received)

    async with http_server(handle) as peer:
        for _ in range(2):
            answer = await caller.ask(peer, challenge_json(challenge()), timeout=5, max_bytes=1000)
            assert answer.completion.text == "from a toy"
        assert [received.path for received in captured] == ["/k", "/q", "/q"]
        assert [session.hotkey for session in seen.sessions()] == [ALICE.ss58_address]
        assert (await desk.serve(captured[0])).startswith(b"HTTP/1.1 401")
        desk = ToyDesk(BOB.ss58_address, MemoryNonces(), allowed=lambda _: None)
        await caller.ask(peer, challenge_json(challenge()), timeout=5, max_bytes=1000)
        assert [received.path for received in captured[3:]] == ["/q", "/k", "/q"]
    await caller.close()


async def test_its_strangers_stay_outside_in_its_own_words() -> None:
    desk = ToyDesk(BOB.ss58_address, MemoryNonces(), allowed=lambda _: "unknown here")
    caller = ToyCaller(ALICE)

    async def handle(received: Received) -> bytes:
        return await desk.serve(received)

    async with http_server(handle) as peer:
        try:
            await caller.ask(peer, b"{}", timeout=5, max_bytes=1000)
        except WireError as error:
            got: Any = (error.status, error.reason)
        assert got == ("refused", "exchange: 403")
    await caller.close()
