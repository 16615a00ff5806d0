"""A toy dialect, nothing like Loosh's, mounted as a third party's would be: the test of where the seams are.

Its handshake is Fiber classic's in shape: signed headers with a nonce that begins with the time in nanoseconds, a raw
key in base64. Challenges are signed and sealed, answers come back in clear. Nothing in it keeps anybody out.
"""

import base64
import json
import os
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from hashlib import sha256
from typing import Any, ClassVar

import httpx
import pytest
from cryptography.fernet import Fernet

from engine.keys import signature_hex
from engine.transport.callers import Callers
from engine.transport.dialect import (
    Availability,
    ChallengeRoute,
    Dialect,
    HandshakeRoute,
    MinerEnd,
    Received,
    Response,
    Routes,
    SymmetricKey,
    TimedAnswer,
    ValidatorEnd,
)
from engine.transport.dialects.registry import DIALECTS
from engine.transport.errors import Refusal, WireError
from engine.transport.exchange import ask
from engine.transport.gate import Claim
from engine.transport.http import HttpReply, PeerClients, within
from engine.transport.rsa import FernetKey
from engine.transport.sessions import Sessions
from engine.transport.wire import Completion, challenge_json, completion_json, read_completion
from engine.values import Challenge, Peer
from miner_server.allowlist import AllowList
from miner_server.limits import Limits
from miner_server.server import MinerServer
from tests.unit.miner_helpers import ALICE, EVE, MINER, ObedientBackend, make_server, running
from tests.unit.transport_helpers import challenge

SHARED = sha256(b"toys share a secret").digest()
FIVE_HOURS = 5 * 3600


def mask(key: bytes) -> bytes:
    return bytes(left ^ right for left, right in zip(key, SHARED, strict=True))


def fernet_key(key: bytes) -> bytes:
    return base64.urlsafe_b64encode(key)


class ToyCaller:
    def __init__(self, end: ValidatorEnd) -> None:
        self._end = end
        self._sessions: Sessions[tuple[str, Fernet]] = Sessions(ttl=FIVE_HOURS)

    async def available(self, peer: Peer, *, timeout: float) -> Availability:
        return Availability(True)

    async def ask(
        self,
        peer: Peer,
        challenge: Challenge,
        *,
        timeout: float,
        max_bytes: int,
        on_text: Callable[[str], None] | None = None,
    ) -> TimedAnswer:
        send = partial(self._send, peer, challenge_json(challenge), max_bytes)
        async with within(timeout):
            return await ask(self._sessions, peer, partial(self._shake, peer), send)

    async def _send(
        self, peer: Peer, body: bytes, max_bytes: int, session: tuple[str, Fernet]
    ) -> tuple[HttpReply, Completion | None]:
        key_uuid, fernet = session
        got = await self._post(peer, "/q", fernet.encrypt(body), key_uuid, max_bytes)
        return got, read_completion(got.body) if got.ok else None

    async def _shake(self, peer: Peer, _: HttpReply | None) -> tuple[str, Fernet]:
        key, key_uuid = os.urandom(32), uuid.uuid4().hex
        got = await self._post(peer, "/k", base64.b64encode(mask(key)), key_uuid, 1000)
        if not got.ok:
            raise WireError("refused", f"exchange: {got.status}")
        return key_uuid, Fernet(fernet_key(key))

    async def _post(self, peer: Peer, path: str, body: bytes, key_uuid: str, max_bytes: int) -> HttpReply:
        headers = toy_headers(self._end.signer, peer.hotkey, key_uuid)
        return await self._end.clients.post(peer, path, body, headers, max_bytes=max_bytes)


def toy_headers(signer: Any, miner: str, key_uuid: str) -> dict[str, str]:
    nonce = f"{time.time_ns()}_{uuid.uuid4().hex}"
    return {
        "validator-hotkey": signer.ss58_address,
        "symmetric-key-uuid": key_uuid,
        "nonce": nonce,
        "signature": signature_hex(signer, f"{nonce}:{miner}:{key_uuid}".encode()),
    }


