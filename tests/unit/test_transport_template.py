"""The template's dialect: our miner against requests made as the template's validator makes them, our validator against
a miner that does what the template's was meant to do, and ours against ours."""

import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from substrateinterface import Keypair

from engine.transport.dialect import ChallengeRoute, MinerEnd, ValidatorEnd
from engine.transport.dialects.template import TEMPLATE, TemplateCaller
from engine.transport.errors import Refusal, WireError
from engine.transport.http import PeerClients
from engine.transport.rsa import RsaKey
from engine.transport.wire import Completion
from engine.values import Peer, Request
from miner_server.server import MinerServer
from tests.unit.miner_helpers import ALICE, BOB, EVE, MINER, ObedientBackend, make_server, running
from tests.unit.transport_helpers import Posted, Received, challenge, http_server, reply

Headers = dict[str, str]


def signed(
    keypair: Keypair = ALICE, *, miner: str = MINER.ss58_address, off_s: float = 0.0, claims: str = ""
) -> Headers:
    """As the template's validator makes them; `claims` names somebody else as the sender."""
    message = f"{miner}:{claims or keypair.ss58_address}:{time.time_ns() + int(off_s * 1e9)}"
    return {"BT_MESSAGE": message, "BT_SIGNATURE": "0x" + keypair.sign(message).hex()}


class Says(ObedientBackend):
    """Answers with one text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    async def complete(
        self, request: Request, *, timeout: float, caller: str = "", on_text: Callable[[str], None] | None = None
    ) -> Completion:
        await super().complete(request, timeout=timeout, caller=caller)
        return Completion(text=self.text)


@asynccontextmanager
async def client(server: MinerServer) -> AsyncIterator[httpx.AsyncClient]:
    address = "http://{}:{}".format(*server.address)
    async with httpx.AsyncClient(base_url=address, trust_env=False) as made:
        yield made


async def test_its_validator_is_answered_on_either_path() -> None:
    async with running(make_server()) as server, client(server) as asking:
        for path, sum_of in (("/api/add", 1006), ("/api/multiply", 8973)):
            for behind in ("", "/api/forward"):
                got = await asking.post(path + behind, json={"a": 997, "b": 9}, headers=signed())
                assert (got.status_code, got.json()) == (200, {"result": sum_of})
        assert {one.status for one in server.view().requests} == {200}


@pytest.mark.parametrize(
    ("made", "status", "why"),
    [
        (lambda: signed(EVE), 403, "no validator permit"),
        (lambda: signed(EVE, claims=ALICE.ss58_address), 401, "the signature does not match"),
        (lambda: signed(MINER, claims=ALICE.ss58_address), 401, "the signature does not match"),
        (lambda: signed(miner=BOB.ss58_address), 401, "signed for another miner"),
        (lambda: signed(off_s=-33), 401, "behind ours, at most 32 s"),
        (lambda: signed(off_s=60), 401, "ahead of ours, at most 32 s"),
        (lambda: signed() | {"BT_SIGNATURE": "0x" + "0" * 128}, 401, "the signature does not match"),
        (lambda: signed() | {"BT_SIGNATURE": "no hex"}, 401, "the signature does not match"),
        (lambda: signed() | {"BT_MESSAGE": "a:b"}, 401, "not miner:validator:time"),
        (lambda: signed() | {"BT_MESSAGE": "1" * 1_000}, 401, "not miner:validator:time"),
        (lambda: signed() | {"BT_MESSAGE": f"{MINER.ss58_address}:{ALICE.ss58_address}:soon"}, 401, "a time in ns"),
        (lambda: {"BT_SIGNATURE": "0x"}, 422, "missing: bt_message"),
        (dict, 422, "missing: bt_message, bt_signature"),
    ],
    ids=map(str, range(13)),
)
async def test_what_does_not_hold_is_refused_for_one_reason(made: Callable[[], Headers], status: int, why: str) -> None:
    backend = ObedientBackend()
    async with running(make_server(backend)) as server, client(server) as asking:
        got = await asking.post("/api/add", json={"a": 1, "b": 2}, headers=made())
        [one] = server.view().requests
    assert (got.status_code, one.status) == (status, status)
    assert why in one.reason
    assert backend.begun == []


async def test_a_request_holds_once_also_on_the_other_route() -> None:
    headers = signed()
    async with running(make_server()) as server, client(server) as asking:
        seen = [
            (await asking.post(path, json={"a": 1, "b": 2}, headers=headers)).status_code
            for path in ("/api/add", "/api/add", "/api/multiply")
        ]
    assert seen == [200, 401, 401]


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b'{"a": 1}', b'{"a": 1, "b": "2"}', b'{"a": 1.5, "b": 2}', b'{"a": 1, "b": %d}' % 10**18],
)
async def test_a_body_that_is_not_a_sum_is_refused(body: bytes) -> None:
    backend = ObedientBackend()
    async with running(make_server(backend)) as server, client(server) as asking:
        assert (await asking.post("/api/add", content=body, headers=signed())).status_code == 422
    assert backend.begun == []


async def test_whole_numbers_are_taken_however_json_puts_them() -> None:
    async with running(make_server(Says("5"))) as server, client(server) as asking:
        for body in (b'{"a": 2.0, "b": 3}', b'{"a": 2e0, "b": 30e-1}', b'{"b": 3, "a": 2, "more": 1}'):
            assert (await asking.post("/api/add", content=body, headers=signed())).json() == {"result": 5}


@pytest.mark.parametrize(
    ("said", "status", "result"),
    [
        ("2 + 3 = 5.", 200, 5),
        ("It comes to **5**", 200, 5),
        ("five", 200, 5),
        (" -5\n", 200, -5),
        ("5" * 40, 200, int("5" * 40)),
        ("I do not know", 502, None),
        ("5.5", 502, None),
    ],
)
async def test_the_number_in_the_models_words_is_the_result(said: str, status: int, result: int | None) -> None:
    async with running(make_server(Says(said))) as server, client(server) as asking:
        got = await asking.post("/api/add", json={"a": 2, "b": 3}, headers=signed())
    assert (got.status_code, got.json().get("result")) == (status, result)


# -- the validator's end ---------------------------------------------------------------------------------------


class MendedMiner:
    """The template's miner, with its checks as they were meant; `said` may be replaced."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, int]]] = []
        self.said: Any = None

    async def __call__(self, received: Received) -> bytes:
        if received.path not in ("/api/add", "/api/multiply"):
            return reply(404, {"detail": "Not Found"})
        miner, sender, stamp = received.headers["bt_message"].split(":")
        verified = Keypair(ss58_address=sender).verify(received.headers["bt_message"], received.headers["bt_signature"])
        if miner != BOB.ss58_address or not verified or time.time_ns() - int(stamp) > 32e9:
            return reply(401, {"detail": "Unauthorized"})
        body = json.loads(received.body)
        self.asked.append((received.path, body))
        a, b = body["a"], body["b"]
        return reply(
            200, {"result": (a + b if received.path == "/api/add" else a * b) if self.said is None else self.said}
        )


