"""What two neurons of ours speak: our two ends, what somebody between them can and cannot do, and how it is negotiated
inside Fiber, of which a peer that does not know it notices nothing."""

import json
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from substrateinterface import Keypair

from engine.keys import signature_hex
from engine.transport.callers import Callers
from engine.transport.dialect import HandshakeRoute, MinerEnd, QuestionRoute, ValidatorEnd
from engine.transport.dialects import own
from engine.transport.dialects.fiber import FIBER, FiberCaller
from engine.transport.dialects.own import OWN, REQUIRED, OwnCaller, offered_key, signed_key
from engine.transport.errors import Refusal, WireError
from engine.transport.http import PeerClients
from engine.transport.rsa import RsaKey
from engine.transport.sealed_stream import SealedReading, SealedStream
from engine.transport.wire import Completion
from engine.transport.x25519 import PairedKey, X25519Key
from engine.validator.dispatch import Dispatch
from engine.validator.selection import Candidate
from engine.values import Neuron, Peer
from miner_server.server import MinerServer
from tests.unit.miner_helpers import ALICE, BOB, EVE, MINER, ObedientBackend, make_server, running
from tests.unit.transport_helpers import ForeignFiberMiner, Posted, Received, challenge, http_server, reply

SMALL_ORDER = ["00" * 32, "01" + "00" * 31, "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"]
"""Points of small order, with which everybody agrees on the same secret."""


@asynccontextmanager
async def calling(signer: Keypair = ALICE) -> AsyncIterator[OwnCaller]:
    clients = PeerClients(allow_private=True)
    try:
        yield OwnCaller(ValidatorEnd(signer, clients))
    finally:
        await clients.close()


def peer_of(server: MinerServer) -> Peer:
    return Peer(MINER.ss58_address, *server.address)


async def test_ours_is_answered_by_ours_under_one_key() -> None:
    told: list[str] = []
    async with running(make_server(ObedientBackend())) as server, calling() as caller:
        for on_text in (None, told.append):
            answer = await caller.ask(peer_of(server), challenge(), timeout=5, max_bytes=9999, on_text=on_text)
            assert answer.completion.text == "heard What is 41 plus 1?"
        view = server.view()
    assert told == ["heard What is 41 plus 1?"]
    assert [one.route for one in view.requests] == ["/own/exchange", "/own/challenge", "/own/challenge/stream"]
    assert {one.dialect for one in view.requests} == {"own"}


async def test_fiber_becomes_this_between_two_of_ours_and_stays_fiber_otherwise() -> None:
    clients = PeerClients(allow_private=True)
    caller = FiberCaller(ValidatorEnd(ALICE, clients))
    told: list[str] = []
    async with running(make_server(ObedientBackend())) as both:
        for _ in range(2):
            answer = await caller.ask(peer_of(both), challenge(), timeout=5, max_bytes=9999)
        assert [one.route for one in both.view().requests] == ["/own/exchange", "/own/challenge", "/own/challenge"]
        await caller.ask(peer_of(both), challenge(), timeout=5, max_bytes=9999, on_text=told.append)
        assert both.view().requests[-1].route == "/own/challenge/stream"
    assert answer.completion.text == told[0] == "heard What is 41 plus 1?"
    async with running(make_server(ObedientBackend(), spoken=[FIBER])) as plain:
        await caller.ask(peer_of(plain), challenge(), timeout=5, max_bytes=9999)
        assert [one.route for one in plain.view().requests] == ["/exchange-symmetric-key", "/challenge"]
    await clients.close()


