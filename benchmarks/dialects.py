"""What each dialect costs the miner, and how the miner stands pressure.

Each dialect is asked in turns at our server, whose backend answers at once, and at a bare Starlette route with the same
cryptography: opening and sealing, hashing, verifying. Under pressure are a server with ten slots and 200 callers, one
that gets bad signatures beside honest challenges, one on which 400 connections drip, and one that is sent 100 MB.
`python -m benchmarks.dialects ours|bare …` is one of the servers: it prints where it listens, and its CPU seconds and
memory for each line of stdin, until that ends.
"""

import asyncio
import base64
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack
from hashlib import sha256
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

from benchmarks.figures import Figure
from benchmarks.processes import python, running
from engine.keys import Signer, verify
from engine.transport.callers import Callers
from engine.transport.dialects import btauth, fiber, loosh
from engine.transport.errors import WireError
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import RsaKey
from engine.transport.wire import Completion, completion_json
from engine.values import Challenge, Peer, Request
from miner_server.allowlist import AllowList
from miner_server.limits import Limits
from miner_server.server import MinerServer
from tests.unit.chain_helpers import key as keypair

MODULE = "benchmarks.dialects"
LOOPBACK = "127.0.0.1"
MINER = keypair("Miner")
DIALECTS = ("loosh", "fiber", "btauth")
VALIDATORS = 8
TURNS = 9
ASKED_A_TURN = 20
ANSWER = Completion(text="The second one is larger. " * 30, usage={"completion_tokens": 200}, ms=1)

CALLERS = 200
SLOTS = 10
OVERLOAD_S = 60.0
ANSWER_S = 0.05
DEADLINE_S = 20.0
BAD_A_SECOND = 2000
LIARS = 100
LIARS_FROM = "127.0.0.2"
FLOOD_S = 5.0
DRIPPING = 400
BIG = 100 * 1024 * 1024


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
    """All figures, dialect by dialect, then those under pressure."""
    figures = [figure for dialect in DIALECTS for figure in asyncio.run(_cost(dialect))]
    figures += [figure for dialect in DIALECTS for figure in asyncio.run(_overload(dialect))]
    return [*figures, *asyncio.run(_flood()), *asyncio.run(_drip()), *asyncio.run(_big())]


# -- what a request costs -----------------------------------------------------------------------------------------


async def _cost(dialect: str) -> list[Figure]:
    signers = [keypair(f"Validator{number}") for number in range(VALIDATORS)]
    allowed = ",".join(signer.ss58_address for signer in signers)
    async with AsyncExitStack() as closing:
        stack = closing.enter_context(ExitStack())
        servers = (started(stack, MODULE, "ours", allowed), started(stack, MODULE, "bare", dialect))
        validators = [Callers(signer, usual=dialect, allow_private=True) for signer in signers]
        for validator in validators:
            closing.push_async_callback(validator.close)
        cpu: dict[int, list[float]] = {server.port: [] for server in servers}
        alone = 0.0
        for turn in range(1 + TURNS):  # the first one warms both up, and shakes hands
            for server in servers:
                before, _ = server.used()
                await asyncio.gather(*(_ask(validator, server.peer, ASKED_A_TURN) for validator in validators))
                if turn:
                    spent = (server.used()[0] - before) / (ASKED_A_TURN * VALIDATORS)
                    cpu[server.port].append(spent)
        before, _ = servers[0].used()
        await _ask(validators[0], servers[0].peer, 40)
        alone = (servers[0].used()[0] - before) / 40
    ours, bare = (cpu[server.port] for server in servers)
    ratio = statistics.median(mine / its for mine, its in zip(ours, bare, strict=True))
    target = 0.4 if dialect == "fiber" else None
    return [
        Figure(f"{dialect}: the miner server's CPU against a bare route's", ratio, "x", 1.5),
        Figure(f"{dialect}: the miner server's CPU, {VALIDATORS} callers", statistics.median(ours) * 1000, "ms"),
        Figure(f"{dialect}: the miner server's CPU, one caller", alone * 1000, "ms", target),
    ]


