"""How soon the first token of an answer is with a validator, and many streamed answers at once.

The model server is a stub in a process of its own that says a word each `WORD_S`. It is asked in turns by the miner's
own client and, through a miner server in another process, by a validator, and by that client with a key of the
miner's. Our own dialect has a miner server to itself, since a validator that asks in Fiber's goes over to it where it
can. `python -m benchmarks.streaming model WORDS SECONDS` runs the stub, `python -m benchmarks.streaming miner HOTKEYS
DIALECT URL [KEYS]` a miner server: each prints where it listens.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path

from benchmarks.dialects import LOOPBACK, MINER, Server, question, spoken_for, started, until_stdin_ends
from benchmarks.figures import Figure
from engine.api_keys import FILE_NAME, ApiKeys, add_key
from engine.key_use import FILE_NAME as USE_FILE
from engine.key_use import KeyUse
from engine.transport.callers import Callers
from engine.transport.replay_guard import MemoryNonces
from engine.values import Peer, Request
from miner_server import admission
from miner_server.allowlist import AllowList
from miner_server.backends.openai import OpenAIBackend
from miner_server.limits import Limits
from miner_server.openai.access import Access
from miner_server.server import MinerServer
from tests.unit.chain_helpers import key as keypair

MODULE = "benchmarks.streaming"
DIALECTS = ("fiber", "btauth", "own")
OPENAI = "/v1"
TURNS = 60
FEW_WORDS, QUICK_S = 3, 0.005

STREAMS = 200
VALIDATORS = 13
"""A validator opens at most 16 connections to one miner."""
ROUNDS = 9
MANY_WORDS, SLOW_S = 10, 0.1
WARM_ROUNDS = 7
"""Until the request log is full."""
DEADLINE_S = 40.0
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def measure() -> list[Figure]:
    """The first token in each streaming dialect, then many streams at once."""
    return asyncio.run(_first_token()) + asyncio.run(_many())


async def _first_token() -> list[Figure]:
    alice = keypair("Alice")
    async with AsyncExitStack() as closing:
        stack = closing.enter_context(ExitStack())
        model = _model(stack, FEW_WORDS, QUICK_S)
        keys = Path(stack.enter_context(tempfile.TemporaryDirectory())) / FILE_NAME
        key = add_key(keys, "client")
        miner = started(stack, MODULE, "miner", alice.ss58_address, "fiber", _url(model), str(keys))
        ours = started(stack, MODULE, "miner", alice.ss58_address, "own", _url(model))
        alone = OpenAIBackend("openai", _url(model))
        by_key = OpenAIBackend("openai", _url(miner), api_key=key)
        for client in (alone, by_key):
            closing.push_async_callback(client.close)
            while await client.readiness():  # noqa: ASYNC110 - a backend is asked again
                await asyncio.sleep(0.01)
        validators = {name: Callers(alice, usual=name, allow_private=True) for name in DIALECTS}
        for validator in validators.values():
            closing.push_async_callback(validator.close)
        taken: dict[str, list[float]] = {name: [] for name in ("alone", *DIALECTS, OPENAI)}
        for turn in range(1 + TURNS):  # the first one shakes hands
            seconds = {"alone": await _hear(alone), OPENAI: await _hear(by_key)}
            for name, validator in validators.items():
                seconds[name] = await _ask(validator, (ours if name == "own" else miner).peer, f"{turn}")
            for name, one in seconds.items():
                taken[name].extend([one * 1000] if turn else [])
    median = {name: statistics.median(those) for name, those in taken.items()}
    return [
        Figure("first token from the model server itself, p50", median["alone"], "ms"),
        *(
            Figure(f"{name}: the miner adds to the first token, p50", median[name] - median["alone"], "ms", 3)
            for name in (*DIALECTS, OPENAI)
        ),
    ]


async def _many() -> list[Figure]:
    signers = [keypair(f"Validator{number}") for number in range(VALIDATORS)]
    async with AsyncExitStack() as closing:
        stack = closing.enter_context(ExitStack())
        model = _model(stack, MANY_WORDS, SLOW_S)
        hotkeys = ",".join(signer.ss58_address for signer in signers)
        miner = started(stack, MODULE, "miner", hotkeys, "own", _url(model))
        validators = [Callers(signer, usual="own", allow_private=True) for signer in signers]
        for validator in validators:
            closing.push_async_callback(validator.close)
        resident: list[float] = []
        wrong = 0
        firsts: list[float] = []
        for turn in range(ROUNDS):
            asked = [f"{turn}-{number}" for number in range(STREAMS)]
            outcomes = await asyncio.gather(
                *(_ask(validators[number % VALIDATORS], miner.peer, one) for number, one in enumerate(asked)),
                return_exceptions=True,
            )
            wrong += sum(isinstance(one, BaseException) for one in outcomes)
            firsts += [one * 1000 for one in outcomes if isinstance(one, float)]
            resident.append(miner.used()[1])
    return [
        Figure(f"own: {STREAMS} streams at once, {ROUNDS} times: mixed up, cut or refused", wrong, "answers", 0),
        Figure(f"own: {STREAMS} streams at once: first token, p50", statistics.median(firsts), "ms"),
        Figure(
            f"own: {STREAMS} streams at once: more memory once warm", resident[-1] - resident[WARM_ROUNDS - 1], "MB", 4
        ),
    ]


class _First:
    """Notes when the first piece of a text came, in seconds after it was asked for."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self.seconds = 0.0

    def __call__(self, _: str, _logprobs: object = ()) -> None:
        self.seconds = self.seconds or time.perf_counter() - self._began


