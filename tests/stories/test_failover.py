"""A miner with two model servers, of which one dies in the middle of an answer and comes back later."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from engine.values import Peer
from tests.stories.console import PATIENCE_S, Run, finished, running
from tests.unit.chain_helpers import key
from tests.unit.openai_helpers import Talker, said
from tests.unit.transport_helpers import foreign_ask

pytestmark = pytest.mark.slow

VALIDATOR = key("Eve")
CLEAR = {"prompt": "Hello?", "max_tokens": 64, "temperature": 0.0, "top_p": 1.0, "model": "any"}


class Dying:
    """A model server that can be killed in the middle of what it says, and started again at the same address."""

    def __init__(self, name: str) -> None:
        self.alive = True
        self.talker = Talker(lambda _: said(f"{name} answers") if self.alive else None)
        self._server: asyncio.Server | None = None
        self._port = 0

    async def start(self) -> None:
        self.alive = True
        self._server = await asyncio.start_server(self.talker.serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def die(self) -> None:
        """It hangs up in the middle of whatever it is asked on a connection that is open; there are no new ones."""
        self.alive = False
        if self._server is not None:
            self._server.close()


async def told(console: Run, words: str) -> None:
    """Wait until an alert on the backends says this."""
    async with asyncio.timeout(PATIENCE_S):
        while not any(words in event["text"] for event in console.named("attention")):
            assert console.process.poll() is None, console.said()
            await asyncio.sleep(0.05)


async def both_are_asked(ask: Callable[[], Awaitable[str]], *servers: Dying) -> None:
    """Ask, two at once, until each of them was asked since."""
    before = [len(one.talker.asked) for one in servers]
    async with asyncio.timeout(PATIENCE_S):
        while any(len(one.talker.asked) == count for one, count in zip(servers, before, strict=True)):
            assert {"first answers", "second answers"} >= set(await asyncio.gather(ask(), ask()))


async def streamed(client: openai.AsyncOpenAI) -> str:
    """What a user reads, with "!" at the end of what broke off."""
    text = ""
    try:
        messages: Any = [{"role": "user", "content": "Hello?"}]
        async for chunk in await client.chat.completions.create(model="tiny", messages=messages, stream=True):
            text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
    except openai.APIError:
        return text.strip() + "!"
    return text.strip()


async def test_no_caller_loses_an_answer_or_gets_two_halves(tmp_path: Path) -> None:
    first, second = Dying("first"), Dying("second")
    await first.start()
    await second.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    made = await asyncio.to_thread(finished, "keys", "add", "me", "--data-dir", str(tmp_path))
    miner = ("--role", "miner", "--host", "127.0.0.1", "--port", str(port), "--openai", "--data-dir", str(tmp_path))
    backends = ("--backend", "openai", "--backend-url", first.url, "--more-backend", f"openai@{second.url}")
    client = openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key=made.stdout.strip(), max_retries=0)

    async def challenge() -> str:
        answer, _ = await foreign_ask(Peer("", "127.0.0.1", port), VALIDATOR, CLEAR)
        return str(answer["response_text"]).strip()

    def ask() -> Awaitable[str]:
        return streamed(client)

    with running(*miner, *backends, "--allow", VALIDATOR.ss58_address) as console:
        await until_ready(port)
        await both_are_asked(ask, first, second)
        first.alive = False
        heard = await asyncio.gather(*(ask() for _ in range(6)))
        assert set(heard) <= {"second answers", "It is!"}, "nobody reads two halves"
        assert {await challenge() for _ in range(4)} == {"second answers"}, "a sealed answer is whole"
        first.die()
        await told(console, f"1 of 2 backends cannot answer: openai {first.url}")
        assert set(await asyncio.gather(*(ask() for _ in range(6)))) == {"second answers"}
        await first.start()
        await told(console, "all backends answer again")
        await both_are_asked(ask, first, second)
    await client.close()
    first.die()
    second.die()


async def until_ready(port: int) -> None:
    """Wait until the miner says that it answers."""
    async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient(trust_env=False) as asked:
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await asked.get(f"http://127.0.0.1:{port}/availability")).json()["available"]:
                    return
            await asyncio.sleep(0.2)
