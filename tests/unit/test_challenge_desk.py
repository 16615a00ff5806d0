"""Our Challenge API pushes to a validator that is written from what is known of Loosh's, and to ours, and takes their
batches."""

import asyncio
import base64
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from console.roles.challenge_api import ApiDoor
from console.roles.challenge_door import ChallengeApp
from console.roles.gateway import SubnetBackend
from console.roles.pushing import PushDoor
from engine.api_keys import ApiKeys, KeyLimits, add_key
from engine.feed import Feed
from engine.gateway.challenge_desk import ChallengeDesk
from engine.gateway.known_validators import KnownValidators
from engine.gateway.pushed import PushedRounds
from engine.gateway.pusher import Pusher
from engine.key_use import KeyUse
from engine.store.challenge_file import FILE_NAME, ChallengeFile
from engine.store.store import Store
from engine.transport.batches import BatchSender
from engine.transport.brought_keys import pushers
from engine.transport.http import PeerClients
from engine.values import Metagraph, Neuron, Peer
from miner_server.openai.access import Access
from miner_server.openai.budgets import Budgets
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ALICE, BOB, EVE, MINER, make_server, running
from tests.unit.test_gateway_organic import a_gateway
from tests.unit.test_pushed import OAEP
from tests.unit.test_validator import MINERS, store
from tests.unit.tui_helpers import snapshot

__all__ = ["store"]

OWNER = BOB
QUESTION = {"messages": [{"role": "user", "content": "What is six times seven?"}]}


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[tuple[str, int]]:
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off", ws="none"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    try:
        yield server.servers[0].sockets[0].getsockname()[:2]
    finally:
        server.should_exit = True
        await serving


class Loosh:
    """A validator written from the facts: dialect B's server, which looks at no signature, and dialect C's client.

    `says` are the statuses of its next answers to pushes; it answers each challenge that it takes if it `answers`.
    """

    def __init__(self, api: str, keypair: Any = ALICE) -> None:
        self.api = api
        self.keypair = keypair
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys: dict[tuple[str, str], Fernet] = {}
        self.taken: list[dict[str, Any]] = []
        self.says: list[int] = []
        self.answers = True
        self.on_taken: Callable[[], None] = lambda: None
        self.statuses: list[int] = []
        """What the Challenge API said to its batches."""
        self._tasks: set[asyncio.Task[None]] = set()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/availability/health", self.health),
                Route("/fiber/public-key", self.public_key),
                Route("/fiber/key-exchange", self.exchange, methods=["POST"]),
                Route("/fiber/challenge", self.challenge, methods=["POST"]),
            ]
        )

    async def health(self, _: Request) -> Response:
        return JSONResponse({"service_name": "loosh-inference-validator", "version": "1.2.8", "status": "healthy"})

    async def public_key(self, _: Request) -> Response:
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem = self.private.public_key().public_bytes(serialization.Encoding.PEM, form)
        return JSONResponse({"public_key": pem.decode()})

    async def exchange(self, request: Request) -> Response:
        given = await request.json()
        assert isinstance(given["timestamp"], float)
        assert isinstance(given["signature"], str)
        sealed = base64.b64decode(given["encrypted_symmetric_key"], validate=True)
        self.keys[given["hotkey_ss58"], given["key_uuid"]] = Fernet(self.private.decrypt(sealed, OAEP))
        return JSONResponse({"success": True, "message": "Symmetric key exchanged successfully"})

    async def challenge(self, request: Request) -> Response:
        if self.says and (status := self.says.pop(0)) != 201:
            if status == 401:
                self.keys.clear()
            return JSONResponse({"detail": "no"}, status)
        key = self.keys.get((request.headers["hotkey-ss58-address"], request.headers["symmetric-key-uuid"]))
        try:
            if key is None:
                raise InvalidToken
            given = json.loads(key.decrypt(await request.body()))
        except InvalidToken:
            return JSONResponse({"detail": "Failed to decrypt payload. Key may be expired or invalid."}, 401)
        assert isinstance(given["id"], str)
        assert given["status"] == "available"
        if any(one["id"] == given["id"] for one in self.taken):
            return JSONResponse({"detail": f"Challenge {given['id']} already exists"}, 409)
        self.taken.append(given)
        self.on_taken()
        if self.answers:
            task = asyncio.create_task(self.answer(given))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        told = {"success": True, "message": "Challenge received successfully", "challenge_id": given["id"]}
        return JSONResponse(told, 201)

    async def answer(self, given: dict[str, Any]) -> None:
        self.statuses.append((await self.submit(self.batch(given))).status_code)

    def batch(self, given: dict[str, Any], **changed: Any) -> dict[str, Any]:
        response = {
            "miner_uid": 7,
            "tool_calls": None,
            "finish_reason": "stop",
            "response_time_ms": 1200,
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        }
        return {
            "challenge_id": given["id"],
            "responses": [{**response, "miner_id": "hk7", "text": "42"}, {**response, "miner_id": "hk8", "text": "43"}],
            "evaluation": {
                "consensus_score": 0.9,
                "emissions": {"hk7": 0.7, "hk8": 0.3},
                "best_miner_id": "hk7",
                "heatmap_path": None,
                "narrative": None,
                "sybil_detection": None,
            },
            "validator_hotkey": self.keypair.ss58_address,
            "original_request": given,
        } | changed

    async def submit(self, batch: dict[str, Any]) -> httpx.Response:
        async with httpx.AsyncClient(base_url=self.api, trust_env=False, timeout=30) as http:
            pem = (await http.get("/fiber/public-key")).json()["public_key"].encode()
            public = serialization.load_pem_public_key(pem)
            assert isinstance(public, rsa.RSAPublicKey)
            key, named, now = Fernet.generate_key(), str(uuid.uuid4()), time.time()
            hotkey = self.keypair.ss58_address
            shaken = await http.post(
                "/fiber/key-exchange",
                json={
                    "encrypted_symmetric_key": base64.b64encode(public.encrypt(key, OAEP)).decode(),
                    "key_uuid": named,
                    "timestamp": now,
                    "signature": self.keypair.sign(f"{now}.{hotkey}.{named}".encode()).hex(),
                    "validator_hotkey_ss58": hotkey,
                },
            )
            if shaken.status_code != 200 or shaken.json().get("success") is not True:
                return shaken
            headers = {
                "symmetric-key-uuid": named,
                "hotkey-ss58-address": hotkey,
                "Content-Type": "application/octet-stream",
            }
            sealed = Fernet(key).encrypt(json.dumps(batch).encode())
            return await http.post("/fiber/response/batch", content=sealed, headers=headers)