async def test_what_fiber_became_is_recorded_with_the_reply_also_of_a_miner_that_has_stopped() -> None:
    callers = Callers(ALICE, usual="fiber", allow_private=True)
    dispatch = Dispatch(callers, timeout=5, round_timeout=9)

    async def ask(peer: Peer) -> tuple[str, str]:
        candidate = Candidate(Neuron(uid=1, hotkey=peer.hotkey, coldkey="", ip=peer.host, port=peer.port), peer)
        [got] = await dispatch.ask(challenge(), [candidate], reply_limit=9999, on_reply=lambda _: None)
        return got.status, got.dialect

    async with running(make_server(ObedientBackend())) as both:
        peer = peer_of(both)
        assert await ask(peer) == ("ok", "own")
    assert await ask(peer) == ("unreachable", "own")
    async with running(make_server(ObedientBackend(), spoken=[FIBER], port=peer.port)) as plain:
        assert await ask(peer_of(plain)) == ("ok", "fiber")
    await callers.close()


@pytest.mark.parametrize("forged", ["hotkey", "key", "none"])
async def test_a_key_that_the_miner_has_not_signed_is_not_an_offer(forged: str) -> None:
    """Somebody between us puts a key of its own into Fiber's reply: then Fiber is spoken, as with everybody."""
    miner = ForeignFiberMiner()
    theirs = signed_key(EVE, X25519Key())
    offers = {"hotkey": theirs, "key": signed_key(BOB, X25519Key()) | {"key": X25519Key().public}, "none": [1]}

    async def handle(received: Received) -> bytes:
        raw = await miner(received)
        if received.path == "/public-encryption-key":
            return reply(200, json.loads(raw.partition(b"\r\n\r\n")[2]) | {"own": offers[forged]})
        return raw

    clients = PeerClients(allow_private=True)
    async with http_server(handle) as peer:
        answer = await FiberCaller(ValidatorEnd(ALICE, clients)).ask(peer, challenge(), timeout=5, max_bytes=9999)
    await clients.close()
    assert answer.completion.text == "foreign 42"
    assert miner.requests == ["/public-encryption-key", "/exchange-symmetric-key", "/challenge"]


async def test_a_miner_that_was_restarted_gets_a_new_key_and_the_challenge_again() -> None:
    async with calling() as caller:
        async with running(make_server(ObedientBackend())) as first:
            peer = peer_of(first)
            await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)
        async with running(make_server(ObedientBackend(), port=peer.port)) as second:
            await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)
            assert [one.status for one in second.view().requests] == [401, 200, 200]


# -- what does not hold ----------------------------------------------------------------------------------------


class Forger:
    """A validator that can get everything wrong. `offer` and `headers` are what it would send."""

    def __init__(self, server: MinerServer, keypair: Keypair = ALICE) -> None:
        self.keypair = keypair
        self.ours = X25519Key()
        self.http = httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), timeout=20, trust_env=False)

    async def __aenter__(self) -> "Forger":
        self.theirs = (await self.http.get("/own/key")).json()["key"]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    def offer(self, *, signer: Keypair | None = None, off_s: float = 0.0, **changed: str) -> dict[str, str]:
        made = own._Exchange(
            **{
                "hotkey": self.keypair.ss58_address,
                "receiver": MINER.ss58_address,
                "nonce": str(time.time_ns() + int(off_s * 1e9)),
                "key": self.ours.public,
                "receiver_key": self.theirs,
                "signature": "",
            }
            | changed
        )
        self.secret = self.ours.agree(self.theirs, made.signed)
        made = replace(made, signature=signature_hex(signer or self.keypair, made.signed))
        return {name: str(getattr(made, name)) for name in made.__struct_fields__}

    async def exchange(self, **changed: Any) -> httpx.Response:
        return await self.http.post("/own/exchange", json=self.offer(**changed))

    async def ask(self, body: bytes = b'{"prompt": "hello"}', **changed: Any) -> httpx.Response:
        token = changed.pop("token", None) or PairedKey(self.secret, asks=True).seal(body)
        signer = changed.pop("signer", self.keypair)
        nonce = changed.pop("nonce", None) or str(time.time_ns() + int(changed.pop("off_s", 0.0) * 1e9))
        path, receiver = changed.pop("signed_path", "/own/challenge"), changed.pop("receiver", MINER.ss58_address)
        signed = own._question(path, changed.pop("signed_body", token), nonce, self.keypair.ss58_address, receiver)
        headers = {
            "x-own-hotkey": self.keypair.ss58_address,
            "x-own-key": self.ours.public,
            "x-own-nonce": nonce,
            "x-own-signature": signature_hex(signer, signed),
        } | changed
        return await self.http.post("/own/challenge", content=token, headers=headers)


