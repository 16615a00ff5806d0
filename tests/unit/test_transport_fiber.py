"""Fiber classic: our miner's end against what the real Fiber 2.1.0 was recorded to say, and our validator's end against
a miner written from the facts. Then ours against ours."""

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from hypothesis import given
from hypothesis import strategies as st
from substrateinterface import Keypair

from engine.transport.desk import Desk, OpenedQuestion
from engine.transport.dialect import HandshakeRoute, LookupRoute, MinerEnd, QuestionRoute, UnprovenRoute, ValidatorEnd
from engine.transport.dialects.fiber import FIBER, IN_THE_CLEAR_S, SEALED, FiberCaller
from engine.transport.errors import Refusal, WireError
from engine.transport.http import PeerClients
from engine.transport.kept_keys import KeptKeys
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import RsaKey
from engine.values import Peer
from miner_server.allowlist import AllowList
from miner_server.server import MinerServer
from tests.unit.miner_helpers import ALICE, BOB, EVE, MINER, ObedientBackend, make_server, running
from tests.unit.transport_helpers import (
    OAEP,
    ForeignFiberMiner,
    Posted,
    Received,
    challenge,
    http_server,
    reply,
)

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "fiber_2_1_0_transcript.json").read_text())[
    "fiber_2_1_0"
]
SECRETS = RECORDED["secrets"]
EXCHANGES: dict[str, Any] = {one["name"]: one for one in RECORDED["exchanges"]}
ROWS: dict[str, Any] = {one["name"]: one for one in RECORDED["edge_cases"]}
OURS = {"/challenge-signed": "/challenge", "/challenge-stream": "/challenge/stream"}
"""What the recorded server's example calls its paths, in this miner."""

OFF_S = {"nonce_119s_old": 119, "nonce_121s_old": 121, "nonce_119s_future": -119, "nonce_121s_future": -121}
NO_CHALLENGE = "neither prompt nor messages given"
"""All that this miner has against the recorded bodies, which are sums for the example: they got through."""

SIGNED_FOR_ANOTHER = ("wrong_miner_hotkey_signed", "signed_other_miner_hotkey")
"""Fiber took these until 2.1.1, and sealed ones still does; see the docstring of the dialect."""


def instant(row: dict[str, Any]) -> float:
    """When the row was recorded, by its nonce."""
    stamp = row["request_headers"].get("nonce", "").partition("_")[0]
    at = int(stamp) / 1e9 if len(stamp) == 19 else ROWS["nonce_no_suffix"]["instant"]
    return float(at + OFF_S.get(row["name"], 0))