class Api:
    """A Challenge API that runs, whose `key` may pose challenges."""

    def __init__(self, desk: ChallengeDesk, known: KnownValidators, pusher: Pusher, feed: Feed) -> None:
        self.desk = desk
        self.known = known
        self.pusher = pusher
        self.feed = feed
        self.url = ""
        self.key = ""
        self.named: list[Peer] = []

    @property
    def told(self) -> str:
        return " ".join(one.text for one in self.feed.attention)

    async def name(self, keypair: Any, at: tuple[str, int]) -> None:
        """Push to this validator too."""
        self.named.append(Peer(keypair.ss58_address, *at))
        self.known.__init__(self.named, OWNER.ss58_address)  # type: ignore[misc]
        await self.pusher.look()

    def client(self, key: str | None = None) -> httpx.AsyncClient:
        headers = {"X-API-Key": self.key if key is None else key}
        return httpx.AsyncClient(base_url=self.url, headers=headers, trust_env=False, timeout=60)

    async def asked(self, **challenge: Any) -> dict[str, Any]:
        """What became of a challenge."""
        async with self.client() as http:
            posed = await http.post("/challenge", json=QUESTION | challenge)
            assert posed.status_code == 201, posed.text
            found: dict[str, Any] = (await http.get(f"/challenge/{posed.json()['id']}", params={"wait": 30})).json()
            return found

    async def signed(self, keypair: Any, method: str, path: str, given: Any = None, **changed: str) -> httpx.Response:
        """As Loosh's neurons sign what they ask."""
        body = b"" if given is None else json.dumps(given).encode()
        nonce, hotkey = str(time.time()), keypair.ss58_address
        text = f"{nonce}:{hotkey}:{sha256(body).hexdigest()}" if body else f"{nonce}:{hotkey}"
        signature = "0x" + keypair.sign(text.encode()).hex()
        headers = {"X-Hotkey": hotkey, "X-Nonce": nonce, "X-Signature": signature} | changed
        async with self.client("api-key-0") as http:
            return await http.request(method, path, content=body or None, headers=headers)


