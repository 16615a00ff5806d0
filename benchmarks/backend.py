"""What a challenge costs a miner server that forwards to a model server: its CPU, including the HTTP client's.

The model server is a stub in a separate process that speaks OpenAI's chat completions API and answers at once. It is
asked through our server and, in turns, through a bare one: a protocol on the same event loop with the same parser and
cryptography, which checks nothing and keeps nothing. The two servers have a core of their own, as validators and model
servers have theirs: else what these do between two messages empties the caches that a server's next one finds. `python
-m benchmarks.backend stub` runs the stub, `miner URL HOTKEYS` our server and `bare URL KEY` the other, which print
where they listen, and then their CPU seconds for each line of stdin until that ends.
"""

import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from itertools import product
from typing import cast
from urllib.parse import urlsplit

import httptools
import msgspec
from cryptography.fernet import Fernet

from benchmarks.figures import Figure
from benchmarks.processes import off_the_servers_core, on_the_servers_core, python, running
from benchmarks.stub_backend import ANSWER
from benchmarks.transport import (
    LOOPBACK,
    VALIDATORS,
    Server,
    Validator,
    ask,
    connected,
    shake,
    until_stdin_ends,
)
from console import garbage
from engine.node.thread import serving_loop
from engine.transport.replay_guard import MemoryNonces
from engine.transport.rsa import FernetKey
from miner_server import admission
from miner_server.allowlist import AllowList
from miner_server.backends.registry import open_backend
from miner_server.server import MinerServer
from tests.unit.chain_helpers import key as keypair

TURNS = 9

MODELS = msgspec.json.encode({"object": "list", "data": [{"id": "stub", "object": "model"}]})
COMPLETION = msgspec.json.encode(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "stub",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": ANSWER.text}, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 150, "completion_tokens": 200, "total_tokens": 350},
    }
)


Way = Callable[[list[Validator]], Awaitable[list[float]]]


def measure() -> list[Figure]:
    """CPU per challenge with one caller and with many, and the slowest waits."""
    with off_the_servers_core():
        return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    key = Fernet.generate_key()
    signers = [keypair(f"Validator{number}") for number in range(VALIDATORS)]
    with ExitStack() as stack:
        stub = _started(stack, "stub")
        hotkeys = ",".join(signer.ss58_address for signer in signers)
        url = f"http://{LOOPBACK}:{stub.port}/v1"
        miner, bare = _started(stack, "miner", url, hotkeys), _started(stack, "bare", url, key.decode())
        crowds = {server: [await connected(server, signer, key) for signer in signers] for server in (miner, bare)}
        for validator, signer in zip(crowds[miner], signers, strict=True):
            await shake(validator, signer, key)
        cpu: dict[tuple[Server, Way], list[float]] = {}
        p99s: dict[Way, list[float]] = {_singly: [], _together: []}
        for turn in range(1 + TURNS):  # the first one warms both up
            for way, server in product((_singly, _together), (miner, bare)):
                before = server.cpu_seconds()
                latencies = await way(crowds[server])
                spent = (server.cpu_seconds() - before) / len(latencies) * 1000
                if turn:
                    cpu.setdefault((server, way), []).append(spent)
                    p99s[way] += [statistics.quantiles(latencies, n=100)[98]] if server is miner else []
    about = "challenge before a model server"
    return [
        figure
        for way, callers, most, longest in ((_singly, "one caller", 0.35, None), (_together, "16 callers", 0.45, 25))
        for figure in (
            Figure(f"{about}: the miner's CPU, {callers}", statistics.median(cpu[miner, way]), "ms", most),
            Figure(f"{about}: a bare protocol's CPU, {callers}", statistics.median(cpu[bare, way]), "ms"),
            Figure(f"{about}: the one against the other, {callers}", _ratio(cpu[miner, way], cpu[bare, way]), "x"),
            Figure(f"{about}: p99, {callers}", statistics.median(p99s[way]), "ms", longest),
        )
    ]


def _ratio(ours: list[float], bare: list[float]) -> float:
    return statistics.median(mine / its for mine, its in zip(ours, bare, strict=True))


