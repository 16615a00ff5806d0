"""What the way over Redis costs a user's request, and what a worker that is killed costs.

Requests go through a stream to two consumers in processes of their own, which answer at once into the sender's box.
`python -m benchmarks.gateway consumer URL NAME` runs one, which prints a line when it is ready.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks.figures import Figure
from benchmarks.processes import python, running
from engine.streams.interface import HOLD_EVERY_S
from engine.streams.on_redis import RedisStreams
from tests.redis_server import a_redis

PREFIX, BOX = "benchmark", "sender"
A_SECOND, SECONDS = 500, 10
RATE = f"{A_SECOND} a second, two consumers"
KILLED_OF = 1000
WORK_S = 0.05
"""How long a consumer works on a request of the run in which one is killed, so that it dies with some in hand."""

AT_ONCE = 64
QUIET_S = 15.0
"""After this long without an answer none will come: a dead worker's requests are taken over within 7 s."""


def measure() -> list[Figure]:
    """Latencies at a steady rate, and what becomes of requests when a worker is killed."""
    with ExitStack() as stack:
        server = stack.enter_context(a_redis())
        consumers = [_consumer(stack, server.url, name, 0.0) for name in ("one", "two")]
        latencies = asyncio.run(_steady(server.url))
        for consumer in consumers:
            consumer.kill()
            consumer.wait()
        slow = [_consumer(stack, server.url, name, WORK_S) for name in ("dies", "lives")]
        answers = asyncio.run(_killing(server.url, slow[0].kill))
    about = "a request over Redis and back"
    return [
        Figure(f"{about}: p50 at {RATE}", statistics.median(latencies), "ms"),
        Figure(f"{about}: p99 at {RATE}", statistics.quantiles(latencies, n=100)[98], "ms", 15),
        Figure(f"of {KILLED_OF} requests, one of two workers killed: lost", KILLED_OF - len(answers), "", 0),
        Figure(
            f"of {KILLED_OF} requests, one of two workers killed: answered twice",
            sum(count > 1 for count in answers.values()),
            "",
            0,
        ),
    ]


def _consumer(stack: ExitStack, url: str, name: str, work_s: float) -> subprocess.Popen[str]:
    process = stack.enter_context(running(python("benchmarks.gateway", "consumer", url, name, str(work_s))))
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


async def _steady(url: str) -> list[float]:
    """Milliseconds from a request to its answer, sent at a steady rate."""
    streams, sent, took = RedisStreams(url, PREFIX), dict[bytes, float](), list[float]()
    total = A_SECOND * SECONDS

    async def hear() -> None:
        while len(took) < total:
            for message in await streams.receive(BOX, 1.0):
                took.append((time.perf_counter() - sent[message]) * 1000)

    hearing = asyncio.create_task(hear())
    began, adding = time.perf_counter(), set[asyncio.Task[str]]()
    for number in range(total):
        await asyncio.sleep(max(0.0, began + number / A_SECOND - time.perf_counter()))
        body = b"%d" % number
        sent[body] = time.perf_counter()
        adding.add(asyncio.create_task(streams.stream("requests").add(body)))
    await asyncio.gather(*adding)
    await hearing
    await streams.close()
    return took


async def _killing(url: str, kill: Callable[[], None]) -> dict[bytes, int]:
    """How often each request was answered, where a worker is killed in the middle."""
    streams, answers = RedisStreams(url, PREFIX), dict[bytes, int]()
    for number in range(KILLED_OF):
        await streams.stream("requests").add(b"k%d" % number)
    last, killed = time.monotonic(), False
    while time.monotonic() - last < QUIET_S:
        for message in await streams.receive(BOX, 1.0):
            answers[message] = answers.get(message, 0) + 1
            last = time.monotonic()
        if not killed and len(answers) >= KILLED_OF // 3:
            kill()
            killed = True
    await streams.close()
    return answers


async def _consume(url: str, name: str, work_s: float) -> None:
    """Answer each request with itself, after so many seconds of work."""
    streams = RedisStreams(url, PREFIX)
    requests, going = streams.stream("requests"), dict[str, asyncio.Task[None]]()

    async def work(id: str, body: bytes) -> None:
        await asyncio.sleep(work_s)
        await requests.finish(name, id, BOX, body)
        going.pop(id, None)

    async def hold() -> None:
        while True:
            await requests.hold(name, tuple(going))
            await asyncio.sleep(HOLD_EVERY_S)

    holding = asyncio.create_task(hold())
    print("ready", flush=True)
    while not holding.done():
        if len(going) >= AT_ONCE:
            await asyncio.wait(going.values(), return_when=asyncio.FIRST_COMPLETED)
            continue
        for entry in await requests.take(name, AT_ONCE - len(going), 1.0):
            going[entry.id] = asyncio.create_task(work(entry.id, entry.body))


if __name__ == "__main__":
    _, _, url, name, seconds = sys.argv
    asyncio.run(_consume(url, name, float(seconds)))
