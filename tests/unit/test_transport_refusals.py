"""The negatives of the protocols, walked in every dialect: each has its status, one reason and one gate, nothing is
stored before a signature holds, and the next honest request is answered."""

import base64
import json
import secrets
import time
from collections.abc import Awaitable, Callable
from hashlib import sha256

import httpx
import msgspec
import pytest
from cryptography.fernet import Fernet
from msgspec import Struct
from msgspec.structs import replace
from substrateinterface import Keypair

from engine.keys import signature_hex
from engine.transport.dialects import btauth, own
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import new_private_key, read_public_key, seal_key
from engine.transport.wire import Completion
from engine.transport.x25519 import PairedKey, X25519Key
from engine.values import Request
from miner_server import admission
from miner_server.allowlist import AllowList
from miner_server.server import MinerServer
from tests.unit.effort import effort
from tests.unit.miner_helpers import ALICE, BOB, EVE, MINER, ObedientBackend, running

BODY = b'{"prompt": "hello", "max_tokens": 9, "temperature": 0.1, "top_p": 1.0}'
ANOTHER_RSA = new_private_key().public_key()
LONG = "1" * (64 * 1024)
"""Valid base58 whose value takes seconds to work out."""


class Reckoner(ObedientBackend):
    """Answers with the sum that the template asks for, which is what it takes for an answer."""

    async def complete(
        self, request: Request, *, timeout: float, caller: str = "", on_text: Callable[[str], None] | None = None
    ) -> Completion:
        return replace(await super().complete(request, timeout=timeout, caller=caller), text="3")


class Wrong(Struct, frozen=True):
    """What is wrong with a request; nothing by default. `unsigned` leaves the signature empty, `foreign_key` seals for
    the key of another miner."""

    signer: Keypair = ALICE
    hotkey: str = ALICE.ss58_address
    receiver: str = MINER.ss58_address
    off_s: float = 0.0
    elsewhere: str = ""
    unsigned: bool = False
    foreign_key: bool = False

    def signature(self, message: bytes) -> str:
        return "" if self.unsigned else signature_hex(self.signer, message)

    @property
    def nonce(self) -> str:
        return str(time.time_ns() + int(self.off_s * 1e9))


class Sent(Struct, frozen=True):
    path: str
    body: bytes
    headers: dict[str, str]


Maker = Callable[[httpx.AsyncClient, Wrong], Awaitable[Sent]]


async def loosh(client: httpx.AsyncClient, wrong: Wrong) -> Sent:
    """Loosh's handshake: a challenge bears no signature."""
    public = read_public_key((await client.get("/fiber/public-key")).json()["public_key"])
    at, nonce = time.time() + wrong.off_s, secrets.token_hex(8)
    body = {
        "encrypted_symmetric_key": seal_key(ANOTHER_RSA if wrong.foreign_key else public, Fernet.generate_key()).hex(),
        "symmetric_key_uuid": "u", "timestamp": at, "nonce": nonce, "validator_hotkey_ss58": wrong.hotkey,
        "signature": wrong.signature(f"{at}.{nonce}.{wrong.hotkey}".encode()),
    }  # fmt: skip
    return Sent("/fiber/key-exchange", json.dumps(body).encode(), {})


def fiber_headers(wrong: Wrong, what: str) -> dict[str, str]:
    nonce = f"{wrong.nonce}_{secrets.token_hex(5)}"
    return {
        "validator-hotkey": wrong.hotkey, "miner-hotkey": wrong.receiver, "nonce": nonce,
        "signature": wrong.signature(f"{nonce}:{wrong.receiver}:{what}".encode()),
    }  # fmt: skip


async def fiber(_: httpx.AsyncClient, wrong: Wrong) -> Sent:
    return Sent("/challenge", BODY, fiber_headers(wrong, sha256(BODY).hexdigest()))


