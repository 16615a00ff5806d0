"""Whatever a peer or a caller sends, each reader of the dialects takes it or refuses it in its own words, and never
fails otherwise."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from engine import sums
from engine.transport.clear import AnswerEvents, ClearStream
from engine.transport.dialect import HandshakeRoute, MinerEnd
from engine.transport.dialects import fiber, loosh, own, template
from engine.transport.dialects.registry import DIALECTS
from engine.transport.errors import Refusal, WireError
from engine.transport.rsa import RsaKey, read_public_key
from engine.transport.sealed_stream import SealedReading
from engine.transport.wire import Completion
from engine.transport.x25519 import PairedKey, X25519Key
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


def refused(read: Callable[[], object]) -> bool:
    """Whether it was refused, in words fit for a screen."""
    try:
        read()
    except Refusal as refusal:
        assert refusal.status in (400, 401, 413, 422, 503)
        assert not isinstance(refusal.detail, str) or refusal.detail.isprintable()
        return True
    except WireError as error:
        assert error.reason.isprintable()
        return True
    return False


def taken(route: HandshakeRoute, call: Posted) -> None:
    """Read a key as far as its seal, which nobody can make up."""
    coroutine = route.take(call)
    try:
        coroutine.send(None)  # type: ignore[attr-defined]
    except StopIteration:
        return
    coroutine.close()  # type: ignore[attr-defined]


@given(HEADERS, BODIES, st.sampled_from(HANDSHAKES))
def test_a_handshake(headers: dict[str, str], body: bytes, route: HandshakeRoute) -> None:
    call = Posted(route.path, headers, body)
    for read in (route.claimant, route.claim, partial(taken, route)):
        refused(partial(read, call))


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