async def _hear(client: OpenAIBackend) -> float:
    """Seconds until the first token."""
    first = _First()
    await client.complete(Request(prompt="Hello?"), timeout=DEADLINE_S, on_text=first)
    return first.seconds


async def _ask(validator: Callers, peer: Peer, name: str) -> float:
    """Seconds until the first token. Raises ValueError for any answer but the one to `name`."""
    first = _First()
    answer = await validator.ask(peer, question(name), timeout=DEADLINE_S, max_bytes=1 << 20, on_text=first)
    words = answer.completion.text.split()
    if set(words) != {name} or len(words) not in (FEW_WORDS, MANY_WORDS):
        raise ValueError(f"{name} was answered with {answer.completion.text!r}")
    return first.seconds


# -- the servers --------------------------------------------------------------------------------------------------


def _model(stack: ExitStack, words: int, seconds: float) -> Server:
    return started(stack, MODULE, "model", str(words), str(seconds))


def _url(server: Server) -> str:
    return f"http://{LOOPBACK}:{server.port}/v1"


async def serve_miner(hotkeys: str, asked: str, url: str, keys: str = "") -> None:
    admission.HOTKEY_PER_MINUTE |= {"challenge": 100_000, "handshake": 100_000}
    limits = Limits(capacity=STREAMS, queue=STREAMS, queue_per_caller=STREAMS)
    backend, allow = OpenAIBackend("openai", url), AllowList(hotkeys.split(","))
    access = Access(ApiKeys(Path(keys)), KeyUse(Path(keys).with_name(USE_FILE))) if keys else None
    server = MinerServer(
        MINER,
        backend,
        allow,
        MemoryNonces(),
        host=LOOPBACK,
        port=0,
        limits=limits,
        access=access,
        spoken=spoken_for(asked),
    )

    async def tell() -> None:
        while not server.view().ready:  # noqa: ASYNC110 - a server has no event for it
            await asyncio.sleep(0.01)
        print(server.address[1], flush=True)

    telling: list[asyncio.Task[None]] = []
    await until_stdin_ends(server.run(lambda: telling.append(asyncio.create_task(tell()))))


async def serve_model(words: str, seconds: str) -> None:
    """OpenAI's streamed chat completions: the question as often as `words`, once each `seconds`."""
    models = b'{"data": [{"id": "stub"}]}'

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                if head.startswith(b"get"):
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(models), models))
                    continue
                length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))
                word = asked["messages"][-1]["content"]
                if not asked["stream"]:
                    whole = json.dumps({"choices": [{"message": {"content": word}}]}).encode()
                    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(whole), whole))
                    continue
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                delta = json.dumps({"choices": [{"delta": {"content": f"{word} "}}]})
                for _ in range(int(words)):
                    await asyncio.sleep(float(seconds))
                    writer.write(_chunk(delta))
                writer.write(_chunk('{"choices": [{"delta": {}, "finish_reason": "stop"}]}') + _chunk("[DONE]"))
                writer.write(b"0\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0, backlog=2 * STREAMS)
    print(server.sockets[0].getsockname()[1], flush=True)
    await until_stdin_ends(server.serve_forever())


def _chunk(data: str) -> bytes:
    event = f"data: {data}\n\n".encode()
    return b"%x\r\n%b\r\n" % (len(event), event)


if __name__ == "__main__":
    kind, *arguments = sys.argv[1:]
    asyncio.run(serve_miner(*arguments) if kind == "miner" else serve_model(*arguments))
