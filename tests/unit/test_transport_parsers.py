"""Whatever a peer or a caller sends, each reader of the dialects takes it or refuses it in its own words, and never
fails otherwise."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import msgspec
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine import sums
from engine.gateway.pushed import read_pushed
from engine.keys import is_address
from engine.transport import challenge_api
from engine.transport.addresses import refuse_address
from engine.transport.brought_keys import FromPusher, pushers
from engine.transport.challenge_api import ChallengeApiError, statuses, told_by
from engine.transport.clear import AnswerEvents, ClearStream
from engine.transport.desk import Desk
from engine.transport.dialect import HandshakeRoute, MinerEnd, QuestionRoute, StatusRoute, UnprovenRoute
from engine.transport.dialects import btauth, fiber, loosh, loosh_plain, own, template
from engine.transport.dialects.registry import DIALECTS
from engine.transport.errors import Refusal, WireError
from engine.transport.exchange import read_availability
from engine.transport.gate import Gate, GateClosed
from engine.transport.http import HttpReply
from engine.transport.kept_keys import KEY_FILE, KeptKeys
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import RsaKey, read_public_key
from engine.transport.sealed_stream import SealedReading
from engine.transport.wire import Completion
from engine.transport.x25519 import PairedKey, X25519Key
from miner_server.allowlist import AllowList
from miner_server.errors import MinerError
from miner_server.operator_lists import OperatorLists
from tests.unit.miner_helpers import ALICE, MINER
from tests.unit.transport_helpers import Posted

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(ALICE.ss58_address),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=4,
)
NAMED = sorted({*loosh.KeyExchange.__struct_fields__, *own._Exchange.__struct_fields__, "encrypted_symmetric_key"})
BODIES = st.dictionaries(st.sampled_from(NAMED), VALUES).map(lambda value: json.dumps(value).encode()) | st.binary()
HEADERS = st.dictionaries(
    st.sampled_from([*fiber.SEALED, *own.REQUIRED, "content-type"]),
    st.text(st.characters(max_codepoint=255), max_size=99) | st.just(MINER.ss58_address) | st.just("application/json"),
)
END = MinerEnd(signer=MINER, rsa=RsaKey(), x25519=X25519Key())
HANDSHAKES = [
    route for made in DIALECTS.values() for route in made.routes(END).routes if isinstance(route, HandshakeRoute)
]


def _lines(texts: list[str]) -> bytes:
    return "\n".join(texts).encode()


def refused(read: Callable[[], object]) -> bool:
    """Whether it was refused, in words fit for a screen."""
    try:
        read()
    except Refusal as refusal:
        assert refusal.status in (400, 401, 403, 413, 422, 503)
        assert not isinstance(refusal.detail, str) or refusal.detail.isprintable()
        return True
    except WireError as error:
        assert error.reason.isprintable()
        return True
    return False


def awaited(reading: Awaitable[object]) -> None:
    """Read a key as far as its seal, which nobody can make up: the miner's own key is not made yet."""

    async def read() -> None:
        await reading

    asyncio.run(read())


@given(HEADERS, BODIES, st.sampled_from(HANDSHAKES))
def test_a_handshake(headers: dict[str, str], body: bytes, route: HandshakeRoute) -> None:
    call = Posted(route.path, headers, body)
    for read in (route.claimant, route.claim, lambda call: awaited(route.take(call))):
        refused(partial(read, call))


QUESTIONS = [
    route
    for made in DIALECTS.values()
    for route in made.routes(replace(END, unproven=True)).routes
    if isinstance(route, QuestionRoute | StatusRoute | UnprovenRoute)
]
PROOFS = (
    *fiber.SEALED,
    *own.REQUIRED,
    *btauth.REQUIRED,
    *template.HEADERS,
    btauth.CRYPTO_HEADER,
    loosh.VALIDATOR_HEADER,
    loosh.KEY_UUID_HEADER,
    loosh_plain.VALIDATOR_HEADER,
)
ASKED = ("prompt", "messages", "tools", "tool_choice", "max_tokens", "temperature", "stop", "seed", "metadata")
CONTENT = st.dictionaries(st.sampled_from([*ASKED, "a", "b"]), VALUES)
CHALLENGES = CONTENT.map(lambda value: json.dumps(value).encode()) | st.binary()