@pytest.mark.parametrize(
    ("changed", "status", "why"),
    [
        ({"receiver": BOB.ss58_address}, 401, "signed for another miner"),
        ({"receiver_key": "ab" * 32}, 401, "key has changed"),
        ({"signer": EVE}, 401, "the signature does not match"),
        ({"off_s": -61}, 401, "behind ours"),
        ({"off_s": 90}, 401, "ahead of ours"),
        ({"nonce": "soon"}, 401, "not a time in ns"),
        ({"hotkey": EVE.ss58_address, "signer": EVE}, 403, "no validator permit"),
        ({"hotkey": "1" * 9_000}, 422, "hotkey is not an ss58 address"),
        ({"key": "zz" * 32}, 401, "cannot agree on a key"),
        ({"key": "AB" * 32}, 401, "cannot agree on a key"),
        *(({"key": key}, 401, "cannot agree on a key") for key in SMALL_ORDER),
    ],
    ids=map(str, range(13)),
)
async def test_a_handshake_that_does_not_hold_is_refused_for_one_reason(
    changed: dict[str, Any], status: int, why: str
) -> None:
    async with running(make_server()) as server, Forger(server) as alice:
        got = await alice.exchange(**changed)
        assert got.status_code == status
        assert why in got.json()["detail"]
        [one] = server.view().requests
        assert (one.status, server.view().sessions) == (status, ())


async def test_half_a_handshake_and_the_same_one_twice_are_refused() -> None:
    async with running(make_server()) as server, Forger(server) as alice:
        whole = alice.offer()
        for missing in whole:
            half = {name: value for name, value in whole.items() if name != missing}
            assert (await alice.http.post("/own/exchange", json=half)).status_code == 422
        seen = [(await alice.http.post("/own/exchange", json=whole)).status_code for _ in range(2)]
        assert seen == [200, 401]
        assert len(server.view().sessions) == 1


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"signed_path": "/challenge"}, 401),
        ({"receiver": BOB.ss58_address}, 401),
        ({"signed_body": b"another"}, 401),
        ({"signer": EVE}, 401),
        ({"off_s": -61}, 401),
        ({"off_s": 90}, 401),
        ({"x-own-key": "ab" * 32}, 401),
        ({"x-own-hotkey": EVE.ss58_address}, 403),
        ({"x-own-nonce": "1" * 22}, 401),
        ({"token": b"short"}, 401),
        ({"token": bytes(99)}, 401),
        ({"body": b"no challenge"}, 422),
    ],
    ids=map(str, range(12)),
)
async def test_a_challenge_that_does_not_hold_is_not_answered(changed: dict[str, Any], status: int) -> None:
    backend = ObedientBackend()
    async with running(make_server(backend)) as server, Forger(server) as alice:
        assert (await alice.exchange()).status_code == 200
        assert (await alice.ask(**changed)).status_code == status
        assert backend.begun == []
        assert (await alice.ask()).status_code == 200


async def test_a_challenge_holds_once_and_neither_its_nonce_nor_its_body_holds_again() -> None:
    async with running(make_server()) as server, Forger(server) as alice:
        await alice.exchange()
        nonce, token = str(time.time_ns()), PairedKey(alice.secret, asks=True).seal(b'{"prompt": "hello"}')
        assert (await alice.ask(nonce=nonce, token=token)).status_code == 200
        assert (await alice.ask(nonce=nonce)).status_code == 401
        assert (await alice.ask(token=token)).status_code == 409


