"""A backend's blocking work, and a process that ends in the middle of it."""

import subprocess
import sys

PROCESS = """
import asyncio, threading, time
from miner_server.backends.lanes import Lanes

started = threading.Event()

def work(given_up):
    started.set()
    given_up.wait(30)
    time.sleep(0.3)
    print("ended", flush=True)

async def main():
    asyncio.create_task(Lanes(1, "lane").run(work))
    await asyncio.to_thread(started.wait, 10)

asyncio.run(main())
"""


def test_a_process_does_not_end_under_work_in_a_lane() -> None:
    done = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "ended\n", "")
