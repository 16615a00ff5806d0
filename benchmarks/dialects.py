"""What each dialect costs the miner.

Each dialect is asked in turns at our server, whose backend answers at once, and at a bare Starlette route with the same
cryptography: opening and sealing, hashing, verifying, signing. `python -m benchmarks.dialects ours|bare …` is one of
the servers: it prints where it listens, and its CPU seconds and memory for each line of stdin, until that ends.
"""

import asyncio
import base64
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from subprocess import Popen

import msgspec
import uvicorn
from cryptography.fernet import Fernet
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import sealing
from benchmarks.figures import Figure
from benchmarks.processes import python, running
from benchmarks.stub_backend import ANSWER, StubBackend
from console import garbage
from engine.keys import signature_hex, verify
from engine.node.thread import serving_loop
from engine.transport.callers import Callers
from engine.transport.description import OCTETS
from engine.transport.dialect import Dialect
from engine.transport.dialects import btauth, fiber, loosh, own, registry, template
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import RsaKey
from engine.transport.wire import completion_json
from engine.transport.x25519 import PairedKey, X25519Key
from engine.values import Challenge, Peer, Request
from miner_server.allowlist import AllowList
from miner_server.limits import Limits
from miner_server.server import MinerServer
from tests.unit.chain_helpers import key as keypair

MODULE = "benchmarks.dialects"
LOOPBACK = "127.0.0.1"
MINER = keypair("Miner")
DIALECTS = ("loosh", "fiber", "btauth", "template", "own")
VALIDATORS = 8
TURNS = 9
ASKED_A_TURN = 20
ALONE = 40
DEADLINE_S = 20.0


def question(text: str) -> Challenge:
    request = Request(messages=({"role": "user", "content": text},))
    return Challenge(id="c-1", kind="chat", source="synthetic", created_at=1.7e9, request=request)


class Server(Struct, frozen=True):
    """One of them, running."""

    process: "Popen[str]"
    port: int

    @property
    def peer(self) -> Peer:
        return Peer(hotkey=MINER.ss58_address, host=LOOPBACK, port=self.port)

    def used(self) -> tuple[float, float]:
        """CPU seconds and resident MB so far."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        cpu, rss = self.process.stdout.readline().split()
        return float(cpu), float(rss)


def started(stack: ExitStack, module: str, *arguments: str) -> Server:
    """A server that `module` runs, once it has printed where it listens."""
    process = stack.enter_context(running(python(module, *arguments)))
    assert process.stdout is not None
    return Server(process, int(process.stdout.readline()))


def measure() -> list[Figure]:
    """All figures, dialect by dialect, and what our own saves."""
    return [*(figure for dialect in DIALECTS for figure in asyncio.run(_cost(dialect))), *sealing.measure()]


# -- what a request costs -----------------------------------------------------------------------------------------


async def _cost(dialect: str) -> list[Figure]:
    signers = [keypair(f"Validator{number}") for number in range(VALIDATORS)]
    allowed = ",".join(signer.ss58_address for signer in signers)
    text = "What is 41 plus 1?" if dialect == "template" else "Which is larger? " * 30
    async with AsyncExitStack() as closing:
        stack = closing.enter_context(ExitStack())
        servers = (started(stack, MODULE, "ours", allowed, dialect), started(stack, MODULE, "bare", dialect))
        validators = [Callers(signer, usual=dialect, allow_private=True) for signer in signers]
        for validator in validators:
            closing.push_async_callback(validator.close)
        cpu: dict[int, list[float]] = {server.port: [] for server in servers}
        alone = 0.0
        for turn in range(1 + TURNS):  # the first one warms both up, and shakes hands
            for server in servers:
                before, _ = server.used()
                await asyncio.gather(*(_ask(validator, server.peer, text, ASKED_A_TURN) for validator in validators))
                if turn:
                    spent = (server.used()[0] - before) / (ASKED_A_TURN * VALIDATORS)
                    cpu[server.port].append(spent)
        before, _ = servers[0].used()
        await _ask(validators[0], servers[0].peer, text, ALONE)
        alone = (servers[0].used()[0] - before) / ALONE
    ours, bare = (cpu[server.port] for server in servers)
    ratio = statistics.median(mine / its for mine, its in zip(ours, bare, strict=True))
    target = 0.4 if dialect == "fiber" else None
    return [
        Figure(f"{dialect}: the miner server's CPU against a bare route's", ratio, "x", 1.5),
        Figure(f"{dialect}: the miner server's CPU, {VALIDATORS} callers", statistics.median(ours) * 1000, "ms"),
        Figure(f"{dialect}: the miner server's CPU, one caller", alone * 1000, "ms", target),
    ]


async def _ask(validator: Callers, peer: Peer, text: str, times: int) -> None:
    for _ in range(times):
        await validator.ask(peer, question(text), timeout=DEADLINE_S, max_bytes=1 << 20)


# -- the servers --------------------------------------------------------------------------------------------------


def spoken_for(asked: str) -> list[Dialect]:
    """What a miner speaks that is asked in `asked`: one that speaks our own is asked in that instead of Fiber's."""
    return [one for one in registry.DIALECTS.values() if one is not own.OWN or asked == own.OWN.name]