def toy_routes(end: MinerEnd) -> Routes:
    def claim(call: Received) -> Claim:
        nonce = call.header(b"nonce") or ""
        return Claim(
            hotkey=hotkey(call),
            timestamp=int(nonce.partition("_")[0] or 0) / 1e9,
            nonce=nonce,
            message=f"{nonce}:{end.signer.ss58_address}:{key_uuid(call)}".encode(),
            signature=call.header(b"signature") or "",
        )

    def hotkey(call: Received) -> str:
        named = call.header(b"validator-hotkey")
        if named is None:
            raise Refusal(422, "who calls?")
        return named

    def key_uuid(call: Received) -> str:
        return call.header(b"symmetric-key-uuid") or ""

    async def take(call: Received) -> tuple[str, SymmetricKey]:
        return key_uuid(call), FernetKey(fernet_key(mask(base64.b64decode(call.body))), ttl=FIVE_HOURS)

    def respond(_: Received, __: SymmetricKey | None, completion: Completion) -> Response:
        return Response(completion_json(completion))

    return Routes(
        routes=(
            HandshakeRoute(path="/k", claimant=hotkey, claim=claim, take=take, answer=b"{}"),
            ChallengeRoute(path="/q", claimant=hotkey, claim=claim, key_uuid=key_uuid, respond=respond),
        ),
        window=120,
        key_ttl=FIVE_HOURS,
    )


TOY = Dialect("toy", ToyCaller, toy_routes)


def toy_server(backend: ObedientBackend | None = None, **settings: Any) -> MinerServer:
    return make_server(backend or ObedientBackend(), spoken=[TOY], **settings)


def toy_callers(monkeypatch: pytest.MonkeyPatch) -> Callers:
    monkeypatch.setattr("engine.transport.callers.DIALECTS", {**DIALECTS, TOY.name: TOY})
    return Callers(ALICE, chosen={MINER.ss58_address: "toy"}, allow_private=True)


@asynccontextmanager
async def calling(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Callers]:
    callers = toy_callers(monkeypatch)
    try:
        yield callers
    finally:
        await callers.close()


def peer_of(server: MinerServer) -> Peer:
    return Peer(MINER.ss58_address, *server.address)


class Recorder(PeerClients):
    """What went over the wire: path, headers, body."""

    sent: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    async def post(self, peer: Peer, path: str, content: bytes, headers: Any, **bounds: Any) -> Any:
        self.sent.append((path, dict(headers), content))
        return await super().post(peer, path, content, headers, **bounds)


async def test_it_is_mounted_at_both_ends_and_each_neuron_is_asked_in_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(toy_server()) as server, calling(monkeypatch) as callers:
        assert callers.dialect_of(peer_of(server)) == "toy"
        assert callers.dialect_of(Peer("another", "127.0.0.1", 1)) == "loosh"
        assert (await callers.available(peer_of(server), timeout=5)).available
        for _ in range(2):
            answer = await callers.ask(peer_of(server), challenge(), timeout=5, max_bytes=1000)
            assert answer.completion.text == "heard What is 41 plus 1?"
        view = server.view()
    assert [session.hotkey for session in view.sessions] == [ALICE.ss58_address]
    assert [(one.route, one.status) for one in view.requests] == [("/k", 200), ("/q", 200), ("/q", 200)]