ROWS["nonce_no_suffix"]["instant"] = 1795309985.6


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The recorded miner, with its keys, and the key that the recorded validator brought."""
    private = load_pem_private_key(SECRETS["rsa_private_key_pem"].encode(), None)
    monkeypatch.setattr("engine.transport.rsa.new_private_key", lambda: private)
    key = RsaKey()
    await key.start()
    signer = Keypair.create_from_seed(SECRETS["miner_seed"], ss58_format=42)
    exchange = EXCHANGES["exchange_symmetric_key"]
    monkeypatch.setattr(time, "time", lambda: exchange["t0_ns"] / 1e9 - 1000)  # it had been running for a while
    allowed = {SECRETS["validator_hotkey"]}
    made = Desk(
        FIBER,
        MinerEnd(signer=signer, rsa=key),
        MemoryNonces(),
        allowed=lambda hotkey: None if hotkey in allowed else "no permit",
    )
    monkeypatch.setattr(time, "time", lambda: exchange["t0_ns"] / 1e9)
    handshake = next(route for route in made.routes if isinstance(route, HandshakeRoute))
    assert await made.exchange(handshake, recorded(exchange)) == SECRETS["validator_hotkey"]
    return made


def recorded(exchange: dict[str, Any]) -> Posted:
    path = exchange["request"]["start_line"].split()[1]
    headers = {name.lower(): value for name, value in exchange["request"]["headers"]}
    return Posted(OURS.get(path, path), headers, exchange["request"]["body_utf8"].encode())


def question_for(desk: Desk, call: Posted) -> QuestionRoute:
    """As the mount chooses it."""
    return next(
        route
        for route in desk.routes
        if isinstance(route, QuestionRoute)
        and route.path == call.target
        and all(call.header(name) is not None for name in route.bears)
    )


async def opened(desk: Desk, call: Posted) -> OpenedQuestion:
    question = question_for(desk, call)
    hotkey = question.claimant(call)
    if hotkey != SECRETS["validator_hotkey"]:
        raise Refusal(403, "no permit")  # the mount's allow-list comes before everything else
    desk.require_key(question, call, hotkey)
    return await desk.open(question, call, hotkey)


@pytest.mark.parametrize("name", ["encrypted_post", "encrypted_post_empty", "encrypted_streamed_post", "signed_post"])
async def test_what_a_real_client_sent_is_opened(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    exchange = EXCHANGES[name]
    monkeypatch.setattr(time, "time", lambda: exchange["t0_ns"] / 1e9)
    clear = (await opened(desk, recorded(exchange))).clear
    if name == "signed_post":
        assert clear == exchange["request"]["body_utf8"].encode()
    else:
        assert set(json.loads(clear)) >= {"nonce"}
        assert clear.decode() == exchange["derived"].get("plaintext", clear.decode())
    with pytest.raises(Refusal, match="401: the nonce has been used before"):
        await opened(desk, recorded(exchange))


async def status_of(desk: Desk, call: Posted) -> int:
    """What the miner would answer, as far as it is the dialect's and the desk's to say."""
    handshake = next(route for route in desk.routes if isinstance(route, HandshakeRoute))
    try:
        if call.target == handshake.path:
            handshake.claimant(call)
            await desk.exchange(handshake, call)
            return 200
        question = question_for(desk, call)
        question.read((await opened(desk, call)).clear, 10_000)
    except Refusal as refused:
        return 200 if refused.detail == NO_CHALLENGE else refused.status
    except WireError as error:
        return 200 if error.reason == NO_CHALLENGE else 422
    raise AssertionError("no recorded body is a challenge")


OF_HTTP = ("get_on_post_route", "public_key_post", "unknown_path")
OF_MORE = ("missing_uuid", "replayed_headers")
"""Of more than one request or route: they are below, over sockets."""


@pytest.mark.parametrize("name", [name for name in ROWS if name not in OF_HTTP + OF_MORE])
async def test_each_recorded_row_has_its_status(desk: Desk, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    row = ROWS[name]
    monkeypatch.setattr(time, "time", lambda: instant(row))
    headers = {key.lower(): value for key, value in row["request_headers"].items()}
    body = base64.b64decode(row["request_body_b64"])
    got = await status_of(desk, Posted(OURS.get(row["path"], row["path"]), headers, body))
    if name in SIGNED_FOR_ANOTHER:
        assert got == 401
    elif row["status"] == 500:
        assert got in (400, 401)
    else:
        assert got == row["status"]


# -- over real sockets -----------------------------------------------------------------------------------------


class FiberClient:
    """A validator written from the package `fiber` 2.1, with nothing of ours in it."""

    def __init__(self, server: MinerServer, keypair: Keypair = ALICE) -> None:
        self.keypair = keypair
        self.key = Fernet.generate_key()
        self.key_uuid = "ab" * 32
        self.http = httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), timeout=20, trust_env=False)

    async def __aenter__(self) -> "FiberClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    def headers(self, what: str | None, **changed: str) -> dict[str, str]:
        nonce = changed.pop("nonce", f"{time.time_ns()}_abcdefghij")
        signed = f"{nonce}:{MINER.ss58_address}" + ("" if what is None else f":{what}")
        return {
            "validator-hotkey": self.keypair.ss58_address,
            "miner-hotkey": MINER.ss58_address,
            "nonce": nonce,
            "signature": "0x" + self.keypair.sign(signed).hex(),
        } | changed

    def sealed_headers(self) -> dict[str, str]:
        return {"symmetric-key-uuid": self.key_uuid, **self.headers(self.key_uuid)}

    async def shake(self) -> httpx.Response:
        public = load_pem_public_key((await self.http.get("/public-encryption-key")).json()["public_key"].encode())
        assert isinstance(public, rsa.RSAPublicKey)
        sealed = base64.b64encode(public.encrypt(base64.urlsafe_b64decode(self.key), OAEP)).decode()
        body = {"encrypted_symmetric_key": sealed}
        return await self.http.post("/exchange-symmetric-key", json=body, headers=self.sealed_headers())

    async def ask(self, prompt: str, path: str = "/challenge") -> httpx.Response:
        token = Fernet(self.key).encrypt(json.dumps({"prompt": prompt, "nonce": "x"}).encode())
        return await self.http.post(path, content=token, headers=self.sealed_headers())

    async def ask_signed(self, prompt: str, path: str = "/challenge", **changed: str) -> httpx.Response:
        body = json.dumps({"prompt": prompt}).encode()
        headers = {"content-type": "application/json", **self.headers(sha256(body).hexdigest(), **changed)}
        return await self.http.post(path, content=body, headers=headers)


async def test_a_validator_that_is_not_ours_is_answered_sealed_signed_and_streamed() -> None:
    async with running(make_server(ObedientBackend())) as server, FiberClient(server) as alice:
        assert (await alice.ask("too early")).status_code == 400
        shaken = await alice.shake()
        assert (shaken.status_code, shaken.json()) == (200, {"status": "Symmetric key exchanged successfully"})
        assert (await alice.ask("sealed")).json()["response_text"] == "heard sealed"
        assert (await alice.ask_signed("in the clear")).json()["response_text"] == "heard in the clear"
        for streamed in (
            await alice.ask("one", "/challenge/stream"),
            await alice.ask_signed("one", "/challenge/stream"),
        ):
            assert streamed.headers["content-type"] == "text/event-stream"
            event, done, *rest = [line for line in streamed.text.split("\n") if line]
            assert json.loads(event.removeprefix("data: "))["response_text"] == "heard one"
            assert (done, rest) == ("data: [DONE]", [])
        assert {one.hotkey for one in server.view().sessions} == {ALICE.ss58_address}


async def test_a_signed_get_is_told_how_the_miner_is_and_nobody_else_is() -> None:
    async with (
        running(make_server(ObedientBackend())) as server,
        FiberClient(server) as alice,
        FiberClient(server, EVE) as eve,
    ):
        headers = alice.headers(None)
        status = await alice.http.get("/status", headers=headers)
        assert (status.status_code, status.json()["status"], status.json()["capacity"]) == (200, "ready", 8)
        assert (await alice.http.get("/status", headers=headers)).status_code == 401, "its nonce was used"
        assert (await alice.http.get("/status", headers=alice.headers("a body"))).status_code == 401
        assert (await eve.http.get("/status", headers=eve.headers(None))).status_code == 403
        assert (await eve.http.get("/status")).status_code == 422


@pytest.mark.parametrize(
    ("version", "headers", "status"),
    [
        ("2.1 to 2.3", lambda alice: {"validator-hotkey": alice.keypair.ss58_address}, 422),
        ("2.4 and later, signed", lambda alice: alice.headers(None), 200),
        ("2.4 and later, sealed", lambda alice: alice.sealed_headers(), 200),
        ("2.4 and later, another key", lambda alice: alice.sealed_headers() | {"symmetric-key-uuid": "cd" * 32}, 401),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
async def test_each_version_s_get_has_its_status(
    version: str, headers: Callable[[FiberClient], dict[str, str]], status: int
) -> None:
    """2.1's client signs no GET, which 2.4's own server refuses with 422 too."""
    async with running(make_server(ObedientBackend())) as server, FiberClient(server) as alice:
        assert (await alice.http.get("/status", headers=headers(alice))).status_code == status, version


async def test_a_get_with_a_key_s_uuid_passes_for_no_handshake_and_the_other_way_round() -> None:
    async with running(make_server(ObedientBackend())) as server, FiberClient(server) as alice:
        get, handshake = alice.sealed_headers(), alice.sealed_headers()
        assert (await alice.http.get("/status", headers=get)).status_code == 200
        alice.sealed_headers = lambda: get  # type: ignore[method-assign]
        assert (await alice.shake()).status_code == 401
        alice.sealed_headers = lambda: handshake  # type: ignore[method-assign]
        assert (await alice.shake()).status_code == 200
        assert (await alice.http.get("/status", headers=handshake)).status_code == 401


async def test_what_two_dialects_say_in_one_request_is_not_answered() -> None:
    backend = ObedientBackend()
    async with running(make_server(backend)) as server, FiberClient(server) as alice:
        await alice.shake()
        headers = alice.sealed_headers()
        no_uuid = {name: value for name, value in headers.items() if name != "symmetric-key-uuid"}
        token = Fernet(alice.key).encrypt(b'{"prompt": "sealed, and sent as signed"}')
        mixed = await alice.http.post("/challenge", content=token, headers=no_uuid)
        nothing = await alice.http.post("/challenge", content=token)
        foreign = await alice.http.post("/fiber/challenge", content=token, headers=headers)
        assert [one.status_code for one in (mixed, nothing, foreign)] == [401, 422, 422]
        get, post = await alice.http.get("/challenge"), await alice.http.post("/public-encryption-key")
        assert (get.status_code, post.status_code, (await alice.http.get("/nope")).status_code) == (405, 405, 404)
    assert backend.begun == []


async def test_a_signed_request_is_spent_once_also_where_nothing_is_sealed() -> None:
    async with running(make_server(ObedientBackend())) as server, FiberClient(server) as alice:
        nonce = f"{time.time_ns()}_twice"
        seen = [(await alice.ask_signed("again", nonce=nonce)).status_code for _ in range(2)]
        assert seen == [200, 401]
        other = await alice.ask_signed("for another", **{"miner-hotkey": BOB.ss58_address})
        assert (other.status_code, other.json()["detail"]) == (401, "the request is signed for another miner")


async def test_what_was_signed_for_a_challenge_brings_no_key_and_the_other_way_round() -> None:
    """Fiber signs the same for both: who has overheard one of each could be served in the validator's name."""
    async with running(make_server(ObedientBackend())) as server, FiberClient(server) as alice:
        handshake, question = alice.sealed_headers(), alice.sealed_headers()
        heard = iter((handshake, question, question, handshake))
        alice.sealed_headers = lambda: next(heard)  # type: ignore[method-assign]
        assert (await alice.shake()).status_code == 200
        assert (await alice.ask("honest")).status_code == 200
        alice.key = Fernet.generate_key()
        assert (await alice.shake()).status_code == 401
        assert (await alice.ask("forged")).status_code == 401


