"""A miner server for tests, backends that do as told, and a validator written from the facts about Loosh's."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any

import httpx
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from substrateinterface import Keypair

from engine.snapshot import GpuView
from engine.transport.dialect import Dialect
from engine.transport.kept_keys import KeptKeys
from engine.transport.replay_guard import MemoryNonces
from engine.transport.wire import Completion
from engine.values import Neuron, Request
from miner_server.allowlist import AllowList
from miner_server.backends.interface import Backend
from miner_server.backends.scripted import ScriptedBackend
from miner_server.hosts import Proxies
from miner_server.limits import Limits
from miner_server.openai.access import Access
from miner_server.quotas import Quotas
from miner_server.server import MinerServer
from tests.unit.chain_helpers import key

MINER = key("Miner")
ALICE = key("Alice")
BOB = key("Bob")
EVE = key("Eve")

OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class Clock:
    """Stands still until a test puts it forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def permit_holder(hotkey: str, *, stake: float = 0.0, uid: int = 0) -> Neuron:
    return Neuron(uid=uid, hotkey=hotkey, coldkey=hotkey, stake=stake, validator_permit=True)


class ObedientBackend:
    """Answers with the question once `gate` is open; counts what is going on. `unready` is its readiness."""

    name = "obedient"
    model = "none"

    def __init__(self, *, open_gate: bool = True) -> None:
        self.gate = asyncio.Event()
        if open_gate:
            self.gate.set()
        self.unready = ""
        self.begun: list[tuple[str, str]] = []
        self.now = 0
        self.most = 0
        self.cancelled = 0
        self.closed = False
        self.error: Exception | None = None

    async def readiness(self) -> str:
        return self.unready

    async def complete(
        self, request: Request, *, timeout: float, caller: str = "", on_text: Callable[[str], None] | None = None
    ) -> Completion:
        self.begun.append((caller, request.question))
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.now -= 1
        if self.error is not None:
            raise self.error
        return Completion(text=f"heard {request.question}", usage={"completion_tokens": 2})

    async def close(self) -> None:
        self.closed = True


def make_server(
    backend: Backend | None = None,
    *,
    allow: AllowList | None = None,
    limits: Limits | None = None,
    port: int = 0,
    host: str = "127.0.0.1",
    proxies: Proxies | None = None,
    spoken: Sequence[Dialect] | None = None,
    quotas: Quotas | None = None,
    unproven: bool = False,
    kept: KeptKeys | None = None,
    access: Access | None = None,
    per_hour: float = 0.0,
    gpus: Callable[[], Sequence[GpuView]] = tuple,
) -> MinerServer:
    """A server that Alice and Bob may ask, on a free port of the loopback."""
    return MinerServer(
        MINER,
        backend or ScriptedBackend(),
        allow or AllowList([ALICE.ss58_address, BOB.ss58_address]),
        MemoryNonces(),
        host=host,
        port=port,
        limits=limits,
        proxies=proxies,
        spoken=spoken,
        quotas=quotas,
        unproven=unproven,
        kept=kept,
        access=access,
        per_hour=per_hour,
        gpus=gpus,
    )


@asynccontextmanager
async def running(server: MinerServer) -> AsyncIterator[MinerServer]:
    """`server` while it runs; it has ended cleanly when the block is left."""
    started = asyncio.Event()
    task = asyncio.create_task(server.run(started.set))
    waiting = asyncio.create_task(started.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        waiting.cancel()
        task.result()
    try:
        yield server
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def serving(
    backend: Backend | None = None, *, allow: AllowList | None = None, limits: Limits | None = None
) -> AbstractAsyncContextManager[MinerServer]:
    return running(make_server(backend, allow=allow, limits=limits))


class Validator:
    """Speaks dialect A as the facts describe it, with nothing of our own transport in it."""

    def __init__(self, server: MinerServer, keypair: Keypair = ALICE) -> None:
        host, port = server.address
        self.keypair = keypair
        self.hotkey: str = keypair.ss58_address
        self.http = httpx.AsyncClient(base_url=f"http://{host}:{port}", timeout=20, trust_env=False)
        self.key = Fernet.generate_key()
        self.key_uuid = str(uuid.uuid4())

    async def __aenter__(self) -> "Validator":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def offer(self, *, signer: Keypair | None = None, timestamp: float | None = None) -> dict[str, Any]:
        """The body of a key exchange; `signer` forges it."""
        pem = (await self.http.get("/fiber/public-key")).json()["public_key"]
        public_key = serialization.load_pem_public_key(pem.encode())
        assert isinstance(public_key, rsa.RSAPublicKey)
        at, nonce = time.time() if timestamp is None else timestamp, str(uuid.uuid4())
        signature = (signer or self.keypair).sign(f"{at}.{nonce}.{self.hotkey}")
        return {
            "encrypted_symmetric_key": public_key.encrypt(self.key, OAEP).hex(),
            "symmetric_key_uuid": self.key_uuid,
            "timestamp": at,
            "nonce": nonce,
            "signature": "0x" + signature.hex(),
            "validator_hotkey_ss58": self.hotkey,
        }

    async def exchange(self, offer: dict[str, Any]) -> httpx.Response:
        return await self.http.post("/fiber/key-exchange", json=offer)

    async def shake(self) -> None:
        response = await self.exchange(await self.offer())
        assert response.status_code == 200, response.text
        assert response.json()["success"] is True

    @property
    def headers(self) -> dict[str, str]:
        return {
            "content-type": "application/octet-stream",
            "x-fiber-validator-hotkey-ss58": self.hotkey,
            "x-fiber-symmetric-key-uuid": self.key_uuid,
        }

    def sealed(self, prompt: str, **fields: Any) -> bytes:
        clear = {"prompt": prompt, "model": "any", "max_tokens": 64, "temperature": 0.7, "top_p": 0.95, **fields}
        return Fernet(self.key).encrypt(json.dumps(clear).encode())

    async def send(self, prompt: str, **fields: Any) -> httpx.Response:
        return await self.http.post("/fiber/challenge", content=self.sealed(prompt, **fields), headers=self.headers)

    def opened(self, response: httpx.Response) -> dict[str, Any]:
        assert response.status_code == 200, response.text
        opened = json.loads(Fernet(self.key).decrypt(response.content))
        assert isinstance(opened, dict)
        return opened

    async def ask(self, prompt: str, **fields: Any) -> str:
        return str(self.opened(await self.send(prompt, **fields))["response_text"])