async def test_headers_that_are_missing_are_named() -> None:
    async with running(make_server()) as server, Forger(server) as alice:
        got = await alice.http.post("/own/challenge", content=b"x")
    assert got.status_code == 422
    assert [one["loc"][1] for one in got.json()["detail"]] == list(REQUIRED)


# -- the validator is not deceived -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda clear: b"0x" + b"0" * 128 + clear[130:], "not signed by the miner's hotkey"),
        (lambda clear: clear[:-2] + b" }", "not signed by the miner's hotkey"),
        (lambda _: b"", "not signed by the miner's hotkey"),
        (lambda _: b"\xff" * 200, "not signed by the miner's hotkey"),
    ],
)
async def test_an_answer_that_the_miner_has_not_signed_is_malformed(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[bytes], bytes], why: str
) -> None:
    seal = PairedKey.seal

    def spoiled(key: PairedKey, clear: bytes) -> bytes:
        return seal(key, spoil(clear) if clear.startswith(b"0x") else clear)

    async with running(make_server(ObedientBackend())) as server, calling() as caller:
        monkeypatch.setattr(PairedKey, "seal", spoiled)
        with pytest.raises(WireError, match=why) as caught:
            await caller.ask(peer_of(server), challenge(), timeout=5, max_bytes=9999)
    assert caught.value.status == "malformed"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"key": "ab" * 32, "signature": "0x" + "0" * 128}, "key: not signed by the miner's hotkey"),
        ({"key": 7}, "key: not signed"),
        (signed_key(EVE, X25519Key()), "key: not signed"),
        (
            {
                "key": SMALL_ORDER[0],
                "signature": signature_hex(BOB, own._lines("key", BOB.ss58_address, SMALL_ORDER[0])),
            },
            "key: ",
        ),
    ],
    ids=["no signature", "no key", "another's", "small order"],
)
async def test_a_key_that_cannot_be_trusted_ends_the_handshake(said: dict[str, Any], why: str) -> None:
    async def handle(_: Received) -> bytes:
        return reply(200, said)

    async with http_server(handle) as peer, calling() as caller:
        with pytest.raises(WireError, match=why) as caught:
            await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)
    assert caught.value.status == "malformed"


MOVES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "reordered": lambda frames: [frames[1], frames[0], *frames[2:]],
    "left out": lambda frames: [frames[0], *frames[2:]],
    "twice": lambda frames: [frames[0], *frames],
    "broken off": lambda frames: frames[:-1],
    "cut short": lambda frames: [*frames[:-1], frames[-1][:-1]],
    "after its end": lambda frames: [*frames, frames[-1]],
    "a byte more": lambda frames: [*frames, b"x"],
    "a bit flipped": lambda frames: [frames[0][:-1] + bytes([frames[0][-1] ^ 1]), *frames[1:]],
    "of another question": lambda frames: [other_frames()[0], *frames[1:]],
    "another end": lambda frames: [*frames[:-1], other_frames()[-1]],
}
STREAM_KEY = bytes(range(64))
TEXTS = ["It ", "is ", "42"]


def sealed_frames(question: bytes, texts: list[str], signature: str = "0x" + "1" * 128) -> list[bytes]:
    stream = SealedStream(PairedKey(STREAM_KEY, asks=False), question, lambda _, __: signature)
    return [*map(stream.piece, texts), stream.end(Completion(text=".", finish_reason="length"))]


def other_frames() -> list[bytes]:
    return sealed_frames(b"other", TEXTS)


def read_frames(raw: bytes, told: list[str], *, by: int = 7, signed: str = "0x" + "1" * 128) -> Completion:
    is_signed: Callable[[str, bytes, str], bool] = lambda text, _, said: (text, said) == ("".join(TEXTS), signed)  # noqa: E731
    reading = SealedReading(PairedKey(STREAM_KEY, asks=True), b"question", told.append, is_signed)
    for start in range(0, len(raw), by):
        reading.feed(raw[start : start + by])
    return reading.completion()