async def test_what_was_signed_before_a_restart_brings_no_key_after_it() -> None:
    """The miner no longer knows which nonces came with challenges: two overheard ones would do for the forgery."""
    async with running(make_server(ObedientBackend())) as first, FiberClient(first) as alice:
        await alice.shake()
        overheard = alice.sealed_headers()
        alice.sealed_headers = lambda: overheard  # type: ignore[method-assign]
        assert (await alice.ask("honest")).status_code == 200
    async with running(make_server(ObedientBackend())) as second, FiberClient(second) as eve:
        eve.sealed_headers = lambda: overheard  # type: ignore[method-assign]
        refused = await eve.shake()
        assert (refused.status_code, "before the miner started" in refused.json()["detail"]) == (401, True)
        [one] = second.view().requests
        assert (one.status, one.gate, second.view().sessions) == (401, "nonce", ())


@pytest.mark.parametrize("ahead_s", [0, 90])
@pytest.mark.parametrize("as_what", ["challenge", "handshake", "status"])
async def test_what_was_heard_before_a_restart_passes_for_nothing_after_it(
    tmp_path: Path, as_what: str, ahead_s: int
) -> None:
    """Also of a validator whose clock is ahead, so that what it signed looks new; the keys survive a clean restart."""
    kept, nonces = KeptKeys(tmp_path, MINER.ss58_address), MemoryNonces()

    def miner() -> MinerServer:
        allow = AllowList([ALICE.ss58_address])
        return MinerServer(MINER, ObedientBackend(), allow, nonces, host="127.0.0.1", port=0, kept=kept)

    async with running(miner()) as first, FiberClient(first) as alice:
        await alice.shake()
        overheard = alice.headers(alice.key_uuid, nonce=f"{time.time_ns() + ahead_s * 10**9}_abcdefghij")
        overheard["symmetric-key-uuid"] = alice.key_uuid
        token = Fernet(alice.key).encrypt(b'{"prompt": "heard once"}')
        assert (await alice.http.post("/challenge", content=token, headers=overheard)).status_code == 200
    async with running(miner()) as second, FiberClient(second) as eve:
        assert [one.hotkey for one in second.view().sessions] == [ALICE.ss58_address], "the key has survived"
        eve.sealed_headers = lambda: overheard  # type: ignore[method-assign]
        if as_what == "challenge":
            got = await eve.http.post("/challenge", content=token, headers=overheard)
        elif as_what == "handshake":
            got = await eve.shake()
        else:
            got = await eve.http.get("/status", headers=overheard)
        assert got.status_code == (409 if as_what == "challenge" and not ahead_s else 401), got.text
        assert [one.gate for one in second.view().requests] == ["nonce"]
        assert len(second.view().sessions) == 1