@asynccontextmanager
async def an_api(folder: Path, *, answer_s: float = 30.0) -> AsyncIterator[Api]:
    async with AsyncExitStack() as stack:
        book = await ChallengeFile.open(folder / FILE_NAME)
        stack.push_async_callback(book.close)
        feed, known, clients = (
            Feed(snapshot()),
            KnownValidators((), OWNER.ss58_address),
            PeerClients(allow_private=True),
        )
        stack.push_async_callback(clients.close)
        pusher = Pusher(lambda: known.at_addresses, OWNER, clients, feed)
        desk = ChallengeDesk(book, pusher, feed, retention_s=3600, answer_s=answer_s, again_s=0.02)
        keys = folder / "api-keys.json"
        app = ChallengeApp(desk, book, known, ApiKeys(keys), Budgets(KeyUse(folder / "api-key-use.json")))
        door = ApiDoor("127.0.0.1", 0, app)
        services: tuple[ApiDoor | ChallengeDesk, ...] = (door, desk)
        ups = [asyncio.Event() for _ in services]
        tasks = [asyncio.create_task(one.run(up.set)) for one, up in zip(services, ups, strict=True)]
        for up in ups:
            await up.wait()
        api = Api(desk, known, pusher, feed)
        api.url = door.door.url
        api.key = add_key(keys, "owner", limits=KeyLimits(requests_per_month=50)) if not keys.exists() else ""
        try:
            yield api
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def a_loosh(api: Api, keypair: Any = ALICE) -> AsyncIterator[Loosh]:
    loosh = Loosh(api.url, keypair)
    async with served(loosh.app()) as at:
        await api.name(keypair, at)
        yield loosh


async def test_a_challenge_is_pushed_to_a_validator_and_its_batch_is_the_answer(tmp_path: Path) -> None:
    async with an_api(tmp_path) as api, a_loosh(api) as loosh:
        found = await api.asked(id="one", metadata={"timing_data": {"stages": []}})
        assert found["status"] == "answered"
        assert found["validator_hotkey"] == ALICE.ss58_address
        assert (found["answer"]["text"], found["answer"]["miner_uid"]) == ("42", 7)
        (taken,) = loosh.taken
        assert (taken["messages"], taken["requester"]) == (QUESTION["messages"], "owner")
        assert taken["metadata"] == {"timing_data": {"stages": []}}
        assert loosh.statuses == [201]
        again = await loosh.submit(loosh.batch(taken))
        assert again.status_code == 409
        async with api.client() as http:
            assert (await http.post("/challenge", json=QUESTION | {"id": "one"})).status_code == 409


@pytest.mark.parametrize("says", [[401], [503], [500, 503, 201], [409]])
async def test_a_push_is_tried_again_where_that_may_help(says: list[int], tmp_path: Path) -> None:
    async with an_api(tmp_path, answer_s=0.2 if says == [409] else 30.0) as api, a_loosh(api) as loosh:
        loosh.says = list(says)
        asking = asyncio.create_task(api.asked())
        while not asking.done():
            await api.pusher.look()
            await asyncio.sleep(0.02)
        assert (await asking)["status"] == ("unanswered" if says == [409] else "answered")
        assert not loosh.says


async def test_a_validator_that_refuses_or_is_silent_gives_way_to_another(tmp_path: Path) -> None:
    async with an_api(tmp_path, answer_s=0.2) as api, a_loosh(api) as first, a_loosh(api, EVE) as second:
        first.answers = False
        second.on_taken = lambda: setattr(api.desk, "_answer_s", 30.0)  # it may be slow: the machine is
        found = await api.asked()
        assert found["validator_hotkey"] == EVE.ss58_address
        assert first.taken
        first.answers = True
        late = await first.submit(first.batch(first.taken[0]))
        assert late.status_code == 409, "the first batch is the answer"
        first.says = [400] * 9
        second.says = [422] * 9
        assert (await api.asked())["status"] == "unanswered"
        assert "is not answered" in api.told