async def serve_ours(hotkeys: str, asked: str, seconds: str = "0", slots: str = "16") -> None:
    from miner_server import admission

    admission.HOTKEY_PER_MINUTE |= {"challenge": 100_000, "handshake": 100_000}
    limits = Limits(capacity=int(slots), queue=4 * int(slots))
    allow = AllowList(hotkeys.split(","))
    server = MinerServer(
        MINER,
        StubBackend(float(seconds)),
        allow,
        MemoryNonces(),
        host=LOOPBACK,
        port=0,
        limits=limits,
        spoken=spoken_for(asked),
    )

    def tell() -> None:
        garbage.go_on()
        print(server.address[1], flush=True)

    garbage.begin()  # as `launch` does
    await until_stdin_ends(server.run(tell))


class Bare:
    """One dialect's cryptography behind plain Starlette routes, and nothing else."""

    def __init__(self) -> None:
        self._rsa = RsaKey()
        self._keys: dict[str, Fernet] = {}
        self._x25519 = X25519Key()
        self._paired: dict[str, PairedKey] = {}
        self._answer = completion_json(ANSWER)

    async def start(self) -> None:
        await self._rsa.start()

    async def public_key(self, _: HttpRequest) -> Response:
        return Response(msgspec.json.encode({"public_key": self._rsa.pem, "timestamp": 0.0}))

    async def loosh_exchange(self, request: HttpRequest) -> Response:
        offer = msgspec.json.decode(await request.body())
        key = await self._rsa.unseal(bytes.fromhex(offer["encrypted_symmetric_key"]))
        self._keys[offer["symmetric_key_uuid"]] = Fernet(key)
        return Response(b'{"success":true}')

    async def loosh(self, request: HttpRequest) -> Response:
        key = self._keys[request.headers[loosh.KEY_UUID_HEADER]]
        msgspec.json.decode(key.decrypt(await request.body(), ttl=3600))
        return Response(key.encrypt(self._answer), media_type="application/octet-stream")

    async def fiber_exchange(self, request: HttpRequest) -> Response:
        offer = msgspec.json.decode(await request.body())
        key = await self._rsa.unseal(base64.b64decode(offer["encrypted_symmetric_key"]))
        self._keys[request.headers[fiber.KEY_UUID_HEADER]] = Fernet(base64.urlsafe_b64encode(key))
        return Response(b'{"status":"ok"}')

    async def fiber(self, request: HttpRequest) -> Response:
        headers = request.headers
        uuid, hotkey = headers[fiber.KEY_UUID_HEADER], headers[fiber.VALIDATOR_HEADER]
        message = f"{headers[fiber.NONCE_HEADER]}:{headers[fiber.MINER_HEADER]}:{uuid}".encode()
        assert verify(hotkey, message, headers[fiber.SIGNATURE_HEADER])
        msgspec.json.decode(self._keys[uuid].decrypt(await request.body()))
        return Response(self._answer, media_type="application/json")

    async def btauth(self, request: HttpRequest) -> Response:
        headers, body = request.headers, await request.body()
        nonce, sender = headers[btauth.NONCE_HEADER], headers[btauth.HOTKEY_HEADER]
        lines = btauth.signed_lines("POST", request.url.path, body, nonce, sender, headers[btauth.RECEIVER_HEADER])
        assert verify(sender, lines, "0x" + headers[btauth.SIGNATURE_HEADER].removeprefix("0x"))
        msgspec.json.decode(body)
        return Response(self._answer, media_type="application/json")

    async def template(self, request: HttpRequest) -> Response:
        message = request.headers[template.MESSAGE_HEADER]
        assert verify(message.split(":")[1], message.encode(), request.headers[template.SIGNATURE_HEADER])
        asked = msgspec.json.decode(await request.body())
        return Response(msgspec.json.encode({"result": asked["a"] + asked["b"]}), media_type="application/json")

    async def own_key(self, _: HttpRequest) -> Response:
        return Response(msgspec.json.encode(own.signed_key(MINER, self._x25519)))

    async def own_exchange(self, request: HttpRequest) -> Response:
        offer = msgspec.json.decode(await request.body(), type=own._Exchange)
        assert verify(offer.hotkey, offer.signed, offer.signature)
        self._paired[offer.key] = PairedKey(self._x25519.agree(offer.key, offer.signed), asks=False)
        return Response(b"{}")

    async def own(self, request: HttpRequest) -> Response:
        headers, body = request.headers, await request.body()
        key, hotkey = self._paired[headers[own.KEY_HEADER]], headers[own.HOTKEY_HEADER]
        signed = own._question(own.CHALLENGE_PATH, body, headers[own.NONCE_HEADER], hotkey, MINER.ss58_address)
        assert verify(hotkey, signed, headers[own.SIGNATURE_HEADER])
        msgspec.json.decode(key.open(body))
        signature = signature_hex(MINER, own._answer(body, self._answer, MINER.ss58_address))
        return Response(key.seal(signature.encode() + self._answer), media_type=OCTETS)

    def routes(self, dialect: str) -> list[Route]:
        posts: dict[str, dict[str, Callable[[HttpRequest], Awaitable[Response]]]] = {
            "loosh": {loosh.KEY_EXCHANGE_PATH: self.loosh_exchange, loosh.CHALLENGE_PATH: self.loosh},
            "fiber": {fiber.KEY_EXCHANGE_PATH: self.fiber_exchange, fiber.CHALLENGE_PATH: self.fiber},
            "btauth": {btauth.CHALLENGE_PATH: self.btauth},
            "template": {template.ADD_PATH: self.template},
            "own": {own.EXCHANGE_PATH: self.own_exchange, own.CHALLENGE_PATH: self.own},
        }
        keys = [Route(path, self.public_key) for path in (loosh.PUBLIC_KEY_PATH, fiber.PUBLIC_KEY_PATH)]
        return [
            Route(own.KEY_PATH, self.own_key),
            *keys,
            *(Route(path, serve, methods=["POST"]) for path, serve in posts[dialect].items()),
        ]


async def serve_bare(dialect: str) -> None:
    bare = Bare()
    await bare.start()
    app = Starlette(routes=bare.routes(dialect))
    server = uvicorn.Server(uvicorn.Config(app, port=0, http="httptools", ws="none", lifespan="off", log_config=None))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await until_stdin_ends(serving)


def resident_mb() -> float:
    """Of this process, now (proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


async def until_stdin_ends(serving: Awaitable[None]) -> None:
    task = asyncio.ensure_future(serving)
    while await asyncio.to_thread(sys.stdin.readline):
        print(time.process_time(), resident_mb(), flush=True)
    task.cancel()
    await asyncio.wait([task])


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    with asyncio.Runner(loop_factory=serving_loop) as runner:  # as `launch` runs a miner, and uvicorn an application
        runner.run(serve_ours(*arguments) if kind == "ours" else serve_bare(*arguments))
