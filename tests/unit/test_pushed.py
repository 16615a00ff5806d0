"""A Challenge API written from what is known of Loosh's pushes challenges to our validator and takes its batches."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from msgspec.structs import replace
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from substrateinterface import Keypair

from console.errors import ConsoleError
from console.roles.pushing import PushDoor, pushing
from engine.feed import Feed
from engine.gateway.organic import Organic
from engine.gateway.pushed import PushedRounds
from engine.settings import Settings
from engine.store.store import Store
from engine.transport.batches import BatchSender
from engine.transport.brought_keys import pushers
from engine.transport.challenge_api import ChallengeApiError
from engine.transport.errors import WireError
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ALICE, EVE, MINER
from tests.unit.test_gateway_organic import a_gateway
from tests.unit.test_validator import MINERS, store
from tests.unit.tui_helpers import snapshot

__all__ = ["store"]

OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
QUESTION: dict[str, Any] = {
    "id": "6f9619ff-8b86-d011-b42d-00c04fc964ff",
    "correlation_id": None,
    "messages": [{"role": "user", "content": "What is six times seven?"}],
    "metadata": {"model": "any"},
    "requester": "gateway",
}


class Api:
    """Dialect C's server, and dialect B's client as the hotkey ALICE. `says` are the statuses of the next batches."""

    def __init__(self) -> None:
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys: dict[str, Fernet] = {}
        self.batches: list[dict[str, Any]] = []
        self.says: list[int] = []
        self.handshakes = 0
        self.url = ""

    async def public_key(self, _: Request) -> Response:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = self.private.public_key().public_bytes(serialization.Encoding.PEM, form)
        return JSONResponse({"public_key": pem.decode()})

    async def exchange(self, request: Request) -> Response:
        given = await request.json()
        hotkey = given["validator_hotkey_ss58"]
        said = f"{given['timestamp']}.{hotkey}.{given['key_uuid']}"
        if not Keypair(hotkey).verify(said, "0x" + given["signature"]):
            return JSONResponse({"detail": "Invalid signature"}, 401)
        sealed = base64.b64decode(given["encrypted_symmetric_key"], validate=True)
        self.keys[given["key_uuid"]] = Fernet(self.private.decrypt(sealed, OAEP))
        self.handshakes += 1
        return JSONResponse({"success": True})

    async def batch(self, request: Request) -> Response:
        status = self.says.pop(0) if self.says else 201
        if status == 401:
            self.keys.clear()
        key = self.keys.get(request.headers["symmetric-key-uuid"])
        if key is None or status != 201:
            return JSONResponse({"detail": "no"}, 401 if key is None else status)
        assert request.headers["hotkey-ss58-address"] == MINER.ss58_address
        self.batches.append(json.loads(key.decrypt(await request.body(), ttl=3600)))
        return JSONResponse({}, 201)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Api"]:
        routes = [
            Route("/fiber/public-key", self.public_key),
            Route("/fiber/key-exchange", self.exchange, methods=["POST"]),
            Route("/fiber/response/batch", self.batch, methods=["POST"]),
        ]
        config = uvicorn.Config(Starlette(routes=routes), port=0, log_config=None, lifespan="off", ws="none")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        await until(lambda: server.started)
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.should_exit = True
            await serving


class Pusher:
    """Pushes to the validator at `url` with a key of its own, as `keypair`."""

    def __init__(self, url: str, keypair: Any = ALICE) -> None:
        self.http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
        self.keypair = keypair
        self.key = Fernet.generate_key()
        self.uuid = str(uuid.uuid4())

    async def shake(self, *, at: float | None = None, **changed: Any) -> httpx.Response:
        pem = (await self.http.get("/fiber/public-key")).json()["public_key"].encode()
        public = serialization.load_pem_public_key(pem)
        assert isinstance(public, rsa.RSAPublicKey)
        timestamp, hotkey = at or time.time(), self.keypair.ss58_address
        body = {
            "encrypted_symmetric_key": base64.b64encode(public.encrypt(self.key, OAEP)).decode(),
            "key_uuid": self.uuid,
            "timestamp": timestamp,
            "signature": self.keypair.sign(f"{timestamp}.{hotkey}.{self.uuid}".encode()).hex(),
            "hotkey_ss58": hotkey,
        }
        return await self.http.post("/fiber/key-exchange", json=body | changed)

    async def push(self, challenge: Mapping[str, Any] | bytes) -> httpx.Response:
        clear = challenge if isinstance(challenge, bytes) else json.dumps(challenge).encode()
        headers = {"symmetric-key-uuid": self.uuid, "hotkey-ss58-address": self.keypair.ss58_address}
        return await self.http.post("/fiber/challenge", content=Fernet(self.key).encrypt(clear), headers=headers)


class Network:
    """A validator with its door, and the Challenge API."""

    def __init__(self, api: Api, feed: Feed, url: str, caller: Any) -> None:
        self.api = api
        self.feed = feed
        self.url = url
        self.caller = caller

    @property
    def told(self) -> str:
        return " ".join(one.text for one in self.feed.attention)


@asynccontextmanager
async def a_network(store: Store, *, unsigned: bool = False) -> AsyncIterator[Network]:
    async with AsyncExitStack() as stack:
        _, caller, organic = await stack.enter_async_context(a_gateway(store))
        api = await stack.enter_async_context(Api().open())
        feed = Feed(snapshot())
        sender = BatchSender(api.url, MINER, pauses=(0.0, 0.0))
        rounds = PushedRounds(organic, sender, feed, MINER.ss58_address)
        keys = pushers((ALICE.ss58_address,), unsigned=unsigned)
        door = PushDoor("127.0.0.1", 0, keys, rounds, version="1.2.3")
        up = asyncio.Event()
        running = asyncio.create_task(door.run(up.set))
        await up.wait()
        try:
            yield Network(api, feed, door.door.url, caller)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_pushed_challenge_is_a_round_whose_answers_come_back_in_a_batch(store: Store) -> None:
    async with a_network(store) as network:
        pusher = Pusher(network.url)
        health = (await pusher.http.get("/availability/health")).json()
        assert (health["service_name"], health["status"]) == ("loosh-inference-validator", "healthy")
        assert (await pusher.shake()).json()["success"] is True
        pushed = await pusher.push(QUESTION)
        assert (pushed.status_code, pushed.json()["challenge_id"]) == (201, QUESTION["id"])
        await until(lambda: bool(network.api.batches))
        assert (await pusher.push(QUESTION)).status_code == 409
        (batch,) = network.api.batches
        assert batch["challenge_id"] == QUESTION["id"]
        assert batch["original_request"] == QUESTION
        assert batch["validator_hotkey"] == MINER.ss58_address
        assert {one["miner_id"] for one in batch["responses"]} == set(MINERS) == {*batch["evaluation"]["emissions"]}
        assert {one["text"] for one in batch["responses"]} == {"42"}
        assert batch["evaluation"]["best_miner_id"] in MINERS


async def test_whoever_may_not_push_or_pushes_nonsense_is_refused(store: Store) -> None:
    async with a_network(store) as network:
        eve, alice = Pusher(network.url, EVE), Pusher(network.url)
        assert (await eve.shake()).status_code == 403
        assert (await eve.push(QUESTION)).status_code == 401
        assert (await alice.shake(signature="")).status_code == 403
        assert (await alice.shake(at=time.time() - 600)).status_code == 403
        assert (await alice.shake(encrypted_symmetric_key="AAAA")).status_code == 400
        alice.uuid = str(uuid.uuid4())
        assert (await alice.shake(key_uuid=7)).status_code == 422
        assert (await alice.shake()).status_code == 200
        assert (await alice.shake()).status_code == 403, "an exchange is not replayed"
        for wrong in (b"no JSON", b"[]", b"{}", b'{"id": "x"}', b'{"id": 7, "prompt": "x"}'):
            assert (await alice.push(wrong)).status_code == 400, wrong
        assert (await alice.push(b" " * (2 << 20))).status_code == 413
        assert (await alice.http.post("/fiber/challenge", content=b"x")).status_code == 422
        assert not network.caller.asked


async def test_an_unsigned_exchange_is_taken_where_the_operator_allows_it(store: Store) -> None:
    async with a_network(store, unsigned=True) as network:
        assert (await Pusher(network.url).shake(signature="")).status_code == 200
        assert (await Pusher(network.url, EVE).shake(signature="")).status_code == 403


@pytest.mark.parametrize(
    ("says", "delivered", "handshakes"),
    [
        ([503, 500], 1, 1),
        ([401], 1, 2),
        ([409], 0, 1),
        ([503, 503, 503], 0, 1),
        ([422], 0, 1),
        ([401, 401], 0, 2),
    ],
)
async def test_a_batch_is_tried_again_where_that_may_help(says: list[int], delivered: int, handshakes: int) -> None:
    async with Api().open() as api:
        api.says = says
        sender = BatchSender(api.url, MINER, pauses=(0.0, 0.0))
        if delivered:
            assert await sender.send({"challenge_id": "x"}) == "taken"
        elif says == [409]:
            assert await sender.send({"challenge_id": "x"}) == "known"
        else:
            with pytest.raises(ChallengeApiError):
                await sender.send({"challenge_id": "x"})
        assert (len(api.batches), api.handshakes) == (delivered, handshakes)
        assert not api.says, "each answer was asked for"


async def test_an_api_that_is_down_and_miners_that_fail_are_told_and_the_next_is_answered(store: Store) -> None:
    async with a_network(store) as network:
        pusher = Pusher(network.url)
        await pusher.shake()
        network.api.says = [503, 503, 503]
        await pusher.push(QUESTION | {"id": "first"})
        await until(lambda: "first are not delivered: 503" in network.told)
        network.caller.answers = dict.fromkeys(MINERS, WireError("malformed", "no JSON"))
        await pusher.push(QUESTION | {"id": "second"})
        await until(lambda: bool(network.api.batches))
        assert network.api.batches[0]["responses"] == []
        assert network.api.batches[0]["evaluation"]["best_miner_id"] is None
        await pusher.push(QUESTION | {"id": "third", "messages": [{"role": "user", "content": "x" * 100_000}]})
        await until(lambda: "third is not answered: the request has about" in network.told)


class Opened:
    """As much of a session as the door looks at before it opens anything."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.feed = Feed(snapshot())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({}, "--challenge-api URL"),
        ({"challenge_api": "http://127.0.0.1:1"}, "--pusher HOTKEY"),
        ({"challenge_api": "http://127.0.0.1:1", "pushers": ("5Eve",)}, "5Eve"),
    ],
)
def test_what_the_door_lacks_is_told(changed: dict[str, Any], why: str) -> None:
    settings = replace(Settings(), pushed="127.0.0.1:0", **changed)
    organic: Any = Organic
    opened: Any = Opened(settings)
    with pytest.raises(ConsoleError, match=why):
        pushing(opened, organic)
