"""Small HTTP servers on loopback, and both ends of Loosh's dialect A, written without our code."""

import asyncio
import base64
import json
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from substrateinterface import Keypair

from engine.snapshot import SessionView
from engine.transport.desk import Desk, OpenedQuestion
from engine.transport.dialect import ChallengeRoute, HandshakeRoute, LookupRoute, MinerEnd
from engine.transport.dialects.loosh import LOOSH
from engine.transport.errors import Refusal
from engine.transport.replay_guard import MemoryNonces, NonceStore
from engine.transport.rsa import RsaKey
from engine.values import Challenge, Peer, Request

ALICE = Keypair.create_from_uri("//Alice", ss58_format=42)
BOB = Keypair.create_from_uri("//Bob", ss58_format=42)
FIRST_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


class Received(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    writer: asyncio.StreamWriter


class Posted(NamedTuple):
    """A request as a desk gets it: a `dialect.Received`."""

    target: str
    headers: dict[str, str]
    body: bytes

    def header(self, name: bytes) -> str | None:
        return self.headers.get(name.decode())


Handler = Callable[[Received], Awaitable[bytes | None]]


def reply(status: int, body: bytes | dict[str, Any], **headers: str) -> bytes:
    """A whole HTTP reply. Underscores in header names become dashes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", f"content-length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


@asynccontextmanager
async def http_server(handler: Handler) -> AsyncIterator[Peer]:
    """Serve on a free port of loopback, connections kept alive. A handler that returns None hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                raw = await handler(Received(method, path, headers, body, writer))
                if raw is None:
                    return
                writer.write(raw)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    try:
        yield Peer(BOB.ss58_address, "127.0.0.1", server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def challenge(prompt: str = "What is 41 plus 1?") -> Challenge:
    request = Request(prompt=prompt, max_tokens=64)
    return Challenge(id="c-1", kind="chat", source="synthetic", created_at=1.0, request=request, truth="42")


class LooshDesk:
    """Our desk for Loosh's dialect A, by the bodies and headers of its three routes."""

    def __init__(
        self,
        *,
        nonces: NonceStore | None = None,
        allowed: Callable[[str], str | None] = lambda _: None,
        **settings: Any,
    ) -> None:
        self.rsa = RsaKey()
        end = MinerEnd(signer=BOB, rsa=self.rsa, **settings)
        self.desk = Desk(LOOSH, end, nonces or MemoryNonces(), allowed=allowed)
        self._lookup, self._handshake, self._question = self.desk.routes

    def public_key_pem(self) -> str:
        assert isinstance(self._lookup, LookupRoute)
        return str(json.loads(self._lookup.answer())["public_key"])

    async def exchange(self, body: bytes) -> str:
        assert isinstance(self._handshake, HandshakeRoute)
        return await self.desk.exchange(self._handshake, Posted(self._handshake.path, {}, body))

    async def opened(self, hotkey: str, key_uuid: str, token: bytes) -> OpenedQuestion:
        assert isinstance(self._question, ChallengeRoute)
        headers = {"x-fiber-validator-hotkey-ss58": hotkey, "x-fiber-symmetric-key-uuid": key_uuid}
        call = Posted(self._question.path, headers, token)
        return await self.desk.open(self._question, call, hotkey)

    async def open(self, hotkey: str, key_uuid: str, token: bytes) -> bytes:
        return (await self.opened(hotkey, key_uuid, token)).clear

    def sessions(self) -> tuple[SessionView, ...]:
        return self.desk.sessions()


async def new_desk(**settings: Any) -> LooshDesk:
    """A desk that is started."""
    desk = LooshDesk(**settings)
    await desk.rsa.start()
    return desk


class DeskServer:
    """A miner server over our desk: what a Starlette application does, without one. Counts requests by path."""

    def __init__(self, desk: LooshDesk, *, answer: str = "42") -> None:
        self.desk = desk
        self.answer = answer
        self.seen: list[bytes] = []
        self.requests: dict[str, int] = {}

    async def __call__(self, received: Received) -> bytes:
        self.requests[received.path] = self.requests.get(received.path, 0) + 1
        try:
            match received.path:
                case "/availability":
                    return reply(200, {"available": True})
                case "/fiber/public-key":
                    return reply(200, {"public_key": self.desk.public_key_pem()})
                case "/fiber/key-exchange":
                    await self.desk.exchange(received.body)
                    return reply(200, {"success": True, "message": "taken"})
                case "/fiber/challenge":
                    hotkey = received.headers["x-fiber-validator-hotkey-ss58"]
                    key_uuid = received.headers["x-fiber-symmetric-key-uuid"]
                    clear, key = await self.desk.opened(hotkey, key_uuid, received.body)
                    assert key is not None
                    self.seen.append(clear)
                    return reply(200, key.seal(clear_answer(self.answer)))
                case _:
                    return reply(404, {"detail": "no such route"})
        except Refusal as refused:
            return reply(refused.status, refused.body())


def clear_answer(text: str) -> bytes:
    return json.dumps(
        {
            "response_text": text,
            "response_time_ms": 12,
            "tool_calls": None,
            "finish_reason": "stop",
            "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
        }
    ).encode()


def pem_of(key: rsa.RSAPrivateKey) -> str:
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, spki).decode()


class ForeignMiner:
    """Loosh's miner as its validator 1.2.8 meets it. `answer` may be replaced, to misbehave after the handshake."""

    def __init__(self) -> None:
        self.private = FIRST_KEY
        self.keys: dict[tuple[str, str], Fernet] = {}
        self.asked: list[dict[str, Any]] = []
        self.requests: dict[str, int] = {}
        self.answer: Callable[[Fernet], bytes | Awaitable[bytes | None]] = self.honest

    def restart(self) -> None:
        """A new process: a new RSA key, no symmetric keys."""
        self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.keys = {}

    def honest(self, fernet: Fernet) -> bytes:
        return reply(200, fernet.encrypt(clear_answer("foreign 42")), content_type="application/octet-stream")

    @property
    def pem(self) -> str:
        return pem_of(self.private)

    async def __call__(self, received: Received) -> bytes | None:
        self.requests[received.path] = self.requests.get(received.path, 0) + 1
        if received.path == "/availability":
            return reply(200, {"available": True})
        if received.path == "/fiber/public-key":
            return reply(200, {"public_key": self.pem})
        if received.path == "/fiber/key-exchange":
            return self.exchange(json.loads(received.body))
        if received.path not in ("/fiber/key-exchange", "/fiber/challenge"):
            return reply(404, {"detail": "Not Found"})
        name = (received.headers["x-fiber-validator-hotkey-ss58"], received.headers["x-fiber-symmetric-key-uuid"])
        if name not in self.keys:
            body = {"detail": "unknown key", "public_key": self.pem, "requires_handshake": True}
            return reply(401, body)
        try:
            self.asked.append(json.loads(self.keys[name].decrypt(received.body, ttl=3600)))
        except InvalidToken:
            return reply(401, {"detail": "undecryptable"})
        answered = self.answer(self.keys[name])
        return answered if isinstance(answered, bytes) else await answered

    def exchange(self, body: dict[str, Any]) -> bytes:
        hotkey = body["validator_hotkey_ss58"]
        text = f"{float(body['timestamp'])}.{body['nonce']}.{hotkey}"
        if not Keypair(ss58_address=hotkey).verify(text, body["signature"]):
            return reply(400, {"detail": "Failed"})
        key = self.private.decrypt(bytes.fromhex(body["encrypted_symmetric_key"]), OAEP)
        self.keys[hotkey, body["symmetric_key_uuid"]] = Fernet(key)
        return reply(200, {"success": True, "message": "ok"})


class ForeignFiberMiner:
    """A miner of Fiber classic as the package `fiber` 2.1 has it."""

    def __init__(self, hotkey: str = BOB.ss58_address) -> None:
        self.hotkey = hotkey
        self.keys: dict[tuple[str, str], Fernet] = {}
        self.nonces: set[str] = set()
        self.asked: list[dict[str, Any]] = []
        self.requests: list[str] = []

    async def __call__(self, received: Received) -> bytes:
        self.requests.append(received.path)
        if received.path == "/public-encryption-key":
            return reply(200, {"public_key": pem_of(FIRST_KEY), "timestamp": 1.0})
        if received.path not in ("/exchange-symmetric-key", "/challenge", "/challenge/stream"):
            return reply(404, {"detail": "Not Found"})
        headers = received.headers
        hotkey, key_uuid, nonce = headers["validator-hotkey"], headers["symmetric-key-uuid"], headers["nonce"]
        text = f"{nonce}:{self.hotkey}:{key_uuid}"
        stamp = int(nonce.split("_")[0])
        valid = Keypair(ss58_address=hotkey).verify(text, headers["signature"])
        if nonce in self.nonces or abs(time.time_ns() - stamp) > 120e9 or not valid:
            return reply(401, {"detail": "Oi"})
        self.nonces.add(nonce)
        if received.path == "/exchange-symmetric-key":
            assert headers["content-type"] == "application/json"
            raw = FIRST_KEY.decrypt(base64.b64decode(json.loads(received.body)["encrypted_symmetric_key"]), OAEP)
            self.keys[hotkey, key_uuid] = Fernet(base64.urlsafe_b64encode(raw))
            return reply(200, {"status": "Symmetric key exchanged successfully"})
        if (hotkey, key_uuid) not in self.keys:
            return reply(400, {"detail": "No symmetric key found for that hotkey and uuid"})
        self.asked.append(json.loads(self.keys[hotkey, key_uuid].decrypt(received.body)))
        if received.path == "/challenge":
            return reply(200, clear_answer("foreign 42"))
        return reply(200, self.stream, content_type="text/event-stream")

    stream = (  # what it answers on /challenge/stream
        b'data: {"response_text": "forty"}\n\ndata: {"response_text": "-two", "finish_reason": "length"}\n\n'
        b"data: [DONE]\n\n"
    )


def foreign_exchange(
    pem: str, signer: Keypair, key: bytes, *, timestamp: float | None = None, nonce: str | None = None, **changed: Any
) -> dict[str, Any]:
    """A key exchange's body as Loosh's validator sends it, signed by `signer`; then `changed`."""
    public = serialization.load_pem_public_key(pem.encode())
    assert isinstance(public, rsa.RSAPublicKey)
    stamp = time.time() if timestamp is None else timestamp
    nonce = str(uuid.uuid4()) if nonce is None else nonce
    return {
        "encrypted_symmetric_key": public.encrypt(key, OAEP).hex(),
        "symmetric_key_uuid": str(uuid.uuid4()),
        "timestamp": stamp,
        "nonce": nonce,
        "signature": "0x" + signer.sign(f"{float(stamp)}.{nonce}.{signer.ss58_address}").hex(),
        "validator_hotkey_ss58": signer.ss58_address,
    } | changed


async def foreign_ask(peer: Peer, signer: Keypair, clear: dict[str, Any]) -> tuple[dict[str, Any], httpx.Headers]:
    """Loosh's validator, from fetching the key to reading the answer."""
    async with httpx.AsyncClient(base_url=f"http://{peer.host}:{peer.port}", trust_env=False) as client:
        pem = (await client.get("/fiber/public-key")).json()["public_key"]
        key = Fernet.generate_key()
        body = foreign_exchange(pem, signer, key)
        exchanged = await client.post("/fiber/key-exchange", json=body)
        assert exchanged.status_code == 200, exchanged.text
        assert exchanged.json()["success"] is True
        answered = await client.post(
            "/fiber/challenge",
            content=Fernet(key).encrypt(json.dumps(clear).encode()),
            headers={
                "Content-Type": "application/octet-stream",
                "x-fiber-validator-hotkey-ss58": signer.ss58_address,
                "x-fiber-symmetric-key-uuid": body["symmetric_key_uuid"],
            },
        )
        assert answered.status_code == 200, answered.text
        return json.loads(Fernet(key).decrypt(answered.content, ttl=3600)), answered.headers


class DiskNonces:
    """A durable nonce store: what the engine's store does, in one table."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path)
        self._connection.execute("CREATE TABLE IF NOT EXISTS nonces (key TEXT PRIMARY KEY, until REAL)")

    async def remember(self, key: str, *, until: float) -> bool:
        with self._connection:
            done = self._connection.execute("INSERT OR IGNORE INTO nonces VALUES (?, ?)", (key, until))
        return done.rowcount == 1

    def kept(self) -> list[tuple[str, float]]:
        return list(self._connection.execute("SELECT key, until FROM nonces"))

    def close(self) -> None:
        self._connection.close()
