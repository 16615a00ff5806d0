"""What the miner server costs besides its cryptography: CPU per sealed challenge, compared with a bare route's.

Two servers in separate processes get the same load in turns: ours with a backend that answers at once, and a Starlette
route that decrypts the same token, encrypts the same answer and does nothing else. `python -m benchmarks.transport
ours|bare KEY` runs one of them, which prints its address, and then its CPU seconds for each line of stdin until that
ends.
"""

import asyncio
import statistics
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from socket import socket
from subprocess import Popen

import msgspec
import uvicorn
from cryptography.fernet import Fernet
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.figures import Figure
from benchmarks.processes import python, running
from benchmarks.stub_backend import ANSWER, StubBackend
from engine.keys import Signer
from engine.node.thread import serving_loop
from engine.transport.dialects.loosh import (
    CHALLENGE_PATH,
    KEY_EXCHANGE_PATH,
    KEY_UUID_HEADER,
    PUBLIC_KEY_PATH,
    VALIDATOR_HEADER,
    new_exchange,
)
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import read_public_key
from engine.transport.wire import challenge_json, completion_json
from engine.values import Challenge, Request
from miner_server.allowlist import AllowList
from miner_server.server import MinerServer
from tests.unit.chain_helpers import key as keypair

LOOPBACK = "127.0.0.1"
VALIDATORS = 16
TURNS = 19
REQUESTS_A_TURN = 12
"""Challenges per validator and turn; with the warm-up, all turns stay within a hotkey's limit per minute."""

CHALLENGE = challenge_json(
    Challenge(
        id="11111111-2222-3333-4444-555555555555",
        kind="chat",
        source="synthetic",
        created_at=1_700_000_000.0,
        request=Request(messages=({"role": "user", "content": "Which of these is larger? " * 30},)),
    )
)


class Server(Struct, frozen=True):
    """One of the two servers, running."""

    process: "Popen[str]"
    port: int

    def cpu_seconds(self) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