@given(
    st.dictionaries(st.sampled_from(PROOFS), st.text(st.characters(max_codepoint=255), max_size=300)),
    CHALLENGES,
    st.sampled_from(QUESTIONS),
)
def test_a_question_in_any_dialect(
    headers: dict[str, str], body: bytes, route: QuestionRoute | StatusRoute | UnprovenRoute
) -> None:
    """Whom it names, what it claims and what it asks: each is read or refused, and a claim names whom the call does."""
    call = Posted(route.path, headers, body)
    if not refused(lambda: route.claimant(call)) and not isinstance(route, UnprovenRoute) and route.claim is not None:
        claim = route.claim
        if not refused(lambda: claim(call)):
            assert claim(call).hotkey == route.claimant(call)
            assert isinstance(claim(call).timestamp, float)
    if isinstance(route, QuestionRoute) and route.key_uuid is not None:
        assert isinstance(route.key_uuid(call), str)
    if not isinstance(route, StatusRoute) and not refused(lambda: route.read(body, 1000)):
        assert route.read(body, 1000).question


@given(st.dictionaries(st.sampled_from([*ASKED, "id", "response_format", "model", "top_p"]), VALUES))
def test_a_challenge_that_a_challenge_api_pushes(said: dict[str, Any]) -> None:
    try:
        pushed = read_pushed(said)
    except msgspec.ValidationError as error:
        assert str(error).isprintable()
    else:
        assert pushed.request.prompt or pushed.request.messages


@given(st.dictionaries(st.sampled_from(["x-nonce", "x-hotkey", "x-signature"]), st.text()), st.binary())
@example({"x-nonce": "1_0.0"}, b"")
def test_what_a_challenge_apis_headers_claim(headers: dict[str, str], body: bytes) -> None:
    try:
        claim = challenge_api.signed_claim(headers, body)
    except ValueError:
        return
    gate = Gate(MemoryNonces(), allowed=lambda _: None, window=60)
    with contextlib.suppress(GateClosed):
        gate.check(claim)
        raise AssertionError("nobody can make up a signature")


@given(st.text() | st.ip_addresses().map(str), st.integers())
@example("::ffff:127.0.0.1", 80)
@example("2002:7f00:1::", 80)
@example("64:ff9b::7f00:1", 80)
@example("0177.0.0.1", 80)
@example("127.1", 80)
@example("0.0.0.0", 80)
@example("fe80::1%eth0", 80)
def test_an_axons_address(ip: str, port: int) -> None:
    """Whatever is called is an address of the world, by what the standard library says of it, too."""
    why = refuse_address(ip, port, allow_private=False, own=frozenset())
    if why is None:
        assert ip_address(ip).is_global
        assert 0 < port < 65536
    else:
        assert why.isprintable()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | st.lists(st.sampled_from([ALICE.ss58_address, "# a note", "", "x", "\x00"])).map(_lines))
def test_the_operators_own_lists(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "let-in.txt").write_bytes(written)
    allow = AllowList()
    try:
        OperatorLists(tmp_path, allow)
    except MinerError as error:
        assert "let-in.txt" in str(error)
    else:
        assert allow.let_in <= {ALICE.ss58_address}


@given(VALUES | st.dictionaries(st.just("result"), VALUES))
@example({"result": 10**36})
@example({"result": True})
def test_a_result_of_the_template(said: Any) -> None:
    body = json.dumps(said).encode()
    if not refused(lambda: template._result(body)):
        assert isinstance(said["result"], int)
        assert abs(said["result"]) < template.LARGEST**2


@given(st.text() | st.binary().map(lambda raw: f"-----BEGIN PUBLIC KEY-----\n{raw.hex()}\n-----END PUBLIC KEY-----"))
def test_a_public_key(pem: str) -> None:
    try:
        read_public_key(pem)
    except ValueError as error:
        assert str(error).isprintable()
    else:
        raise AssertionError("nobody makes up an RSA key by chance")


@given(st.lists(st.text(min_size=1), max_size=5), st.text(), st.integers(1, 50))
def test_a_stream_in_the_clear_is_the_same_however_it_is_cut(pieces: list[str], rest: str, by: int) -> None:
    written = ClearStream()
    raw = b"".join(map(written.piece, pieces)) + written.end(Completion(text=rest))
    told: list[str] = []
    events = AnswerEvents(told.append)
    for start in range(0, len(raw), by):
        events.feed(raw[start : start + by])
    assert events.completion().text == "".join(told) == "".join(pieces) + rest


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"data: ", b"\n", b"[DONE]", b'{"response_text": "x"}'])))
def test_a_stream_of_anything(pieces: list[bytes]) -> None:
    events = AnswerEvents(lambda _: None)

    def read() -> None:
        for piece in pieces:
            events.feed(piece)
        events.completion()

    refused(read)


@given(st.lists(st.binary(max_size=60)))
def test_a_sealed_stream_of_anything_is_no_answer(pieces: list[bytes]) -> None:
    said: list[str] = []
    reading = SealedReading(PairedKey(bytes(64), asks=True), b"asked", said.append, lambda *_: True)
    assert refused(lambda: [*map(reading.feed, pieces), reading.completion()])
    assert said == []