async def _ask(validator: Callers, peer: Peer, times: int) -> None:
    for _ in range(times):
        await validator.ask(peer, question("Which is larger? " * 30), timeout=DEADLINE_S, max_bytes=1 << 20)


# -- pressure -----------------------------------------------------------------------------------------------------


async def _overload(dialect: str) -> list[Figure]:
    signers = [keypair(f"Caller{number}") for number in range(CALLERS)]
    seen: Counter[str] = Counter()
    slowest = 0.0

    async def insist(signer: Signer, peer: Peer, until: float) -> None:
        nonlocal slowest
        validator = Callers(signer, usual=dialect, allow_private=True)
        count = 0
        while time.monotonic() < until:
            count += 1
            asked, began = f"{signer.ss58_address} {count}", time.monotonic()
            try:
                answer = await validator.ask(peer, question(asked), timeout=DEADLINE_S, max_bytes=1 << 20)
                seen["own" if answer.completion.text == asked else "another's"] += 1
            except WireError as error:
                seen["503" if ": 503" in error.reason else "429" if ": 429" in error.reason else "lost"] += 1
                await asyncio.sleep(0.2)
            slowest = max(slowest, time.monotonic() - began)
        await validator.close()

    with ExitStack() as stack:
        server = started(
            stack, MODULE, "ours", ",".join(one.ss58_address for one in signers), str(ANSWER_S), str(SLOTS)
        )
        until = time.monotonic() + OVERLOAD_S
        asking = asyncio.gather(*(insist(signer, server.peer, until) for signer in signers))
        await asyncio.sleep(OVERLOAD_S / 3)
        early = server.used()[1]
        await asking
        late = server.used()[1]
    return [
        Figure(f"{dialect}: {CALLERS} callers, answers to somebody else", seen["another's"], "answers", 0),
        Figure(f"{dialect}: {CALLERS} callers, neither answered nor told to come again", seen["lost"], "requests", 0),
        Figure(f"{dialect}: {CALLERS} callers, the slowest reply", slowest, "s", DEADLINE_S),
        Figure(f"{dialect}: {CALLERS} callers, answered", seen["own"] / OVERLOAD_S, "a second"),
        Figure(f"{dialect}: {CALLERS} callers, more memory after the first third", late - early, "MB", 4),
    ]


async def _flood() -> list[Figure]:
    """Bad signatures in a known hotkey's name, as many as the server lets one address send."""
    alice, eve = keypair("Alice"), keypair("Eve")
    taken: list[float] = []
    sent = shaken = 0
    with ExitStack() as stack:
        server = started(stack, MODULE, "ours", alice.ss58_address)
        headers = fiber.signed_headers(eve, MINER.ss58_address, sha256(b"{}").hexdigest())
        headers[fiber.VALIDATOR_HEADER] = alice.ss58_address
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        lied = f"POST /challenge HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{lines}\r\n{{}}".encode()

        validator = Callers(alice, usual="loosh", allow_private=True)
        await _ask(validator, server.peer, 3)
        until = time.monotonic() + FLOOD_S

        async def lie() -> None:
            nonlocal sent
            reader, writer = await asyncio.open_connection(LOOPBACK, server.port, local_addr=(LIARS_FROM, 0))
            while time.monotonic() < until:
                due = time.monotonic() + LIARS / BAD_A_SECOND
                writer.write(lied)
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
                sent += 1
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            writer.close()

        async def be_honest() -> None:
            nonlocal shaken
            while time.monotonic() < until:
                began = time.monotonic()
                await validator.ask(server.peer, question("1 + 1?"), timeout=DEADLINE_S, max_bytes=1 << 20)
                taken.append((time.monotonic() - began) * 1000)
                await asyncio.sleep(0.05)
            newcomer = Callers(alice, usual="loosh", allow_private=True)
            await newcomer.ask(server.peer, question("1 + 1?"), timeout=DEADLINE_S, max_bytes=1 << 20)
            shaken += 1
            await validator.close()
            await newcomer.close()

        await asyncio.gather(be_honest(), *(lie() for _ in range(LIARS)))
    return [
        Figure("bad signatures from one address", sent / FLOOD_S, "a second"),
        Figure("bad signatures: honest p99", statistics.quantiles(taken, n=100)[98], "ms", 100),
        Figure("bad signatures: handshakes of the known that failed", 1 - shaken, "handshakes", 0),
    ]