class Validator(Struct, frozen=True):
    """One hotkey's connection and key, which the bare server knows from its command line."""

    hotkey: str
    key_uuid: str
    fernet: Fernet
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def post(self, path: str, body: bytes) -> bytes:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nContent-Type: application/octet-stream\r\n"
            f"Accept: */*\r\nAccept-Encoding: identity\r\nUser-Agent: benchmark\r\nConnection: keep-alive\r\n"
            f"{VALIDATOR_HEADER}: {self.hotkey}\r\n{KEY_UUID_HEADER}: {self.key_uuid}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        return await self.reply()

    async def get(self, path: str) -> bytes:
        self.writer.write(f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\n\r\n".encode())
        return await self.reply()

    async def reply(self) -> bytes:
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
        body = await self.reader.readexactly(length)
        assert head.startswith(b"http/1.1 200"), body
        return body


def measure() -> list[Figure]:
    """Both servers' CPU per challenge, their ratio, and how long ours takes under load."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    key = Fernet.generate_key()
    signers = [keypair(f"Validator{number}") for number in range(VALIDATORS)]
    with ExitStack() as stack:
        ours, bare = (_started(stack, kind, key, signers) for kind in ("ours", "bare"))
        crowds = {server.port: [await connected(server, signer, key) for signer in signers] for server in (ours, bare)}
        for validator, signer in zip(crowds[ours.port], signers, strict=True):
            await shake(validator, signer, key)
        cpu: dict[int, list[float]] = {ours.port: [], bare.port: []}
        latencies: list[float] = []
        for turn in range(1 + TURNS):  # the first turn warms both up
            for server in (ours, bare):
                before = server.cpu_seconds()
                taken = await asyncio.gather(*(ask(validator) for validator in crowds[server.port]))
                if turn:
                    cpu[server.port].append(server.cpu_seconds() - before)
                    latencies += [ms for each in taken for ms in each] if server is ours else []
    # Medians of many short turns, since other load on the machine spoils some of them.
    ratio = statistics.median(mine / its for mine, its in zip(cpu[ours.port], cpu[bare.port], strict=True))
    microseconds = {
        port: statistics.median(turns) / (REQUESTS_A_TURN * VALIDATORS) * 1e6 for port, turns in cpu.items()
    }
    centiles = statistics.quantiles(latencies, n=100)
    return [
        Figure("sealed challenge: the miner server's CPU against a bare route's", ratio, "x", 1.5),
        Figure("sealed challenge: the miner server's CPU", microseconds[ours.port], "µs"),
        Figure("sealed challenge: a bare route's CPU", microseconds[bare.port], "µs"),
        Figure(f"sealed challenge: p50 with {VALIDATORS} at once", centiles[49], "ms"),
        Figure(f"sealed challenge: p99 with {VALIDATORS} at once", centiles[98], "ms"),
    ]


def _started(stack: ExitStack, kind: str, key: bytes, signers: list[Signer]) -> Server:
    hotkeys = ",".join(signer.ss58_address for signer in signers)
    process = stack.enter_context(running(python("benchmarks.transport", kind, key.decode(), hotkeys)))
    assert process.stdout is not None
    return Server(process, int(process.stdout.readline()))


async def connected(server: Server, signer: Signer, key: bytes) -> Validator:
    reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
    return Validator(signer.ss58_address, str(uuid.uuid4()), Fernet(key), reader, writer)


async def shake(validator: Validator, signer: Signer, key: bytes) -> None:
    pem = msgspec.json.decode(await validator.get(PUBLIC_KEY_PATH))["public_key"]
    nonce = str(uuid.uuid4())
    body = new_exchange(
        signer, read_public_key(pem), key, key_uuid=validator.key_uuid, nonce=nonce, timestamp=time.time()
    )
    await validator.post(KEY_EXCHANGE_PATH, body)


async def ask(validator: Validator) -> list[float]:
    """The milliseconds of each challenge, sent one after the other."""
    taken = []
    for token in [validator.fernet.encrypt(CHALLENGE) for _ in range(REQUESTS_A_TURN)]:
        began = time.perf_counter()
        sealed = await validator.post(CHALLENGE_PATH, token)
        taken.append((time.perf_counter() - began) * 1000)
    assert b"second one" in validator.fernet.decrypt(sealed)
    return taken


async def _serve_ours(_: bytes, hotkeys: list[str]) -> None:
    server = MinerServer(keypair("Miner"), StubBackend(), AllowList(hotkeys), MemoryNonces(), host=LOOPBACK, port=0)
    await until_stdin_ends(server.run(lambda: print(server.address[1], flush=True)))


async def _serve_bare(key: bytes, _: list[str]) -> None:
    fernet, answer = Fernet(key), completion_json(ANSWER)

    async def challenge(request: HttpRequest) -> Response:
        fernet.decrypt(await request.body(), ttl=3600)
        return Response(fernet.encrypt(answer), media_type="application/octet-stream")

    class Announced(uvicorn.Server):
        async def startup(self, sockets: list[socket] | None = None) -> None:
            await super().startup(sockets)
            print(self.servers[0].sockets[0].getsockname()[1], flush=True)

    app = Starlette(routes=[Route(CHALLENGE_PATH, challenge, methods=["POST"])])
    config = uvicorn.Config(app, port=0, http="httptools", ws="none", lifespan="off", log_config=None, access_log=False)
    await until_stdin_ends(Announced(config).serve())


async def until_stdin_ends(serving: Awaitable[None]) -> None:
    task = asyncio.ensure_future(serving)
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), flush=True)
    task.cancel()
    await asyncio.wait([task])


SERVERS: dict[str, Callable[[bytes, list[str]], Awaitable[None]]] = {"ours": _serve_ours, "bare": _serve_bare}


async def _main(kind: str, key: str, hotkeys: str) -> None:
    await SERVERS[kind](key.encode(), hotkeys.split(","))


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=serving_loop) as runner:  # as `launch` runs a miner, and uvicorn an application
        runner.run(_main(*sys.argv[1:]))
