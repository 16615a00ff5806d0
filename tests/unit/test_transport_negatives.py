"""What no dialect of a miner takes: hotkeys that are none, keys that anybody has, half of a proof, two dialects mixed.
Each is refused with one reason, and nothing of it is kept."""

import json
import time
from collections.abc import Callable
from hashlib import sha256

import httpx
import pytest
from msgspec import Struct
from substrateinterface.utils.ss58 import ss58_encode

from engine.transport.dialects import btauth, own
from engine.transport.x25519 import X25519Key
from miner_server.allowlist import AllowList
from tests.unit.miner_helpers import ALICE, MINER, ObedientBackend, make_server, running

IDENTITY = ss58_encode("00" * 32, ss58_format=42)
"""Under this key one signature holds for every message."""

FORGED = "0x" + "00" * 64
BODY = b'{"prompt": "hello"}'


class Sent(Struct, frozen=True):
    """A request as a hotkey might make it, with a signature that anybody can write."""

    path: str
    body: bytes
    headers: dict[str, str]


def loosh(hotkey: str) -> Sent:
    body = {
        "encrypted_symmetric_key": "ab" * 256, "symmetric_key_uuid": "u", "timestamp": time.time(), "nonce": "n",
        "signature": FORGED, "validator_hotkey_ss58": hotkey,
    }  # fmt: skip
    return Sent("/fiber/key-exchange", json.dumps(body).encode(), {})


def fiber(hotkey: str) -> Sent:
    return Sent(
        "/challenge",
        BODY,
        {
            "validator-hotkey": hotkey, "miner-hotkey": MINER.ss58_address, "nonce": f"{time.time_ns()}_x",
            "signature": FORGED,
        },
    )  # fmt: skip


def signed_by_sdk(hotkey: str) -> Sent:
    headers = {
        btauth.VERSION_HEADER: "1", btauth.HOTKEY_HEADER: hotkey, btauth.RECEIVER_HEADER: MINER.ss58_address,
        btauth.NONCE_HEADER: str(time.time_ns()), btauth.SIGNATURE_HEADER: FORGED,
    }  # fmt: skip
    return Sent("/challenge", BODY, headers)


def template(hotkey: str) -> Sent:
    message = f"{MINER.ss58_address}:{hotkey}:{time.time_ns()}"
    return Sent("/api/add", b'{"a": 1, "b": 2}', {"bt_message": message, "bt_signature": FORGED})


def ours(hotkey: str) -> Sent:
    offer = own._Exchange(hotkey, MINER.ss58_address, str(time.time_ns()), X25519Key().public, "", FORGED)
    return Sent(
        "/own/exchange", json.dumps({name: getattr(offer, name) for name in offer.__struct_fields__}).encode(), {}
    )


DIALECTS = [loosh, fiber, signed_by_sdk, template, ours]


@pytest.mark.parametrize("made", DIALECTS, ids=lambda made: made.__name__)
@pytest.mark.parametrize(
    "hotkey",
    [IDENTITY, ALICE.ss58_address[:-1] + "1", "", "0" * 48, "z" * 12_000],
    ids=["identity", "typo", "", "0", "z"],
)
async def test_a_hotkey_that_nobody_holds_is_refused_and_leaves_nothing(
    made: Callable[[str], Sent], hotkey: str
) -> None:
    backend, allow = ObedientBackend(), AllowList([IDENTITY, ALICE.ss58_address])
    async with (
        running(make_server(backend, allow=allow)) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        sent = made(hotkey)
        got = await client.post(sent.path, content=sent.body, headers=sent.headers)
        assert got.status_code in (400, 401, 403, 422), got.text
        [one] = server.view().requests
        assert (one.status, bool(one.reason)) == (got.status_code, True)
        assert (server.view().sessions, backend.begun) == ((), [])


@pytest.mark.parametrize("made", DIALECTS, ids=lambda made: made.__name__)
async def test_half_of_it_is_refused_whichever_half_is_missing(made: Callable[[str], Sent]) -> None:
    backend = ObedientBackend()
    whole = made(ALICE.ss58_address)
    fields = list(whole.headers) or list(json.loads(whole.body))
    async with (
        running(make_server(backend)) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        for missing in fields:
            headers = {name: value for name, value in whole.headers.items() if name != missing}
            body = whole.body
            if not whole.headers:
                body = json.dumps({key: value for key, value in json.loads(body).items() if key != missing}).encode()
            got = await client.post(whole.path, content=body, headers=headers)
            assert got.status_code in (401, 422), (missing, got.text)
        assert (server.view().sessions, backend.begun) == ((), [])


async def test_a_request_that_mixes_two_dialects_is_answered_in_neither() -> None:
    backend = ObedientBackend()
    nonce = f"{time.time_ns()}"
    text = f"{nonce}:{MINER.ss58_address}:{sha256(BODY).hexdigest()}"
    holds = {
        "validator-hotkey": ALICE.ss58_address, "miner-hotkey": MINER.ss58_address, "nonce": nonce,
        "signature": "0x" + ALICE.sign(text).hex(),
    }  # fmt: skip
    async with (
        running(make_server(backend)) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        mixed = await client.post("/challenge", content=BODY, headers=holds | signed_by_sdk(ALICE.ss58_address).headers)
        assert (mixed.status_code, backend.begun) == (400, [])
        alone = await client.post("/challenge", content=BODY, headers=holds)
        assert alone.status_code == 200, "its nonce was not used up by what was refused"