async def _singly(crowd: list[Validator]) -> list[float]:
    """The milliseconds of each challenge, sent one after the other."""
    return [ms for validator in crowd for ms in await ask(validator)]


async def _together(crowd: list[Validator]) -> list[float]:
    return [ms for taken in await asyncio.gather(*map(ask, crowd)) for ms in taken]


def _started(stack: ExitStack, *arguments: str) -> Server:
    process = stack.enter_context(running(python("benchmarks.backend", *arguments)))
    assert process.stdout is not None
    return Server(process, int(process.stdout.readline()))


class _Stub(asyncio.Protocol):
    """Serve one connection: GET returns the models, POST a completion."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        _, named, length = head.lower().partition(b"content-length:")
        if not end or (named and len(body) < int(length.split(b"\r\n")[0])):
            return
        self._received = b""
        answer = MODELS if head.startswith(b"GET") else COMPLETION
        reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer)
        self._transport.write(reply + answer)


async def _stub() -> None:
    server = await asyncio.get_running_loop().create_server(_Stub, LOOPBACK, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await until_stdin_ends(server.serve_forever())


class _Asked(asyncio.Protocol):
    """The bare server's connection to the stub."""

    def __init__(self, host: str) -> None:
        self._head = (
            f"POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n"
            "content-length: %d\r\n\r\n"
        ).encode()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def ask(self, body: bytes, on_answer: Callable[[bytes], None]) -> None:
        self._on_answer = on_answer
        self._parts: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)
        self._transport.write(self._head % len(body) + body)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self._on_answer(b"".join(self._parts))


class _Bare(asyncio.Protocol):
    """The bare server's connection to a validator, with one of its own to the stub."""

    HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: %d\r\n\r\n"

    def __init__(self, key: FernetKey, asked: _Asked) -> None:
        self._key = key
        self._asked = asked
        self._parser = httptools.HttpRequestParser(self)
        self._parts: list[bytes] = []
        self._headers: list[tuple[bytes, bytes]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        asked = msgspec.json.decode(self._key.open(self._key.decoded(b"".join(self._parts))))
        self._parts, self._headers = [], []
        self._asked.ask(msgspec.json.encode(asked | {"model": "stub", "stream": False}), self._answer)

    def _answer(self, body: bytes) -> None:
        told = msgspec.json.decode(body)
        (choice,) = told["choices"]
        answer = {
            "response_text": choice["message"]["content"],
            "finish_reason": choice["finish_reason"],
            "usage": told["usage"],
        }
        sealed = self._key.seal(msgspec.json.encode(answer))
        self._transport.write(self.HEAD % len(sealed) + sealed)


async def _bare(url: str, key: str) -> None:
    loop, stub, held = asyncio.get_running_loop(), urlsplit(url), FernetKey(key.encode(), ttl=3600)
    idle = [
        (await loop.create_connection(lambda: _Asked(stub.netloc), stub.hostname or "", stub.port or 0))[1]
        for _ in range(VALIDATORS)
    ]
    server = await loop.create_server(lambda: _Bare(held, idle.pop()), LOOPBACK, 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await until_stdin_ends(server.serve_forever())


async def _miner(url: str, hotkeys: str) -> None:
    admission.HOTKEY_PER_MINUTE |= {"challenge": 100_000}
    backend = open_backend("openai", base_url=url)
    server = MinerServer(
        keypair("Miner"), backend, AllowList(hotkeys.split(",")), MemoryNonces(), host=LOOPBACK, port=0
    )
    started = asyncio.Event()
    serving = asyncio.create_task(until_stdin_ends(server.run(started.set)))
    await started.wait()
    while not server.view().ready:  # noqa: ASYNC110 (as whoever looks at a miner does)
        await asyncio.sleep(0.01)
    garbage.leave_alone_what_stays()  # as `launch` does
    print(server.address[1], flush=True)
    await serving


async def _main(kind: str, *arguments: str) -> None:
    if kind != "stub":
        on_the_servers_core()
    match kind:
        case "miner":
            await _miner(*arguments)
        case "bare":
            await _bare(*arguments)
        case _:
            await _stub()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=serving_loop) as runner:  # as `launch` runs a miner
        runner.run(_main(*sys.argv[1:]))
