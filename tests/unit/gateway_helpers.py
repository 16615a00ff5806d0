"""A gateway with its HTTP server over a validator's bench, and clients that bear keys of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import openai

from console.roles.gateway import SubnetBackend
from engine.api_keys import ApiKeys, KeyLimits, KeyManner, add_key
from engine.key_use import KeyUse
from engine.store.store import Store
from miner_server.limits import Limits
from miner_server.openai.access import Access
from miner_server.server import MinerServer
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import make_server, running
from tests.unit.test_gateway_organic import Speaking, a_gateway
from tests.unit.test_validator import Bench

MESSAGES = [{"role": "user", "content": "What is six times seven?"}]


class Gateway:
    """`key_file` holds its keys, `caller` is how its validator reaches miners."""

    def __init__(
        self, bench: Bench, caller: Speaking, server: MinerServer, key_file: Path, stack: AsyncExitStack
    ) -> None:
        self.bench = bench
        self.caller = caller
        self.server = server
        host, port = server.address
        self.url = f"http://{host}:{port}/v1"
        self.key_file = key_file
        self._stack = stack

    def client(self, name: str, *, limits: KeyLimits | None = None, **manner: Any) -> openai.AsyncOpenAI:
        """OpenAI's own, with a new key."""
        key = add_key(self.key_file, name, limits=limits or KeyLimits(), manner=KeyManner(**manner))
        client = openai.AsyncOpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=30)
        self._stack.push_async_callback(client.close)
        return client


@asynccontextmanager
async def an_open_gateway(store: Store, folder: Path) -> AsyncIterator[Gateway]:
    key_file = folder / "api-keys.json"
    async with AsyncExitStack() as stack:
        bench, caller, organic = await stack.enter_async_context(a_gateway(store))
        access = Access(ApiKeys(key_file), KeyUse(folder / "api-key-use.json"))
        limits = Limits(capacity=64, queue=64, queue_per_caller=64)
        made = make_server(SubnetBackend(organic, "fast"), access=access, limits=limits)
        server = await stack.enter_async_context(running(made))
        await until(lambda: server.view().ready)
        yield Gateway(bench, caller, server, key_file, stack)


async def asked(client: openai.AsyncOpenAI, **more: Any) -> Any:
    """The raw response to a question; `more` are parameters, and `headers`."""
    given = {"model": "subnet", "messages": MESSAGES, "extra_headers": more.pop("headers", {}), **more}
    return await client.chat.completions.with_raw_response.create(**given)