async def fiber_handshake(client: httpx.AsyncClient, wrong: Wrong, key: bytes = b"k" * 32, uuid: str = "") -> Sent:
    public = read_public_key((await client.get("/public-encryption-key")).json()["public_key"])
    sealed = seal_key(ANOTHER_RSA if wrong.foreign_key else public, key)
    uuid = uuid or secrets.token_hex(8)
    headers = fiber_headers(wrong, uuid) | {"symmetric-key-uuid": uuid}
    body = json.dumps({"encrypted_symmetric_key": base64.b64encode(sealed).decode()}).encode()
    return Sent("/exchange-symmetric-key", body, headers | {"content-type": "application/json"})


async def fiber_sealed(client: httpx.AsyncClient, wrong: Wrong) -> Sent:
    key, uuid = secrets.token_bytes(32), secrets.token_hex(8)
    await post(client, await fiber_handshake(client, Wrong(), key, uuid))
    headers = fiber_headers(wrong, uuid) | {"symmetric-key-uuid": uuid}
    return Sent("/challenge", Fernet(base64.urlsafe_b64encode(key)).encrypt(BODY), headers)


async def sdk(_: httpx.AsyncClient, wrong: Wrong) -> Sent:
    path, nonce = "/challenge", wrong.nonce
    message = btauth.signed_lines("POST", wrong.elsewhere or path, BODY, nonce, wrong.hotkey, wrong.receiver)
    headers = {
        btauth.VERSION_HEADER: "1", btauth.HOTKEY_HEADER: wrong.hotkey, btauth.RECEIVER_HEADER: wrong.receiver,
        btauth.NONCE_HEADER: nonce, btauth.SIGNATURE_HEADER: wrong.signature(message),
    }  # fmt: skip
    return Sent(path, BODY, headers)


async def template(_: httpx.AsyncClient, wrong: Wrong) -> Sent:
    message = f"{wrong.receiver}:{wrong.hotkey}:{wrong.nonce}"
    headers = {"bt_message": message, "bt_signature": wrong.signature(message.encode())}
    return Sent("/api/add", b'{"a": 1, "b": 2}', headers)


async def own_handshake(client: httpx.AsyncClient, wrong: Wrong, ours: X25519Key | None = None) -> Sent:
    theirs = X25519Key().public if wrong.foreign_key else (await client.get("/own/key")).json()["key"]
    offer = own._Exchange(wrong.hotkey, wrong.receiver, wrong.nonce, (ours or X25519Key()).public, theirs, "")
    return Sent("/own/exchange", msgspec.json.encode(replace(offer, signature=wrong.signature(offer.signed))), {})


async def own_challenge(client: httpx.AsyncClient, wrong: Wrong) -> Sent:
    ours = X25519Key()
    shaken = await own_handshake(client, Wrong(), ours)
    await post(client, shaken)
    offer = msgspec.json.decode(shaken.body, type=own._Exchange)
    token = PairedKey(ours.agree(offer.receiver_key, offer.signed), asks=True).seal(BODY)
    path, nonce = "/own/challenge", wrong.nonce
    message = own._question(wrong.elsewhere or path, token, nonce, wrong.hotkey, wrong.receiver)
    headers = {
        own.HOTKEY_HEADER: wrong.hotkey, own.KEY_HEADER: ours.public, own.NONCE_HEADER: nonce,
        own.SIGNATURE_HEADER: wrong.signature(message),
    }  # fmt: skip
    return Sent(path, token, headers)


MAKERS: dict[str, Maker] = {
    one.__name__: one
    for one in (loosh, fiber, fiber_handshake, fiber_sealed, sdk, template, own_handshake, own_challenge)
}
TAKEN = Wrong()
NEGATIVES: dict[str, tuple[Wrong, str]] = {
    "from the future": (Wrong(off_s=200.0), "window"),
    "from the past": (Wrong(off_s=-200.0), "window"),
    "signed by another": (Wrong(signer=EVE), "signature"),
    "unsigned": (Wrong(unsigned=True), "signature"),
    "from a stranger": (Wrong(signer=EVE, hotkey=EVE.ss58_address), "allow-list"),
    "for another miner": (Wrong(receiver=BOB.ss58_address), "proof"),
    "for another route": (Wrong(elsewhere="/elsewhere"), "signature"),
    "a key for another miner": (Wrong(foreign_key=True), "proof"),
}
SEEN_AT = {("own_challenge", "for another miner"): "signature"}
"""Its receiver is not sent: the signature covers it."""