async def test_nobody_answers_what_was_not_pushed_to_them_or_in_the_name_of_others(tmp_path: Path) -> None:
    async with an_api(tmp_path) as api, a_loosh(api) as loosh:
        loosh.answers = False
        async with api.client() as http:
            await http.post("/challenge", json=QUESTION | {"id": "one"})
            await until(lambda: bool(loosh.taken))
            stranger = Loosh(api.url, EVE)
            assert (await stranger.submit(stranger.batch(loosh.taken[0]))).status_code == 403
            api.named.append(Peer(EVE.ss58_address, "127.0.0.1", 1))
            api.known.__init__(api.named, OWNER.ss58_address)  # type: ignore[misc]
            assert (await stranger.submit(stranger.batch(loosh.taken[0]))).status_code == 403
            assert (await stranger.submit(loosh.batch(loosh.taken[0]))).status_code == 400
            assert (await loosh.submit(loosh.batch({"id": "none"}))).status_code == 404
            wrong: list[dict[str, Any]] = [{"responses": 7}, {"evaluation": []}, {"responses": [{"text": "x"}]}]
            for nonsense in wrong:
                assert (await loosh.submit(loosh.batch(loosh.taken[0], **nonsense))).status_code == 400
            assert (await http.post("/response/batch", json=loosh.batch(loosh.taken[0]))).status_code == 403
            assert (await http.get("/challenge/one")).json()["status"] == "waiting"
            nothing = loosh.batch(loosh.taken[0])
            nothing["evaluation"]["best_miner_id"] = None
            assert (await loosh.submit(nothing)).status_code == 201
            assert (await http.get("/challenge/one")).json() == {
                "id": "one",
                "status": "answered",
                "validator_hotkey": ALICE.ss58_address,
                "answer": None,
            }


async def test_who_may_pose_challenges_and_what_they_must_be(tmp_path: Path) -> None:
    async with an_api(tmp_path) as api:
        async with api.client("sk-wrong") as http:
            assert (await http.post("/challenge", json=QUESTION)).status_code == 401
            assert (await http.get("/challenge/one")).status_code == 401
        async with api.client() as http:
            for wrong in (b"no JSON", b"[]", b"{}", b'{"prompt": ""}', b'{"prompt": "x", "id": 7}'):
                assert (await http.post("/challenge", content=wrong)).status_code == 400, wrong
            assert (await http.post("/challenge", content=b" " * (2 << 20))).status_code == 413
            assert (await http.post("/challenge", json={"prompt": "x", "max_tokens": -1})).status_code == 400
            assert (await http.post("/challenge", json=QUESTION | {"id": "mine"})).status_code == 201
            assert (await http.get("/challenge/mine?wait=x")).status_code == 422
            assert (await http.get("/challenge/mine?wait=0.1")).json()["status"] == "waiting", "there is no validator"
        other = add_key(tmp_path / "api-keys.json", "other", limits=KeyLimits(requests_per_month=1))
        async with api.client(other) as http:
            assert (await http.get("/challenge/mine")).status_code == 404, "of another key"
            assert (await http.post("/challenge", json=QUESTION)).status_code == 201
            assert (await http.post("/challenge", json=QUESTION)).status_code == 429


async def test_a_challenge_outlives_the_process_that_took_it(tmp_path: Path) -> None:
    async with an_api(tmp_path) as api:
        async with api.client() as http:
            assert (await http.post("/challenge", json=QUESTION | {"id": "one"})).status_code == 201
        key = api.key
    async with an_api(tmp_path) as api, a_loosh(api), api.client(key) as http:
        found = (await http.get("/challenge/one", params={"wait": 30})).json()
        assert found["answer"]["text"] == "42"


def neuron(uid: int, keypair: Any, *, permit: bool) -> Neuron:
    hotkey = keypair.ss58_address
    return Neuron(uid=uid, hotkey=hotkey, coldkey=hotkey, ip="10.0.0.9", port=9, validator_permit=permit)