# -- the validator's end ---------------------------------------------------------------------------------------


@asynccontextmanager
async def calling() -> AsyncIterator[FiberCaller]:
    clients = PeerClients(allow_private=True)
    try:
        yield FiberCaller(ValidatorEnd(ALICE, clients))
    finally:
        await clients.close()


async def test_a_miner_that_is_not_ours_answers_us_and_again_after_it_lost_the_key() -> None:
    miner = ForeignFiberMiner()
    async with http_server(miner) as peer, calling() as caller:
        assert (await caller.available(peer, timeout=5)).available, "it has no route that would say so"
        for _ in range(2):
            answer = await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)
            assert answer.completion.text == "foreign 42"
        miner.keys.clear()
        await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)
    shaking = ["/public-encryption-key", "/exchange-symmetric-key"]
    assert miner.requests == [
        "/availability",
        *shaking,
        "/challenge",
        "/challenge",
        "/challenge",
        *shaking,
        "/challenge",
    ]
    assert miner.asked[0]["prompt"] == "What is 41 plus 1?"
    assert miner.asked[0]["nonce"].partition("_")[0].isdigit()
    assert "truth" not in miner.asked[0]


async def test_a_stream_is_told_as_it_comes_and_is_whole_in_the_end() -> None:
    told: list[str] = []
    async with http_server(ForeignFiberMiner()) as peer, calling() as caller:
        answer = await caller.ask(peer, challenge(), timeout=5, max_bytes=9999, on_text=told.append)
    assert told == ["forty", "-two"]
    assert (answer.completion.text, answer.completion.finish_reason) == ("forty-two", "length")


