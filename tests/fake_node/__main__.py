"""`python -m tests.fake_node`: a node to point subnet-console at by hand, with `--network ws://127.0.0.1:PORT`."""

import argparse
import asyncio

from engine.values import Hyperparameters
from tests.fake_node.crowd import crowded
from tests.fake_node.node import FakeNode, running

PAST = 6_000
"""Blocks behind a subnet full of neurons: longer than immunity, so that some are in it and some are not."""


async def main() -> None:
    """Make blocks until it is interrupted."""
    parser = argparse.ArgumentParser(prog="python -m tests.fake_node")
    parser.add_argument("--port", type=int, default=9944)
    parser.add_argument("--netuid", type=int, default=1)
    parser.add_argument("--block-time", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--fund", nargs="*", default=[], metavar="COLDKEY", help="addresses that get 10,000 tokens")
    parser.add_argument("--adopt", nargs="*", default=[], metavar="HOTKEY", help="registered, with 5,000 tokens staked")
    parser.add_argument("--neurons", type=int, default=0, help="so many more neurons, a tenth of them validators")
    given = parser.parse_args()
    node = FakeNode(given.netuid, Hyperparameters(tempo=30, weights_rate_limit=10, serving_rate_limit=5))
    node.instant = False
    for coldkey in given.fund:
        node.fund(coldkey, 10_000)
    for hotkey in given.adopt:
        node.adopt(hotkey, stake=5_000)
    if given.neurons:
        for _ in range(PAST):
            node.make_block()
        node.chain.amend(crowded(node.chain.head.state, given.neurons))
    async with running(node, port=given.port):
        print(f"{node.url}, netuid {given.netuid}, a block every {given.block_time:g} s")
        while True:
            await asyncio.sleep(given.block_time)
            node.make_block()


if __name__ == "__main__":
    asyncio.run(main())
