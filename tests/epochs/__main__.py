"""The command line of the epochs."""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

import tests.epochs
from tests.epochs.run import Run
from tests.epochs.validator import fork_at_commands
from tests.epochs.verdict import Verdict


def main() -> int:
    """0 if every window is as it has to be."""
    if sys.argv[1:2] == ["--fork"]:
        fork_at_commands(sys.argv[2], Path(sys.argv[3]))
        return 0
    parser = argparse.ArgumentParser(prog="python -m tests.epochs", description=tests.epochs.__doc__)
    parser.add_argument("number", type=int, nargs="?", default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--subnets", type=int, default=4, help="run beside each other, with a share of the epochs each")
    parser.add_argument("--timelocked", action="store_true", help="the subnet hides its weights")
    given = parser.parse_args()
    began, verdict = time.monotonic(), Verdict()
    try:
        asyncio.run(_share(given.number, given.subnets, given.seed, given.timelocked, verdict))
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("ended early: no verdict on what was not run")
    finally:
        print(f"{verdict}\n{time.monotonic() - began:.0f} s for {verdict.windows} of {given.number} windows")
    return int(not (verdict.good and verdict.windows == given.number))


async def _share(number: int, subnets: int, seed: int, timelocked: bool, verdict: Verdict) -> None:
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    with tempfile.TemporaryDirectory() as folder:
        async with asyncio.TaskGroup() as runs:
            for one in range(subnets):
                own = Path(tempfile.mkdtemp(dir=folder))
                run = Run(own, seed=seed * subnets + one, timelocked=timelocked, verdict=verdict)
                runs.create_task(run.epochs(number // subnets + (one < number % subnets)))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # to free all that the metadata was decoded to takes seconds
