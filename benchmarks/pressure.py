"""How the miner stands pressure, in every dialect.

`overload` is a server with ten slots and 200 callers, for a minute a dialect. `measure` is one that gets bad signatures
beside honest challenges, one on which 400 connections drip, and one that is sent 100 MB. The servers are those of
`dialects`. `python -m benchmarks.pressure PORT SECONDS HOTKEY` is who sends the bad signatures: on time, whether or not
they are answered; it prints how many.
"""

import asyncio
import gc
import statistics
import sys
import time
from collections import Counter
from contextlib import ExitStack, suppress
from hashlib import sha256

from benchmarks.dialects import DEADLINE_S, DIALECTS, LOOPBACK, MINER, MODULE, question, started
from benchmarks.figures import Figure
from benchmarks.processes import python, running
from engine.keys import Signer
from engine.transport.callers import Callers
from engine.transport.dialects import fiber
from engine.transport.errors import WireError
from engine.values import Peer
from tests.unit.chain_helpers import key as keypair

CALLERS = 200
SLOTS = 10
OVERLOAD_S = 60.0
ANSWER_S = 0.05
BAD_A_SECOND = 2000
LIARS = 100
"""Connections of who sends bad signatures."""
LIARS_FROM = "127.0.0.2"
FLOOD_S = 5.0
HONEST_EVERY_S = 0.02
DRIPPING = 400
BIG = 100 * 1024 * 1024


def measure() -> list[Figure]:
    """Bad signatures, dripping connections, a large body."""
    return [*asyncio.run(_flood()), *asyncio.run(_drip()), *asyncio.run(_big())]


def overload() -> list[Figure]:
    """Five minutes."""
    return [figure for dialect in DIALECTS for figure in asyncio.run(_overload(dialect))]


async def _overload(dialect: str) -> list[Figure]:
    signers = [keypair(f"Caller{number}") for number in range(CALLERS)]
    seen: Counter[str] = Counter()
    slowest = 0.0

    async def insist(number: int, signer: Signer, peer: Peer, until: float) -> None:
        nonlocal slowest
        validator = Callers(signer, usual=dialect, allow_private=True)
        count = 0
        while time.monotonic() < until:
            count += 1
            sum_, began = number * 1_000_000 + count, time.monotonic()
            try:
                asked = question(f"What is {sum_ - 1} plus 1?")
                answer = await validator.ask(peer, asked, timeout=DEADLINE_S, max_bytes=1 << 20)
                seen["own" if answer.completion.text == str(sum_) else "another's"] += 1
            except WireError as error:
                seen["503" if ": 503" in error.reason else "429" if ": 429" in error.reason else "lost"] += 1
                await asyncio.sleep(0.2)
            slowest = max(slowest, time.monotonic() - began)
        await validator.close()

    with ExitStack() as stack:
        server = started(
            stack, MODULE, "ours", ",".join(one.ss58_address for one in signers), dialect, str(ANSWER_S), str(SLOTS)
        )
        until = time.monotonic() + OVERLOAD_S
        asking = asyncio.gather(
            *(insist(number, signer, server.peer, until) for number, signer in enumerate(signers, 1))
        )
        await asyncio.sleep(OVERLOAD_S / 3)
        early = server.used()[1]
        await asking
        late = server.used()[1]
    return [
        Figure(f"{dialect}: {CALLERS} callers, answers to somebody else", seen["another's"], "answers", 0),
        Figure(f"{dialect}: {CALLERS} callers, neither answered nor told to come again", seen["lost"], "requests", 0),
        Figure(f"{dialect}: {CALLERS} callers, the slowest reply", slowest, "s", DEADLINE_S),
        Figure(f"{dialect}: {CALLERS} callers, answered", seen["own"] / OVERLOAD_S, "a second"),
        Figure(f"{dialect}: {CALLERS} callers, more memory after the first third", late - early, "MB", 4),
    ]


