"""btauth/1 against the chain's SDK itself, both ways: what it signs we take, and what we sign it verifies."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from substrateinterface import Keypair, KeypairType

from engine.transport.dialect import ValidatorEnd
from engine.transport.dialects.btauth import BtauthCaller, signed_lines
from engine.transport.errors import WireError
from engine.transport.http import PeerClients
from engine.values import Peer
from tests.unit.miner_helpers import ALICE, BOB, MINER, ObedientBackend, make_server, running
from tests.unit.transport_helpers import ForeignFiberMiner, Received, challenge, http_server, reply

http_auth = pytest.importorskip("bittensor.http_auth", reason="bittensor, of the extra dev, is not installed")

BODY = b'{"prompt": "What is 41 plus 1?"}'


def signed(method: str, path: str, body: bytes, signer: Keypair = ALICE) -> dict[str, str]:
    headers: dict[str, str] = http_auth.sign(
        signer, method=method, path=path, body=body, receiver_ss58=MINER.ss58_address
    )
    return headers


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/challenge", BODY), ("POST", "/challenge/stream?x=%20y&z", BODY), ("GET", "/status", b"")],
)
async def test_what_the_sdk_signs_our_miner_takes_once_and_for_one_route_and_body(
    method: str, path: str, body: bytes
) -> None:
    async with (
        running(make_server(ObedientBackend())) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        headers = signed(method, path, body)
        seen = [(await client.request(method, path, content=body, headers=headers)).status_code for _ in range(2)]
        elsewhere = await client.request(method, path, content=body, headers=signed(method, path + "x", body))
        altered = await client.request(method, path, content=body, headers=signed(method, path, body + b" "))
        assert [*seen, elsewhere.status_code, altered.status_code] == [200, 401, 401, 401]
        assert {one.dialect for one in server.view().requests} == {"btauth"}


async def test_a_scheme_that_our_miner_does_not_know_is_named() -> None:
    other = Keypair.create_from_seed("11" * 32, ss58_format=42, crypto_type=KeypairType.ED25519)
    async with (
        running(make_server(ObedientBackend())) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        headers = signed("POST", "/challenge", BODY, other) | {http_auth.HEADER_HOTKEY: ALICE.ss58_address}
        got = await client.post("/challenge", content=BODY, headers=headers)
    assert (got.status_code, got.json()["detail"]) == (401, "x-bittensor-crypto is not sr25519")


class SdkMiner:
    """Verifies requests as the SDK's guide says, in the name of `hotkey`."""

    def __init__(self, hotkey: str) -> None:
        self._hotkey = hotkey
        self._nonces = http_auth.InMemoryNonceStore()
        self.received: list[Received] = []

    async def __call__(self, received: Received) -> bytes:
        try:
            self.verify(received)
        except http_auth.AuthError as error:
            return reply(401, {"detail": str(error)})
        self.received.append(received)
        is_stream = received.path == "/challenge/stream"
        return reply(200, ForeignFiberMiner.stream if is_stream else {"response_text": "sdk 42"})

    def verify(self, received: Received) -> None:
        http_auth.verify(
            received.headers, received.body, method="POST", path=received.path, self_hotkey_ss58=self._hotkey,
            nonce_store=self._nonces,
        )  # fmt: skip


async def test_what_our_validator_signs_the_sdk_verifies_once_and_for_one_miner() -> None:
    clients, told = PeerClients(allow_private=True), list[str]()
    caller = BtauthCaller(ValidatorEnd(ALICE, clients))
    miner = SdkMiner(BOB.ss58_address)
    async with http_server(miner) as peer:
        assert (await caller.ask(peer, challenge(), timeout=5, max_bytes=9999)).completion.text == "sdk 42"
        await caller.ask(peer, challenge(), timeout=5, max_bytes=9999, on_text=told.append)
        with pytest.raises(WireError, match="signed for a different receiving hotkey"):
            await caller.ask(Peer(MINER.ss58_address, peer.host, peer.port), challenge(), timeout=5, max_bytes=9999)
    await clients.close()
    assert told == ["forty", "-two"]
    assert [json.loads(one.body)["prompt"] for one in miner.received] == ["What is 41 plus 1?"] * 2
    with pytest.raises(http_auth.ReplayedRequest):
        miner.verify(miner.received[0])


@given(st.sampled_from(["GET", "POST"]), st.text("/?=&%a1", min_size=1), st.binary(max_size=40), st.integers(0, 2**64))
def test_both_sign_the_same_bytes(method: str, target: str, body: bytes, nonce: int) -> None:
    theirs: Any = http_auth.build_payload(
        scheme="sr25519", method=method, path=target, body=body, nonce_ns=nonce, sender_ss58=ALICE.ss58_address,
        receiver_ss58=MINER.ss58_address,
    )  # fmt: skip
    assert theirs == signed_lines(method, target, body, str(nonce), ALICE.ss58_address, MINER.ss58_address)
