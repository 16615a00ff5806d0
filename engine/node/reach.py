"""Whether an announced address leads to our server: tested by calling it, as others do."""

import asyncio
from typing import TYPE_CHECKING

from engine.values import at_port

if TYPE_CHECKING:
    import httpx

ROUTE = "/fiber/public-key"
"""Answers anyone, with a key that is new at each server start: equal answers mean the same server."""

TIMEOUT_S = 5.0
LARGEST = 64 * 1024
"""How long a whole answer may take, and its bytes: /health and /openapi.json fit many times."""


async def unreached(ip: str, port: int, *, near: tuple[str, int]) -> str | None:
    """Why our server, which listens at `near`, cannot be reached at this address; "" if it can.

    None if it does not answer at `near` either, as before it has started: then nothing can be said.
    It may fail only from here: some routers cannot reach machines behind them by their public address.
    """
    where = at_port(ip, port)
    async with await asyncio.to_thread(_client) as client:
        ours = await _answer(client, *near)
        if not ours:
            return None
        theirs = await _answer(client, ip, port)
    if not theirs:
        return f"nothing answers at {where} from here: check the firewall and the port forwarding"
    return "" if theirs == ours else f"{where} leads to a server other than this one: check the port forwarding"


def _client() -> "httpx.AsyncClient":
    """Made in a thread: loading the library and its certificates takes a while."""
    import httpx

    return httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)


async def _answer(client: "httpx.AsyncClient", ip: str, port: int) -> bytes:
    import httpx

    try:
        async with client.stream("GET", f"http://{at_port(ip, port)}{ROUTE}") as response:
            body = b""
            async for piece in response.aiter_raw(LARGEST):
                body += piece
                if len(body) > LARGEST:
                    break
            return body if response.is_success else b""
    except httpx.HTTPError:
        return b""
