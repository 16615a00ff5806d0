"""A look at a whole subnet of a real network's node, on loopback, and what it costs the engine's loop meanwhile.

The node is the scripted one of the tests, in a process of its own. Its first answer is not measured, since it then
encodes the storage of its block.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks import beat
from benchmarks.figures import Figure
from engine.chain.substrate import SubstrateChain
from engine.chain.substrate import chain as substrate

LOOKS = 5
PATIENCE_S = 600.0
"""For the node to encode 2,500 neurons, which takes it a minute or two."""


def measure() -> list[Figure]:
    """The figures of a full subnet, and of one under Null consensus."""
    few, lag = asyncio.run(_looked(256))
    many, many_lag = asyncio.run(_looked(2500))
    return [
        Figure("a look at 256 neurons, median", few, "s", 1.5),
        Figure("lag of the engine's loop meanwhile, p99", lag, "ms", 20),
        Figure("a look at 2,500 neurons, median", many, "s", 8),
        Figure("lag of the engine's loop meanwhile, p99", many_lag, "ms"),
    ]


async def _looked(neurons: int) -> tuple[float, float]:
    """Seconds a look takes, and by how many milliseconds the loop was late."""
    async with _node(neurons) as url:
        substrate.ANSWER_S = substrate.NODE_S = substrate.CONNECT_S = PATIENCE_S
        chain = await SubstrateChain.open(url)
        try:
            look = await chain.look(1)
            assert len(look.metagraph.neurons) == neurons
            beats: beat.Beats = []
            beating = asyncio.create_task(beat.keep(beats))
            took = []
            for _ in range(LOOKS):
                began = time.monotonic()
                await chain.look(1)
                took.append((began, time.monotonic()))
            beating.cancel()
            return sorted(end - begin for begin, end in took)[LOOKS // 2], beat.p99(beats, took)
        finally:
            await chain.close()


@asynccontextmanager
async def _node(neurons: int) -> AsyncIterator[str]:
    """Where a node with so many neurons listens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fake_node", "--port", "0", "--block-time", "100000", "--neurons", str(neurons)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield (await process.stdout.readline()).decode().partition(",")[0]
    finally:
        process.kill()
        await process.wait()