@asynccontextmanager
async def calling() -> AsyncIterator[TemplateCaller]:
    clients = PeerClients(allow_private=True)
    try:
        yield TemplateCaller(ValidatorEnd(ALICE, clients))
    finally:
        await clients.close()


async def test_a_miner_that_is_not_ours_is_asked_sums_and_nothing_else() -> None:
    miner = MendedMiner()
    told: list[str] = []
    async with http_server(miner) as peer, calling() as caller:
        assert (await caller.available(peer, timeout=5)).available, "it has no route that would say so"
        answers = [
            await caller.ask(peer, challenge(prompt), timeout=5, max_bytes=999, on_text=told.append)
            for prompt in ("Hello! What is 41 plus 1? Thank you.", "Can you multiply -6 by 7?")
        ]
        with pytest.raises(WireError, match=r"refused: .*sum or product of two whole numbers only"):
            await caller.ask(peer, challenge("Who wrote Hamlet?"), timeout=5, max_bytes=999)
    assert [one.completion.text for one in answers] == told == ["42", "-42"]
    assert miner.asked == [("/api/add", {"a": 41, "b": 1}), ("/api/multiply", {"a": -6, "b": 7})]


@pytest.mark.parametrize("said", ["42", True, [1], 4.5, 10**36, {}])
async def test_a_result_that_is_not_a_number_is_malformed(said: object) -> None:
    miner = MendedMiner()
    miner.said = said
    async with http_server(miner) as peer, calling() as caller:
        with pytest.raises(WireError, match="malformed: result is not a whole number"):
            await caller.ask(peer, challenge(), timeout=5, max_bytes=999)


async def test_ours_is_answered_by_ours() -> None:
    async with running(make_server(spoken=[TEMPLATE])) as server, calling() as caller:
        peer = Peer(MINER.ss58_address, *server.address)
        answer = await caller.ask(peer, challenge("How much is 12 plus 30?"), timeout=5, max_bytes=999)
        with pytest.raises(WireError, match="challenge: 401: the request is signed for another miner"):
            await caller.ask(Peer(BOB.ss58_address, *server.address), challenge(), timeout=5, max_bytes=999)
    assert answer.completion.text == "42"


@given(st.dictionaries(st.sampled_from(["bt_message", "bt_signature"]), st.text(max_size=200)), st.binary(max_size=99))
def test_whatever_comes_the_claim_and_the_body_are_read_or_refused(headers: Headers, body: bytes) -> None:
    for route in TEMPLATE.routes(MinerEnd(signer=MINER, rsa=RsaKey())).routes:
        assert isinstance(route, ChallengeRoute)
        assert route.claim is not None
        call = Posted(route.path, headers, body)
        try:
            hotkey = route.claimant(call)
            assert route.claim(call).hotkey == hotkey
        except Refusal as refused:
            assert refused.status in (401, 422)
        try:
            assert "What is" in route.read(body, 10_000).question
        except WireError as error:
            assert error.status == "malformed"
