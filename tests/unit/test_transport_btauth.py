"""btauth/1: our miner's end against requests that the chain's SDK signed, and ours against ours."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.transport.desk import Desk
from engine.transport.dialect import LookupRoute, MinerEnd, QuestionRoute, StatusRoute, UnprovenRoute, ValidatorEnd
from engine.transport.dialects.btauth import BTAUTH, REQUIRED, BtauthCaller
from engine.transport.errors import Refusal, WireError
from engine.transport.http import PeerClients
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import RsaKey
from engine.values import Peer
from miner_server.server import MinerServer
from tests.unit.miner_helpers import ALICE, BOB, EVE, MINER, ObedientBackend, make_server, running
from tests.unit.transport_helpers import Posted, challenge

RECORDED: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data" / "btauth_1.json").read_text())
REQUESTS: dict[str, Any] = {one["name"]: one for one in RECORDED["requests"]}
SIGNED_AT = 1795309983.643979808


def call_of(name: str, **changed: str | None) -> Posted:
    """A recorded request, with headers changed or left out."""
    one = REQUESTS[name]
    headers = {key.lower(): value for key, value in one["headers"].items()} | {
        f"x-bittensor-{key}": value for key, value in changed.items()
    }
    return Posted(
        one["target"], {key: value for key, value in headers.items() if value is not None}, one["body"].encode()
    )


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(time, "time", lambda: SIGNED_AT + 1)
    allowed: Callable[[str], str | None] = lambda hotkey: None if hotkey == RECORDED["sender"] else "no permit"  # noqa: E731
    return Desk(BTAUTH, MinerEnd(signer=MINER, rsa=RsaKey()), MemoryNonces(), allowed=allowed)


async def admitted(desk: Desk, call: Posted, method: str = "POST") -> bytes:
    path = call.target.partition("?")[0]
    route = next(one for one in desk.routes if (one.method, one.path) == (method, path))
    if isinstance(route, StatusRoute):
        await desk.admit(route, call, route.claimant(call))
        return b""
    assert isinstance(route, QuestionRoute)
    return (await desk.open(route, call, route.claimant(call))).clear


@pytest.mark.parametrize("name", ["post", "post_query", "stream", "get"])
async def test_what_the_sdk_signed_is_taken_once(desk: Desk, name: str) -> None:
    call = call_of(name)
    assert (await admitted(desk, call, REQUESTS[name]["method"])).decode() == REQUESTS[name]["body"]
    with pytest.raises(Refusal, match="401: the nonce has been used before"):
        await admitted(desk, call, REQUESTS[name]["method"])


async def test_a_signature_counts_without_its_0x(desk: Desk) -> None:
    signature = REQUESTS["post"]["headers"]["X-Bittensor-Signature"]
    assert await admitted(desk, call_of("post", signature=signature[2:]))


@pytest.mark.parametrize("scheme", ["sr25519", "SR25519", " sr25519", "1"])
async def test_the_scheme_counts_as_the_sdk_reads_it(desk: Desk, scheme: str) -> None:
    assert await admitted(desk, call_of("post", crypto=scheme))


@pytest.mark.parametrize(
    ("name", "changed", "status", "why"),
    [
        ("no_receiver", {}, 422, "x-bittensor-receiver"),
        ("post", {"receiver": BOB.ss58_address}, 401, "signed for another miner"),
        ("post", {"version": "2"}, 401, "x-bittensor-version is not 1"),
        ("post", {"crypto": "ed25519"}, 401, "x-bittensor-crypto is not sr25519"),
        ("post", {"nonce": "1795309983643979809"}, 401, "signature"),
        ("post", {"nonce": "soon"}, 401, "not a time in ns"),
        ("post", {"nonce": "1" * 22}, 401, "not a time in ns"),
        ("post", {"signature": "0x" + "0" * 128}, 401, "signature"),
        ("post", {"signature": "zz"}, 401, "signature"),
        ("post", {"hotkey": EVE.ss58_address}, 403, "no permit"),
        ("post", {"hotkey": None, "nonce": None}, 422, "x-bittensor-nonce"),
    ],
)
async def test_what_is_not_signed_so_is_refused(
    desk: Desk, name: str, changed: dict[str, str | None], status: int, why: str
) -> None:
    with pytest.raises(Refusal) as caught:
        await admitted(desk, call_of(name, **changed))
    assert caught.value.status == status
    assert why in str(caught.value.detail)


@pytest.mark.parametrize(("seconds", "holds"), [(9.9, True), (10.1, False), (-1.9, True), (-2.1, False)])
async def test_a_request_is_ten_seconds_old_at_most_and_two_ahead(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, seconds: float, holds: bool
) -> None:
    monkeypatch.setattr(time, "time", lambda: SIGNED_AT + seconds)
    if holds:
        assert await admitted(desk, call_of("post"))
    else:
        with pytest.raises(Refusal, match=r"at most (10|2) s is allowed"):
            await admitted(desk, call_of("post"))


@pytest.mark.parametrize("moved", ["/challenge/stream", "/challenge?a=2"])
async def test_a_signature_holds_for_one_route_and_one_body(desk: Desk, moved: str) -> None:
    call = call_of("post")
    for other in (call._replace(target=moved), call._replace(body=b'{"prompt": "another"}')):
        with pytest.raises(Refusal, match="401: the signature does not match"):
            await admitted(desk, other)


def peer_of(server: MinerServer) -> Peer:
    return Peer(MINER.ss58_address, *server.address)


async def test_ours_is_answered_by_ours_also_as_a_stream() -> None:
    clients, told = PeerClients(allow_private=True), list[str]()
    caller = BtauthCaller(ValidatorEnd(ALICE, clients))
    async with running(make_server(ObedientBackend())) as server:
        assert (await caller.available(peer_of(server), timeout=5)).available
        plain = await caller.ask(peer_of(server), challenge(), timeout=5, max_bytes=9999)
        streamed = await caller.ask(peer_of(server), challenge(), timeout=5, max_bytes=9999, on_text=told.append)
        with pytest.raises(WireError, match="challenge: 401: the request is signed for another miner"):
            other = Peer(BOB.ss58_address, *server.address)
            await caller.ask(other, challenge(), timeout=5, max_bytes=9999)
        assert [one.route for one in server.view().requests][:2] == ["/challenge", "/challenge/stream"]
    assert plain.completion.text == streamed.completion.text == "heard What is 41 plus 1?"
    assert told == ["heard What is 41 plus 1?"]
    await clients.close()


async def test_a_request_of_two_dialects_is_answered_in_neither() -> None:
    backend = ObedientBackend()
    headers = dict.fromkeys(REQUIRED, "1") | {"validator-hotkey": ALICE.ss58_address, "signature": "0x"}
    async with running(make_server(backend)) as server, httpx.AsyncClient(trust_env=False) as client:
        address = "http://{}:{}".format(*server.address)
        post = await client.post(f"{address}/challenge", headers=headers, content=b"{}")
        get = await client.get(f"{address}/status", headers=headers)
    assert [one.status_code for one in (post, get)] == [400, 400]
    assert post.json() == {"detail": "the headers match more than one dialect: use one"}
    assert backend.begun == []


@given(
    st.dictionaries(st.sampled_from([*REQUIRED, "x-bittensor-crypto"]), st.text(max_size=99)), st.binary(max_size=99)
)
def test_whatever_headers_come_the_claim_is_read_or_refused(headers: dict[str, str], body: bytes) -> None:
    for route in BTAUTH.routes(MinerEnd(signer=MINER, rsa=RsaKey())).routes:
        assert not isinstance(route, LookupRoute | UnprovenRoute)
        try:
            hotkey = route.claimant(Posted(route.path, headers, body))
            assert route.claim is not None
            assert route.claim(Posted(route.path, headers, body)).hotkey == hotkey
        except Refusal as refused:
            assert refused.status in (401, 422)