@given(st.integers(1, 300))
def test_a_stream_is_read_however_it_is_cut(by: int) -> None:
    told: list[str] = []
    completion = read_frames(b"".join(sealed_frames(b"question", TEXTS)), told, by=by)
    assert (completion.text, completion.finish_reason) == ("It is 42.", "length")
    assert told == [*TEXTS, "."]


@pytest.mark.parametrize("moved", MOVES)
def test_who_carries_a_stream_can_only_stop_it(moved: str) -> None:
    told: list[str] = []
    with pytest.raises(WireError) as caught:
        read_frames(b"".join(MOVES[moved](sealed_frames(b"question", TEXTS))), told)
    assert caught.value.status == "malformed"
    assert "It is 42.".startswith("".join(told))


def test_a_stream_that_the_miner_has_not_signed_is_malformed() -> None:
    with pytest.raises(WireError, match="not signed by the miner's hotkey"):
        read_frames(b"".join(sealed_frames(b"question", TEXTS, "0x" + "2" * 128)), [])


def test_each_direction_has_its_own_key_and_two_transcripts_their_own_secrets() -> None:
    one, other = X25519Key(), X25519Key()
    secret = one.agree(other.public, b"t")
    assert secret == other.agree(one.public, b"t") != one.agree(other.public, b"u")
    asking, answering = PairedKey(secret, asks=True), PairedKey(secret, asks=False)
    token = asking.seal(b"hello")
    assert answering.open(token) == b"hello"
    with pytest.raises(Refusal):
        asking.open(token)
    assert asking.open(answering.seal(b"back")) == b"back"


@pytest.mark.parametrize("length", [0, 1, 65_536, 1_200_000])
def test_a_message_of_any_size_is_a_nonce_and_what_the_cipher_makes_of_it(length: int) -> None:
    secret, clear = bytes(range(64)), os.urandom(length)
    sealed = PairedKey(secret, asks=True).seal(clear, b"bound")
    assert isinstance(sealed, bytes)
    assert ChaCha20Poly1305(secret[:32]).decrypt(sealed[:12], sealed[12:], b"bound") == clear
    assert PairedKey(secret, asks=False).open(sealed, b"bound") == clear


@given(st.binary(max_size=200))
def test_whatever_is_sealed_opens_and_nothing_else_does(clear: bytes) -> None:
    secret = bytes(range(64))
    token = PairedKey(secret, asks=True).seal(clear)
    key = PairedKey(secret, asks=False)
    assert key.open(token) == clear
    for broken in (clear, token[:-1], token + b"x", bytes([token[0] ^ 1]) + token[1:]):
        with pytest.raises(Refusal, match="401"):
            key.open(key.decoded(broken))


@given(
    st.recursive(
        st.none() | st.text(max_size=70) | st.integers(),
        lambda inner: (
            st.dictionaries(st.sampled_from(["key", "signature"]) | st.text(max_size=5), inner, max_size=3)
            | st.lists(inner, max_size=2)
        ),
        max_leaves=5,
    )
)
def test_whatever_a_peer_offers_is_read_without_failing(said: Any) -> None:
    assert offered_key(said, BOB.ss58_address) is None


@given(st.dictionaries(st.sampled_from(REQUIRED), st.text(max_size=99)), st.binary(max_size=99))
def test_whatever_comes_the_claim_is_read_or_refused(headers: dict[str, str], body: bytes) -> None:
    end = MinerEnd(signer=MINER, rsa=RsaKey(), x25519=X25519Key())
    for route in OWN.routes(end).routes:
        if isinstance(route, HandshakeRoute | QuestionRoute):
            call = Posted(route.path, headers, body)
            try:
                hotkey = route.claimant(call)
                assert route.claim is not None
                assert route.claim(call).hotkey == hotkey
            except Refusal as refused:
                assert refused.status in (401, 422)
