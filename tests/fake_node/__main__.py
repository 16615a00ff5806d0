"""`python -m tests.fake_node`: a node to point subnet-console at by hand, with `--network ws://127.0.0.1:PORT`.

What is typed while it runs are its troubles, a line each; `help` lists them.
"""

import argparse
import asyncio
import sys

from engine.values import Hyperparameters
from tests.fake_node.crowd import crowded
from tests.fake_node.node import FakeNode, running
from tests.fake_node.script import FUNDS, HELP, NotUnderstood, obey

PAST = 6_000
"""Blocks behind a subnet full of neurons: longer than immunity, so that some are in it and some are not."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fake_node",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=f"lines on stdin, while it runs:\n{HELP}",
    )
    parser.add_argument("--port", type=int, default=9944)
    parser.add_argument("--netuid", type=int, default=1)
    parser.add_argument("--block-time", type=float, default=2.0, metavar="SECONDS")
    parser.add_argument("--fund", nargs="*", default=[], metavar="COLDKEY", help="addresses that get 10,000 tokens")
    parser.add_argument("--adopt", nargs="*", default=[], metavar="HOTKEY", help="registered, with 5,000 tokens staked")
    parser.add_argument("--neurons", type=int, default=0, metavar="N", help="a subnet of N strangers")
    return parser.parse_args()


async def main() -> None:
    """Make blocks until it is interrupted."""
    given = _arguments()
    rules = Hyperparameters(tempo=30, weights_rate_limit=10, serving_rate_limit=5, max_uids=max(256, given.neurons))
    node = FakeNode(given.netuid, rules)
    node.instant = False
    for coldkey in given.fund:
        node.fund(coldkey, FUNDS)
    for hotkey in given.adopt:
        node.adopt(hotkey, stake=5_000)
    if given.neurons:
        for _ in range(PAST):
            node.make_block()
        node.chain.amend(crowded(node.chain.head.state, given.neurons))
    async with running(node, port=given.port):
        print(f"{node.url}, netuid {given.netuid}, a block every {given.block_time:g} s", flush=True)
        obeying = asyncio.create_task(_obey_stdin(node))
        while not obeying.cancelled():
            await asyncio.sleep(given.block_time)
            node.make_block()


async def _obey_stdin(node: FakeNode) -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := (await lines.readline()).decode():
        try:
            obey(node, line)
        except NotUnderstood as error:
            print(error, flush=True)


if __name__ == "__main__":
    asyncio.run(main())