async def _drip() -> list[Figure]:
    with ExitStack() as stack:
        server = started(stack, MODULE, "ours", keypair("Alice").ss58_address)
        began = time.monotonic()

        async def drip(number: int) -> float:
            """Half of them drip a head, the others a body."""
            reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
            head = b"POST /fiber/key-exchange HTTP/1.1\r\nHost: x\r\n"
            writer.write(head + b"Content-Length: 5000\r\n\r\n" if number % 2 else head)
            ended = asyncio.ensure_future(reader.read(-1))
            while not ended.done():
                await asyncio.wait([ended], timeout=0.5)
                writer.write(b"x")
            writer.close()
            return time.monotonic() - began

        ends = await asyncio.gather(*(drip(number) for number in range(DRIPPING)), return_exceptions=True)
    slowest = max(end if isinstance(end, float) else time.monotonic() - began for end in ends)
    return [Figure(f"{DRIPPING} dripping connections: the last is closed after", slowest, "s", 10)]


async def _big() -> list[Figure]:
    with ExitStack() as stack:
        server = started(stack, MODULE, "ours", keypair("Alice").ss58_address)
        before = server.used()[1]
        _, writer = await asyncio.open_connection(LOOPBACK, server.port)
        writer.write(b"POST /fiber/key-exchange HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece, sent = b"10000\r\n" + bytes(65536) + b"\r\n", 0
        try:
            while sent < BIG:
                writer.write(piece)
                sent += 65536
                await writer.drain()
        except ConnectionError:
            pass
        grown = server.used()[1] - before
        writer.close()
    return [Figure("a body of 100 MB: more memory", grown, "MB", 4)]


# -- the servers --------------------------------------------------------------------------------------------------


class _Backend:
    name = "instant"
    model = "none"

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def readiness(self) -> str:
        return ""

    async def complete(
        self,
        request: Request,
        *,
        timeout: float,  # noqa: ARG002
        caller: str = "",  # noqa: ARG002
        on_text: Callable[[str], None] | None = None,  # noqa: ARG002
    ) -> Completion:
        if not self._seconds:
            return ANSWER
        await asyncio.sleep(self._seconds)
        return Completion(text=request.question)

    async def close(self) -> None:
        return None


async def serve_ours(hotkeys: str, seconds: str = "0", slots: str = "16") -> None:
    from miner_server import admission

    admission.HOTKEY_PER_MINUTE |= {"challenge": 100_000, "handshake": 100_000}
    limits = Limits(capacity=int(slots), queue=4 * int(slots))
    allow = AllowList(hotkeys.split(","))
    server = MinerServer(MINER, _Backend(float(seconds)), allow, MemoryNonces(), host=LOOPBACK, port=0, limits=limits)
    await until_stdin_ends(server.run(lambda: print(server.address[1], flush=True)))


class Bare:
    """One dialect's cryptography behind plain Starlette routes, and nothing else."""

    def __init__(self) -> None:
        self._rsa = RsaKey()
        self._keys: dict[str, Fernet] = {}
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

    def routes(self, dialect: str) -> list[Route]:
        posts: dict[str, dict[str, Callable[[HttpRequest], Awaitable[Response]]]] = {
            "loosh": {loosh.KEY_EXCHANGE_PATH: self.loosh_exchange, loosh.CHALLENGE_PATH: self.loosh},
            "fiber": {fiber.KEY_EXCHANGE_PATH: self.fiber_exchange, fiber.CHALLENGE_PATH: self.fiber},
            "btauth": {btauth.CHALLENGE_PATH: self.btauth},
        }
        keys = [Route(path, self.public_key) for path in (loosh.PUBLIC_KEY_PATH, fiber.PUBLIC_KEY_PATH)]
        return [*keys, *(Route(path, serve, methods=["POST"]) for path, serve in posts[dialect].items())]


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
    asyncio.run(serve_ours(*arguments) if kind == "ours" else serve_bare(*arguments))