NOT_COVERED = {
    "for another miner": {"loosh"},  # Loosh's handshake names no miner
    "for another route": set(MAKERS) - {"sdk", "own_challenge"},  # the others' signatures name no route
    "a key for another miner": set(MAKERS) - {"loosh", "fiber_handshake", "own_handshake"},
}


class CountedNonces(MemoryNonces):
    """Counts what is stored."""

    stored = 0

    async def remember(self, key: str, *, until: float) -> bool:
        self.stored += 1
        return await super().remember(key, until=until)


async def post(client: httpx.AsyncClient, sent: Sent) -> httpx.Response:
    return await client.post(sent.path, content=sent.body, headers=sent.headers)


@pytest.fixture(autouse=True)
def rates(monkeypatch: pytest.MonkeyPatch) -> None:
    for gate in ("handshake", "challenge"):
        monkeypatch.setitem(admission.STRANGER_PER_MINUTE, gate, 1000)
        monkeypatch.setitem(admission.HOTKEY_PER_MINUTE, gate, 1000)


def served(nonces: CountedNonces, backend: Reckoner) -> MinerServer:
    return MinerServer(MINER, backend, AllowList([ALICE.ss58_address]), nonces, host="127.0.0.1", port=0)


@pytest.mark.parametrize("name", MAKERS)
async def test_each_negative_is_refused_at_its_gate_and_the_next_honest_request_is_answered(name: str) -> None:
    make, nonces, backend = MAKERS[name], CountedNonces(), Reckoner()
    async with (
        running(served(nonces, backend)) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        for negative, (wrong, gate) in NEGATIVES.items():
            if name in NOT_COVERED.get(negative, ()):
                continue
            gate = SEEN_AT.get((name, negative), gate)
            sent = await make(client, wrong)
            before, keys = nonces.stored, len(server.view().sessions)
            got = await post(client, sent)
            last = server.view().requests[-1]
            expected = 403 if gate == "allow-list" else 400 if name == "loosh" else 401
            assert (negative, got.status_code, last.status, last.gate) == (negative, expected, expected, gate)
            assert last.reason and last.reason == got.json()["detail"]
            assert len(server.view().sessions) == keys, negative
            assert backend.begun == [], negative
            assert nonces.stored == before or wrong.foreign_key, "nothing is stored before the signature holds"
        honest = await make(client, TAKEN)
        seen = [(await post(client, honest)).status_code for _ in range(2)]
        assert seen == [200, 400 if name == "loosh" else 401], "a replay"


@pytest.mark.parametrize("name", MAKERS)
async def test_64_kib_of_base58_cost_nothing(name: str) -> None:
    backend = Reckoner()
    async with (
        running(served(CountedNonces(), backend)) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        sent = await MAKERS[name](client, Wrong(hotkey=LONG, unsigned=True))
        with effort(at_most=1):  # working its value out takes longer
            got = await post(client, sent)
        assert got.status_code == (400 if sent.headers and LONG in str(sent.headers) else 413)
        assert (await post(client, await MAKERS[name](client, TAKEN))).status_code == 200
    assert all(question != LONG for _, question in backend.begun)


async def loosh_challenge(client: httpx.AsyncClient, wrong: Wrong) -> Sent:
    """Loosh's challenge: nothing of it is signed, so what is wrong with it is its key."""
    public = read_public_key((await client.get("/fiber/public-key")).json()["public_key"])
    key, uuid, at, nonce = Fernet.generate_key(), secrets.token_hex(8), time.time(), secrets.token_hex(8)
    body = {
        "encrypted_symmetric_key": seal_key(public, key).hex(), "symmetric_key_uuid": uuid, "timestamp": at,
        "nonce": nonce, "validator_hotkey_ss58": ALICE.ss58_address,
        "signature": TAKEN.signature(f"{at}.{nonce}.{ALICE.ss58_address}".encode()),
    }  # fmt: skip
    await post(client, Sent("/fiber/key-exchange", json.dumps(body).encode(), {}))
    headers = {"x-fiber-validator-hotkey-ss58": ALICE.ss58_address, "x-fiber-symmetric-key-uuid": uuid}
    holds = wrong.signer is ALICE
    return Sent("/fiber/challenge", Fernet(key if holds else Fernet.generate_key()).encrypt(BODY), headers)


ASKING = MAKERS | {"loosh_challenge": loosh_challenge}
SPOKEN = {
    "loosh": "loosh", "loosh_challenge": "loosh", "fiber": "fiber", "fiber_handshake": "fiber", "fiber_sealed": "fiber",
    "sdk": "btauth", "template": "template", "own_handshake": "own", "own_challenge": "own",
}  # fmt: skip
"""What is asked in each dialect."""


def mixed(one: Sent, another: Sent) -> Sent:
    """A request that bears the proof of another dialect's beside its own."""
    return Sent(one.path, one.body, another.headers | one.headers)


def clash(one: Sent, name: str, other: str) -> bool:
    """Whether its route is one that both dialects have."""
    return one.path == "/challenge" and {SPOKEN[name], SPOKEN[other]} == {"fiber", "btauth"}


@pytest.mark.parametrize("name", SPOKEN)
async def test_proofs_of_two_dialects_in_one_request_are_one_or_none(name: str) -> None:
    """Where two dialects share a route it is refused, else it is the route's own; the other's proof is not used up."""
    async with (
        running(served(CountedNonces(), Reckoner())) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        for other in (other for other in SPOKEN if SPOKEN[other] != SPOKEN[name]):
            one, another = await ASKING[name](client, TAKEN), await ASKING[other](client, TAKEN)
            got = await post(client, mixed(one, another))
            last = server.view().requests[-1]
            if clash(one, name, other):
                assert (got.status_code, last.gate) == (400, "dialect")
                assert last.reason == "the headers match more than one dialect: use one"
                assert (await post(client, one)).status_code == 200
            else:
                assert (other, got.status_code, last.dialect) == (other, 200, SPOKEN[name])
            assert (await post(client, another)).status_code == 200, other


@pytest.mark.parametrize("name", SPOKEN)
async def test_another_dialects_proof_helps_no_forgery_and_is_not_used_up_by_it(name: str) -> None:
    nonces, backend = CountedNonces(), Reckoner()
    async with (
        running(served(nonces, backend)) as server,
        httpx.AsyncClient(base_url="http://{}:{}".format(*server.address), trust_env=False) as client,
    ):
        for other in (other for other in SPOKEN if SPOKEN[other] != SPOKEN[name]):
            forged, honest = await ASKING[name](client, Wrong(signer=EVE)), await ASKING[other](client, TAKEN)
            before, keys, begun = nonces.stored, len(server.view().sessions), len(backend.begun)
            got = await post(client, mixed(forged, honest))
            last = server.view().requests[-1]
            shared = clash(forged, name, other)
            gate = "dialect" if shared else "proof" if name == "loosh_challenge" else "signature"
            status = 400 if shared or name == "loosh" else 401
            assert (other, got.status_code, last.status, last.gate) == (other, status, status, gate)
            assert last.reason == got.json()["detail"]
            assert (nonces.stored, len(server.view().sessions), len(backend.begun)) == (before, keys, begun)
            assert (await post(client, honest)).status_code == 200, other
