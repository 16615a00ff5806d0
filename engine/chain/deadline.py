"""No call to a chain without an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.chain.interface import Chain, ChainUnavailable


@asynccontextmanager
async def deadline(chain: Chain, seconds: float) -> AsyncIterator[None]:
    """Cancel the calls within it when they take longer, and raise `ChainUnavailable`."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise ChainUnavailable(f"{chain.endpoint} gave no answer in {seconds:g} s") from None