async def _flood() -> list[Figure]:
    """Bad signatures in a known hotkey's name, beside that hotkey's honest challenges and handshakes."""
    alice = keypair("Alice")
    taken: list[float] = []
    shaken = 0
    gc.collect()
    gc.freeze()  # else what this process has loaded is gone through in the middle of it
    with ExitStack() as stack:
        server = started(stack, MODULE, "ours", alice.ss58_address, "loosh")
        validator = Callers(alice, usual="loosh", allow_private=True)
        await validator.ask(server.peer, question("1 + 1?"), timeout=DEADLINE_S, max_bytes=1 << 20)
        arguments = str(server.port), str(FLOOD_S), alice.ss58_address
        liar = stack.enter_context(running(python("benchmarks.pressure", *arguments)))
        assert liar.stdout is not None
        await asyncio.to_thread(liar.stdout.readline)  # it begins
        until = time.monotonic() + FLOOD_S
        while time.monotonic() < until:
            began = time.monotonic()
            await validator.ask(server.peer, question("1 + 1?"), timeout=DEADLINE_S, max_bytes=1 << 20)
            taken.append((time.monotonic() - began) * 1000)
            await asyncio.sleep(max(0.0, HONEST_EVERY_S - (time.monotonic() - began)))
            if len(taken) == 20:  # in the middle of it
                newcomer = Callers(alice, usual="loosh", allow_private=True)
                await newcomer.ask(server.peer, question("1 + 1?"), timeout=DEADLINE_S, max_bytes=1 << 20)
                await newcomer.close()
                shaken += 1
        await validator.close()
        sent = int(await asyncio.to_thread(liar.stdout.readline))
    return [
        Figure("bad signatures from one address", sent / FLOOD_S, "a second"),
        Figure("bad signatures: honest p99", statistics.quantiles(taken, n=100)[98], "ms", 100),
        Figure("bad signatures: handshakes of the known that failed", 1 - shaken, "handshakes", 0),
    ]


async def lie(port: int, seconds: float, hotkey: str) -> int:
    """Send `BAD_A_SECOND` requests with bad signatures, in the name of `hotkey`; how many were sent."""
    headers = fiber.signed_headers(keypair("Eve"), MINER.ss58_address, sha256(b"{}").hexdigest())
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers | {fiber.VALIDATOR_HEADER: hotkey}).items())
    lied = f"POST /challenge HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{lines}\r\n{{}}".encode()
    print("begins", flush=True)
    began, draining = time.monotonic(), list[asyncio.Task[None]]()

    async def keep_on(number: int) -> int:
        writer: asyncio.StreamWriter | None = None
        sent, due = 0, began + number / BAD_A_SECOND
        while due < began + seconds:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            with suppress(OSError):
                if writer is None or writer.is_closing():
                    reader, writer = await asyncio.open_connection(LOOPBACK, port, local_addr=(LIARS_FROM, 0))
                    draining.append(asyncio.create_task(_drain(reader, writer)))
                writer.write(lied)
                sent += 1
            due += LIARS / BAD_A_SECOND
        return sent

    return sum(await asyncio.gather(*map(keep_on, range(LIARS))))


async def _drain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read what is answered, and hang up when the server does."""
    with suppress(OSError):
        while await reader.read(1 << 16):
            pass
    writer.close()


async def _drip() -> list[Figure]:
    with ExitStack() as stack:
        server = started(stack, MODULE, "ours", keypair("Alice").ss58_address, "loosh")
        began = time.monotonic()

        async def drip(number: int) -> float:
            """Half of them drip a head, the others a body."""
            reader, writer = await asyncio.open_connection(LOOPBACK, server.port)
            head = b"POST /fiber/key-exchange HTTP/1.1\r\nHost: x\r\n"
            writer.write(head + b"Content-Length: 5000\r\n\r\n" if number % 2 else head)
            ended = asyncio.ensure_future(_drain(reader, writer))
            while not ended.done():
                await asyncio.wait([ended], timeout=0.5)
                writer.write(b"x")
            return time.monotonic() - began

        ends = await asyncio.gather(*(drip(number) for number in range(DRIPPING)), return_exceptions=True)
    slowest = max(end if isinstance(end, float) else time.monotonic() - began for end in ends)
    return [Figure(f"{DRIPPING} dripping connections: the last is closed after", slowest, "s", 10)]


async def _big() -> list[Figure]:
    with ExitStack() as stack:
        server = started(stack, MODULE, "ours", keypair("Alice").ss58_address, "loosh")
        before = server.used()[1]
        _, writer = await asyncio.open_connection(LOOPBACK, server.port)
        writer.write(b"POST /fiber/key-exchange HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        piece, sent = b"10000\r\n" + bytes(65536) + b"\r\n", 0
        try:
            while sent < BIG:
                writer.write(piece)
                sent += 65536
                await writer.drain()
        except ConnectionError:
            pass
        grown = server.used()[1] - before
        writer.close()
    return [Figure("a body of 100 MB: more memory", grown, "MB", 4)]


if __name__ == "__main__":
    print(asyncio.run(lie(int(sys.argv[1]), float(sys.argv[2]), sys.argv[3])))
