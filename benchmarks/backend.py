"""What a challenge costs a miner server that forwards to a model server: its CPU, including the HTTP client's.

The model server is a stub in a separate process that speaks OpenAI's chat completions API and answers at once. `python
-m benchmarks.backend stub` runs the stub, `python -m benchmarks.backend miner URL HOTKEYS` the miner server, which
prints its address, and then its CPU seconds for each line of stdin until that ends.
"""

import asyncio
import statistics
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import cast

import msgspec
from cryptography.fernet import Fernet

from benchmarks.figures import Figure
from benchmarks.processes import python, running
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
from engine.node.thread import serving_loop
from engine.transport.replay_guard import MemoryNonces
from miner_server.allowlist import AllowList
from miner_server.backends.registry import open_backend
from miner_server.server import MinerServer
from tests.unit.chain_helpers import key as keypair

TURNS = 4
"""Turns of each kind. With the warm-up they stay within a hotkey's limit per minute."""

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


def measure() -> list[Figure]:
    """CPU per challenge with one caller and with many, and the slowest waits."""
    return asyncio.run(_measure())


async def _measure() -> list[Figure]:
    key = Fernet.generate_key()
    signers = [keypair(f"Validator{number}") for number in range(VALIDATORS)]
    with ExitStack() as stack:
        stub = _started(stack, "stub")
        hotkeys = ",".join(signer.ss58_address for signer in signers)
        miner = _started(stack, "miner", f"http://{LOOPBACK}:{stub.port}/v1", hotkeys)
        crowd = [await connected(miner, signer, key) for signer in signers]
        for validator, signer in zip(crowd, signers, strict=True):
            await shake(validator, signer, key)
        await _together(crowd)
        cpu: dict[Callable[[list[Validator]], Awaitable[list[float]]], list[float]] = {_singly: [], _together: []}
        p99s: dict[object, list[float]] = {_singly: [], _together: []}
        for way in [_singly, _together] * TURNS:
            before = miner.cpu_seconds()
            latencies = await way(crowd)
            cpu[way].append((miner.cpu_seconds() - before) / len(latencies) * 1000)
            p99s[way].append(statistics.quantiles(latencies, n=100)[98])
    return [
        Figure(
            "challenge before a model server: the miner's CPU, one caller", statistics.median(cpu[_singly]), "ms", 0.35
        ),
        Figure(
            f"challenge before a model server: the miner's CPU, {VALIDATORS} callers",
            statistics.median(cpu[_together]),
            "ms",
            0.45,
        ),
        Figure("challenge before a model server: p99, one caller", statistics.median(p99s[_singly]), "ms"),
        Figure(
            f"challenge before a model server: p99, {VALIDATORS} callers", statistics.median(p99s[_together]), "ms", 25
        ),
    ]


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


async def _miner(url: str, hotkeys: str) -> None:
    backend = open_backend("openai", base_url=url)
    server = MinerServer(
        keypair("Miner"), backend, AllowList(hotkeys.split(",")), MemoryNonces(), host=LOOPBACK, port=0
    )
    started = asyncio.Event()
    serving = asyncio.create_task(until_stdin_ends(server.run(started.set)))
    await started.wait()
    while not server.view().ready:  # noqa: ASYNC110 (as whoever looks at a miner does)
        await asyncio.sleep(0.01)
    print(server.address[1], flush=True)
    await serving


async def _main(kind: str, *arguments: str) -> None:
    await (_miner(*arguments) if kind == "miner" else _stub())


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=serving_loop) as runner:  # as `launch` runs a miner
        runner.run(_main(*sys.argv[1:]))