@given(
    st.integers(-(10**18) + 1, 10**18 - 1), st.integers(-(10**18) + 1, 10**18 - 1), st.booleans(), st.text(max_size=30)
)
def test_a_sum_in_words(first: int, second: int, multiply: bool, noise: str) -> None:
    asked = sums.Operation(first, second, multiply)
    assert sums.read(asked.question) == asked
    other = sums.read(noise)
    assert other is None or max(abs(other.a), abs(other.b)) < 10**18


LISTED = st.lists(VALUES | st.fixed_dictionaries({"hotkey_ss58": VALUES, "status": VALUES}), max_size=4)


@given(LISTED.map(lambda said: json.dumps(said).encode()) | st.binary())
@example(b'["' + b"1" * 65_536 + b'"]')
@example(b'[{"hotkey_ss58": "x", "status": ' + b"9" * 5_000 + b"}]")
@example(b"[" * 100_000)
def test_a_challenge_apis_list_of_hotkeys(body: bytes) -> None:
    try:
        listed = statuses(body)
    except ChallengeApiError as error:
        assert str(error).isprintable()
    else:
        assert all(is_address(hotkey) for hotkey in listed)
        assert all(isinstance(status, str) for status in listed.values())


@given(VALUES | st.binary())
def test_why_a_challenge_api_refuses(said: Any) -> None:
    body = said if isinstance(said, bytes) else json.dumps({"detail": said}).encode()
    told = told_by(body)
    assert len(told) <= 2 + challenge_api.REASON_WIDTH
    assert told.isprintable()


SAID = st.dictionaries(st.sampled_from(["available", "reason", "error", "detail", "public_key", "key"]), VALUES)


@given(st.sampled_from([200, 204, 404, 503]), SAID.map(lambda said: json.dumps(said).encode()) | st.binary())
@example(200, b'{"available": 1}')
@example(200, b'{"available": false, "reason": ' + b"9" * 5_000 + b"}")
@example(503, b'{"available": true}')
def test_what_a_miner_says_at_availability(status: int, body: bytes) -> None:
    reply = HttpReply(status, body, 1.0)
    try:
        found = read_availability(reply)
    except WireError as error:
        assert error.reason.isprintable()
    else:
        assert found.available == (status < 300 and json.loads(body).get("available") is True)
        assert found.available or (found.reason.isprintable() and len(found.reason) <= 170)


@given(st.sampled_from([200, 401, 404, 405, 422, 500]), SAID.map(lambda said: json.dumps(said).encode()) | st.binary())
def test_what_a_probe_is_told(status: int, body: bytes) -> None:
    reply = HttpReply(status, body, 1.0)
    for dialect in DIALECTS.values():
        for probe in dialect.probes:
            assert probe.spoken(reply) in (True, False)
    assert loosh._inline_key(reply) is None or status == 401


PACKED = st.recursive(
    st.none() | st.integers(-(2**63), 2**64 - 1) | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
SAVED = {"hotkey": st.text(), "key_uuid": st.text(), "secret": st.binary(max_size=64), "opened": st.lists(st.binary())}
TIMES = st.floats() | st.integers(-(2**63), 2**64 - 1)
KEYS = st.fixed_dictionaries(SAVED | {"created_at": TIMES, "expires_at": TIMES})
FILES = st.dictionaries(st.sampled_from(["loosh", "fiber", "own", "no such"]), st.lists(KEYS, max_size=2) | PACKED)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | FILES.map(msgspec.msgpack.encode), st.booleans())
def test_a_file_of_session_keys(tmp_path: Path, clear: bytes, is_sealed: bool) -> None:
    kept = KeptKeys(tmp_path, MINER.ss58_address)
    kept.keep({})
    [file] = tmp_path.glob("*.sealed")
    file.write_bytes(Fernet((tmp_path / KEY_FILE).read_bytes()).encrypt(clear) if is_sealed else clear)
    taken = kept.take()
    assert not file.exists()
    for name, saved in taken.items():
        if name in DIALECTS:
            desk = Desk(DIALECTS[name], END, MemoryNonces(), allowed=lambda _: None)
            with contextlib.suppress(ValueError):
                desk.restore(saved)
            assert all(view.expires_at > 0 for view in desk.sessions())


@given(st.dictionaries(st.sampled_from(FromPusher.__struct_encode_fields__), VALUES).map(json.dumps) | st.text())
@example(
    json.dumps({"hotkey_ss58": ALICE.ss58_address, "key_uuid": "u", "encrypted_symmetric_key": "AA", "timestamp": 1})
)
def test_a_key_that_a_challenge_api_brings(said: str) -> None:
    keys = pushers([ALICE.ss58_address], unsigned=True)
    assert refused(lambda: awaited(keys.exchange(said.encode())))
    assert len(keys) == 0