@pytest.mark.parametrize(
    ("stream", "why"),
    [(b"", "without an event"), (b"data: [DONE]\n\n", "without an event"), (b"data: what\n\n", "not JSON")],
)
async def test_an_invalid_stream_is_malformed(stream: bytes, why: str) -> None:
    miner = ForeignFiberMiner()
    miner.stream = stream
    async with http_server(miner) as peer, calling() as caller:
        with pytest.raises(WireError, match=why) as caught:
            await caller.ask(peer, challenge(), timeout=5, max_bytes=9999, on_text=lambda _: None)
    assert caught.value.status == "malformed"


async def test_a_miner_that_hands_out_no_key_is_asked_in_the_clear_and_what_is_signed_is_what_is_sent() -> None:
    """Fiber's signed mode, its default since 2.0."""
    seen: list[dict[str, Any]] = []

    async def handle(received: Received) -> bytes:
        if received.path not in ("/challenge", "/challenge/stream"):
            return reply(404, {"detail": "Not Found"})
        headers = received.headers
        text = f"{headers['nonce']}:{BOB.ss58_address}:{sha256(received.body).hexdigest()}"
        if not Keypair(ss58_address=headers["validator-hotkey"]).verify(text, headers["signature"]):
            return reply(401, {"detail": "Oi"})
        assert "symmetric-key-uuid" not in headers
        seen.append(json.loads(received.body))
        stream = received.path == "/challenge/stream"
        return reply(200, ForeignFiberMiner.stream) if stream else reply(200, {"response_text": "signed 42"})

    told: list[str] = []
    async with http_server(handle) as peer, calling() as caller:
        assert (await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "signed 42"
        await caller.ask(peer, challenge(), timeout=5, max_bytes=9999, on_text=told.append)
        with pytest.raises(WireError, match="challenge: 401: Oi"):
            await caller.ask(Peer(EVE.ss58_address, peer.host, peer.port), challenge(), timeout=5, max_bytes=9999)
    assert seen[0]["prompt"] == "What is 41 plus 1?"
    assert told == ["forty", "-two"]


async def test_a_miner_in_the_clear_is_soon_asked_for_a_key_again(monkeypatch: pytest.MonkeyPatch) -> None:
    miner = ForeignFiberMiner()
    lacking = {"/public-encryption-key", "/challenge"}

    async def handle(received: Received) -> bytes:
        if received.path not in lacking:
            return await miner(received)
        return reply(404, b"") if received.path == "/public-encryption-key" else reply(200, {"response_text": "clear"})

    async with http_server(handle) as peer, calling() as caller:
        assert (await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "clear"
        lacking.clear()
        lacking.add("/challenge")
        await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)
        assert miner.requests == [], "not with each challenge"
        lacking.clear()
        later = time.monotonic() + IN_THE_CLEAR_S
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert (await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "foreign 42"


async def test_a_miner_that_is_always_lost_is_asked_twice() -> None:
    async def handle(received: Received) -> bytes:
        return reply(401, {"detail": "never"}) if received.path == "/challenge" else await miner(received)

    miner = ForeignFiberMiner()
    async with http_server(handle) as peer, calling() as caller:
        with pytest.raises(WireError, match="challenge, after a new handshake: 401: never"):
            await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)
    assert miner.requests.count("/exchange-symmetric-key") == 2


@pytest.mark.parametrize(
    ("path", "said", "why"),
    [
        ("/public-encryption-key", reply(500, b"no"), "public key: 500"),
        ("/public-encryption-key", reply(200, {"public_key": 7}), "public key: not a PEM public key"),
        ("/exchange-symmetric-key", reply(403, {"detail": "Insufficient stake"}), "key exchange: 403: Insufficient"),
        ("/challenge", reply(503, {"detail": "busy"}), "challenge: 503: busy"),
    ],
)
async def test_a_refusal_says_where_and_why(path: str, said: bytes, why: str) -> None:
    async def handle(received: Received) -> bytes:
        return said if received.path == path else await miner(received)

    miner = ForeignFiberMiner()
    async with http_server(handle) as peer, calling() as caller:
        with pytest.raises(WireError, match=why):
            await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)