async def test_what_its_author_did_not_think_of_holds_anyway(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recorded requests, strangers, forgers, large bodies, a flood, a backend that sleeps: not a line of it in TOY."""
    backend = ObedientBackend()
    monkeypatch.setattr("engine.transport.callers.PeerClients", Recorder)
    Recorder.sent = []
    async with (
        running(toy_server(backend, limits=Limits(body_bytes=20_000))) as server,
        calling(monkeypatch) as callers,
    ):
        await callers.ask(peer_of(server), challenge(), timeout=5, max_bytes=1000)
        address = "http://{}:{}".format(*server.address)
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:

            async def status(path: str, headers: dict[str, str], body: bytes) -> int:
                return (await client.post(path, headers=headers, content=body)).status_code

            (shake, shaken, key), (_, asked, token) = Recorder.sent
            assert [await status(shake, shaken, key), await status("/q", asked, token)] == [401, 401], "used nonces"
            key_uuid = asked["symmetric-key-uuid"]
            mine = partial(toy_headers, ALICE, MINER.ss58_address)
            assert await status("/q", mine(key_uuid), token) == 409, "an opened message under a new nonce"
            assert await status("/q", mine("unknown"), token) == 401
            assert await status("/q", mine(key_uuid), bytes(20_001)) == 413
            assert await status("/q", mine(key_uuid) | {"signature": "0x" + "1" * 128}, b"x") == 401
            assert await status("/q", mine(key_uuid) | {"nonce": "1_old"}, b"x") == 401
            assert await status("/k", toy_headers(EVE, MINER.ss58_address, "k"), b"x") == 403
            assert await status("/k", mine("k"), bytes(16 * 1024 + 1)) == 413
            assert await status("/q", {}, b"x") == 422
            flood = [await status("/q", {}, b"x") for _ in range(40)]
            assert flood.count(429) >= 5
            backend.unready = "asleep"
            await server._app._answering.readiness.refresh()
            assert await status("/q", mine(key_uuid), b"x") == 503
    assert len(backend.begun) == 1


async def test_a_claim_for_another_hotkey_than_the_request_names_is_none() -> None:
    def twisted(end: MinerEnd) -> Routes:
        made = toy_routes(end)
        question = made.routes[1]
        assert isinstance(question, ChallengeRoute)
        assert question.claim is not None
        claim = question.claim
        signed_by_eve = partial(_signed_by, EVE, claim)
        question = ChallengeRoute(path="/q", claimant=question.claimant, claim=signed_by_eve, respond=question.respond)
        return Routes(routes=(question,))

    allow = AllowList([ALICE.ss58_address, EVE.ss58_address])
    server = make_server(ObedientBackend(), spoken=[Dialect("twisted", ToyCaller, twisted)], allow=allow)
    async with running(server), httpx.AsyncClient(trust_env=False) as client:
        url = "http://{}:{}/q".format(*server.address)
        refused = await client.post(url, headers=toy_headers(ALICE, MINER.ss58_address, ""), content=b"{}")
    assert (refused.status_code, refused.json()["detail"]) == (
        401,
        "the request is signed by a different hotkey than it names",
    )


def _signed_by(signer: Any, claim: Callable[[Received], Claim], call: Received) -> Claim:
    told = claim(call)
    return Claim(
        hotkey=signer.ss58_address,
        timestamp=told.timestamp,
        nonce=told.nonce,
        message=told.message,
        signature=signature_hex(signer, told.message),
    )


def test_a_question_that_nothing_proves_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="/q: a question is proven by a claim or by a key"):
        ChallengeRoute(path="/q", claimant=lambda _: "anybody", respond=lambda *_: Response(b""))


def test_an_unknown_dialect_is_said_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="unknown dialect 'klingon'; known are auto, own, loosh"):
        Callers(ALICE, usual="klingon")
    with pytest.raises(ValueError, match="unknown dialect 'elvish'"):
        Callers(ALICE, chosen={"hotkey": "elvish"})


def marked(name: str, *bears: str) -> Dialect:
    """A dialect that answers POST /q where a request bears these headers; its claim never holds."""

    def routes(_: MinerEnd) -> Routes:
        return Routes(
            routes=(
                ChallengeRoute(
                    path="/q",
                    claimant=lambda call: call.header(b"who") or "",
                    claim=lambda _: (_ for _ in ()).throw(Refusal(418, name)),
                    respond=lambda *_: Response(b""),
                    bears=tuple(header.encode() for header in bears),
                ),
            )
        )

    return Dialect(name, ToyCaller, routes)


async def test_dialects_that_share_a_path_are_told_apart_by_their_headers() -> None:
    spoken = [marked("signed", "signature"), marked("sealed", "uuid", "key"), marked("other", "x-other")]
    server = make_server(ObedientBackend(), spoken=spoken)
    async with running(server), httpx.AsyncClient(trust_env=False) as client:

        async def told(*headers: str) -> tuple[int, str]:
            url = "http://{}:{}/q".format(*server.address)
            got = await client.post(url, headers=dict.fromkeys(headers, "1") | {"who": ALICE.ss58_address})
            return got.status_code, json.loads(got.content)["detail"]

        assert await told("signature") == (418, "signed")
        assert await told("uuid", "key") == (418, "sealed")
        assert await told("x-other") == (418, "other")
        assert (await told("uuid"))[0] == 422
        assert await told("signature", "x-other") == (400, "the headers match more than one dialect: use one")


@pytest.mark.parametrize("others", [("signature",), ()])
def test_two_dialects_that_cannot_be_told_apart_are_not_mounted(others: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="POST /q of one and two cannot be told apart by their headers"):
        make_server(ObedientBackend(), spoken=[marked("one", "signature"), marked("two", *others)])
