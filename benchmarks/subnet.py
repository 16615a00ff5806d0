"""A validator on an embedded chain with nothing but stub miners, run as an operator would."""

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen
from typing import Any

from benchmarks.processes import clean_environment, python, running
from engine.chain.embedded import EmbeddedChain
from engine.values import Hyperparameters, Peer

NETUID = 1


class Run:
    """A headless validator."""

    def __init__(self, process: "Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def rounds(self) -> Iterator[tuple[float, dict[str, Any]]]:
        """Its `round` events as they come, each with the monotonic time of its arrival."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            if event["event"] == "round":
                yield time.monotonic(), event


@contextmanager
def validator(
    folder: Path, miners: Sequence[Peer], *, rounds: int, encoder: str, scoring: str = "robust"
) -> Iterator[Run]:
    """Run one that asks all `miners` in each round, and begins the next round at once."""
    found(folder / "data", miners)
    command = python("console", "launch", "--no-ui", "--role", "validator", "--allow-private", "--seed", "7")
    command += ["--rounds", str(rounds), "--interval", "0", "--encoder", encoder, "--data-dir", str(folder / "data")]
    command += ["--scoring", scoring]
    environment = clean_environment(folder) | {"SUBNET_CONSOLE_SAMPLE": str(len(miners))}
    with running(command, env=environment) as process:
        yield Run(process)


def found(folder: Path, miners: Sequence[Peer]) -> None:
    """Make a data folder whose chain has all the miners, and room for the validator."""
    folder.mkdir(mode=0o700)
    asyncio.run(_found(folder, miners))


async def _found(folder: Path, miners: Sequence[Peer]) -> None:
    rules = Hyperparameters(max_uids=len(miners) + 1)
    chain = await EmbeddedChain.open(folder / "chain.sqlite3", netuid=NETUID, hyperparameters=rules)
    try:
        for miner in miners:
            await chain.adopt(miner.hotkey, miner.hotkey)
            await chain.place(miner.hotkey, miner.host, miner.port)
    finally:
        await chain.close()