async def test_neurons_look_up_validators_and_validators_report(tmp_path: Path) -> None:
    async with an_api(tmp_path) as api:
        neurons = (neuron(0, OWNER, permit=True), neuron(1, ALICE, permit=True), neuron(2, MINER, permit=False))
        api.known.hear(Metagraph(netuid=1, block=1, neurons=neurons))
        listed = {"hotkey_ss58": ALICE.ss58_address, "status": "active", "ip": "10.0.0.9"}
        assert (await api.signed(MINER, "GET", "/validators/active-hotkeys")).json() == [listed]
        (one,) = (await api.signed(ALICE, "GET", "/validators")).json()
        assert (one["hotkey_ss58"], one["validator_permit"]) == (ALICE.ss58_address, True)
        penalties = {"penalties": [{"miner_hotkey": "hk1", "penalty_type": "zeroed", "sybil_score": 0.8}]}
        assert (await api.signed(ALICE, "POST", "/analytics/penalty-report", penalties)).status_code == 201
        assert (await api.signed(MINER, "POST", "/analytics/penalty-report", penalties)).status_code == 403
        records: dict[str, Any] = {"records": [{"suspicious_pairs": []}, {}]}
        assert (await api.signed(ALICE, "POST", "/analytics/sybil-detection/bulk", records)).json() == {
            "inserted_count": 2
        }
        seen = {"validator_hotkey": ALICE.ss58_address, "observations": [{"miner_hotkey": "hk1"}]}
        assert (await api.signed(ALICE, "POST", "/analytics/miner-network/bulk", seen)).json() == {"upserted": 1}
        asked = {"miner_hotkeys": ["hk1", "hk2"]}
        scores = (await api.signed(ALICE, "POST", "/analytics/sybil-scores/batch", asked)).json()["scores"]
        assert (scores["hk1"]["sybil_score"], scores["hk2"]["sybil_score"]) == (0.8, 0.0)
        assert (await api.signed(EVE, "GET", "/validators")).status_code == 403
        for wrong in ({"X-Nonce": "soon"}, {"X-Nonce": str(time.time() - 600)}, {"X-Signature": "0x00"}):
            assert (await api.signed(ALICE, "GET", "/validators", **wrong)).status_code == 401, wrong
        assert (await api.signed(ALICE, "POST", "/analytics/penalty-report", [1])).status_code == 400


async def test_our_validator_answers_our_challenge_api(store: Store, tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        _, _, organic = await stack.enter_async_context(a_gateway(store))
        api = await stack.enter_async_context(an_api(tmp_path))
        rounds = PushedRounds(organic, BatchSender(api.url, MINER), Feed(snapshot()), MINER.ss58_address)
        door = PushDoor("127.0.0.1", 0, pushers([OWNER.ss58_address]), rounds, version="1")
        up = asyncio.Event()
        running_door = asyncio.create_task(door.run(up.set))
        await up.wait()
        await api.name(MINER, door.door.address)
        found = await api.asked()
        assert (found["answer"]["text"], found["validator_hotkey"]) == ("42", MINER.ss58_address)
        assert found["answer"]["miner_id"] in MINERS
        running_door.cancel()
        await asyncio.gather(running_door, return_exceptions=True)


async def test_a_gateway_answers_users_through_the_challenge_api(tmp_path: Path) -> None:
    async with an_api(tmp_path) as api, a_loosh(api):
        keys = tmp_path / "api-keys.json"
        access = Access(ApiKeys(keys), KeyUse(tmp_path / "api-key-use.json"))
        async with running(make_server(SubnetBackend(api.desk, "consensus"), access=access)) as server:
            await until(lambda: server.view().ready)
            host, port = server.address
            async with openai.AsyncOpenAI(base_url=f"http://{host}:{port}/v1", api_key=api.key) as client:
                create: Callable[..., Any] = client.chat.completions.create
                given = {"model": "subnet", "messages": QUESTION["messages"]}
                assert (await create(**given)).choices[0].message.content == "42"
                streamed = [piece async for piece in await create(**given, stream=True)]
                assert "".join(one.choices[0].delta.content or "" for one in streamed if one.choices) == "42"
                raw = await client.chat.completions.with_raw_response.create(
                    model="subnet-fast", messages=[{"role": "user", "content": "And seven times eight?"}]
                )
                assert raw.headers["x-subnet-mode"] == "consensus", "the answer says how it was found"