async def test_ours_is_answered_by_ours() -> None:
    told: list[str] = []
    async with running(make_server(ObedientBackend(), spoken=[FIBER])) as server, calling() as caller:
        peer = Peer(MINER.ss58_address, *server.address)
        assert (await caller.available(peer, timeout=5)).available
        for _ in range(2):
            answer = await caller.ask(peer, challenge(), timeout=5, max_bytes=9999, on_text=told.append)
            assert answer.completion.text == "heard What is 41 plus 1?"
        plain = await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)
        assert plain.completion.text == answer.completion.text
        seen = [one.route for one in server.view().requests]
    assert told == ["heard What is 41 plus 1?"] * 2
    shake = "/exchange-symmetric-key"
    assert seen == [shake, "/challenge/stream", "/challenge/stream", "/challenge"]


@given(st.dictionaries(st.sampled_from([*SEALED, "content-type"]), st.text(max_size=200)), st.binary(max_size=99))
def test_whatever_headers_come_the_claim_is_read_or_refused(headers: dict[str, str], body: bytes) -> None:
    routes = FIBER.routes(MinerEnd(signer=MINER, rsa=RsaKey())).routes
    for route in routes:
        if not isinstance(route, LookupRoute | UnprovenRoute):
            call = Posted(route.path, headers, body)
            try:
                hotkey = route.claimant(call)
                assert route.claim is not None
                assert route.claim(call).hotkey == hotkey
            except Refusal as refused:
                assert refused.status in (401, 422)
