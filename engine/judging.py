"""Judging off the loop: one niced worker process that holds the encoder, its cache and the scoring code.

The worker is asked over its standard input and answers over its standard output, one length-prefixed msgpack frame a
message, so that nothing heavy is ever imported here. A worker that dies or misses the deadline is killed and started
again; the round is tried once more, then given up.
"""

import asyncio
import itertools
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

import engine
from engine.values import Challenge, Judgement, Reply

_ATTEMPTS = 2
_HEADER = 4
_MAX_FRAME = 256 * 2**20
_LOG_LINE = 400

log = logging.getLogger(__name__)


class Task(Struct, frozen=True, kw_only=True):
    """One round for the worker, or, without a challenge, only the order to load the encoder."""

    number: int
    profile: str
    challenge: Challenge | None = None
    replies: tuple[Reply, ...] = ()
    history: bytes | None = None


class Result(Struct, frozen=True, kw_only=True):
    """What came of the task of that number: `failure` in words, or the judgement and the history after it."""

    number: int
    failure: str = ""
    judgement: Judgement | None = None
    history: bytes = b""


class JudgeFailed(Exception):
    """A round could not be judged; the message says why."""


class Judge:
    """Judges rounds one after the other in a worker process. All methods belong to one event loop."""

    def __init__(self, profile: str, encoder: str = "minilm", *, threads: int = 1, deadline: float = 60.0) -> None:
        self.profile = profile
        self.encoder = encoder
        self.restarts = 0
        self._threads = threads
        self._deadline = deadline
        self._process: asyncio.subprocess.Process | None = None
        self._errors: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._numbers = itertools.count(1)

    @property
    def pid(self) -> int | None:
        """The worker's process id while it runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Start the worker; the encoder is loaded by `warm` or with the first round."""
        async with self._lock:
            await self._running()

    async def warm(self) -> None:
        """Load the encoder now. Raises JudgeFailed when it cannot be loaded."""
        await self._ask(Task(number=next(self._numbers), profile=self.profile))

    async def judge(
        self, challenge: Challenge, replies: Sequence[Reply], history: bytes | None
    ) -> tuple[Judgement, bytes]:
        """The judgement of a round and the history after it, for the store. Raises JudgeFailed."""
        task = Task(
            number=next(self._numbers),
            profile=self.profile,
            challenge=challenge,
            replies=tuple(replies),
            history=history,
        )
        result = await self._ask(task)
        if result.judgement is None:
            raise JudgeFailed("the worker answered without a judgement")
        return result.judgement, result.history

    async def close(self) -> None:
        """End the worker; a round that it is at is lost."""
        async with self._lock:
            await self._end()

    async def _ask(self, task: Task) -> Result:
        async with self._lock:
            why = ""
            for attempt in range(_ATTEMPTS):
                process = await self._running()
                try:
                    async with asyncio.timeout(self._deadline):
                        result = await _exchange(process, task)
                except TimeoutError:
                    why = f"the judging worker was not done after {self._deadline:g} s"
                except (OSError, EOFError, msgspec.MsgspecError, ValueError) as error:
                    why = f"the judging worker ended unexpectedly ({type(error).__name__})"
                else:
                    if result.failure:
                        raise JudgeFailed(result.failure)
                    return result
                log.warning("%s; starting it again (attempt %d of %d)", why, attempt + 1, _ATTEMPTS)
                await self._end()
                self.restarts += 1
            raise JudgeFailed(why)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self._end()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "engine.judging_worker", self.encoder, str(self._threads)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(self._threads),
            start_new_session=True,
        )
        self._errors = asyncio.create_task(_log_errors(self._process), name="judging worker's stderr")
        return self._process

    async def _end(self) -> None:
        process, errors = self._process, self._errors
        self._process = self._errors = None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if errors is not None:
            await errors


def judge_offline(
    profile: str, encoder: str, challenge: Challenge, replies: Sequence[Reply], history: bytes | None
) -> tuple[Judgement, bytes]:
    """Judge one round in this process, encoder and all. Raises JudgeFailed."""
    from engine.judging_worker import Bench

    result = Bench(encoder).judged(
        Task(number=0, profile=profile, challenge=challenge, replies=tuple(replies), history=history)
    )
    if result.judgement is None:
        raise JudgeFailed(result.failure)
    return result.judgement, result.history


def frame(message: Task | Result) -> bytes:
    """A message as it goes through the pipe: its length in four bytes, then msgpack."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(_HEADER, "big") + body


async def _exchange(process: asyncio.subprocess.Process, task: Task) -> Result:
    """Send a task and wait for its result; results of tasks that were given up are dropped."""
    if process.stdin is None or process.stdout is None:
        raise EOFError
    process.stdin.write(frame(task))
    await process.stdin.drain()
    while True:
        size = int.from_bytes(await process.stdout.readexactly(_HEADER), "big")
        if size > _MAX_FRAME:
            raise ValueError(f"a frame of {size} bytes")
        result = msgspec.msgpack.decode(await process.stdout.readexactly(size), type=Result)
        if result.number == task.number:
            return result


async def _log_errors(process: asyncio.subprocess.Process) -> None:
    """Put what the worker writes to its standard error into the log, cut and in ASCII, until it ends."""
    if process.stderr is None:
        return
    while line := await process.stderr.readline():
        log.warning("judging worker: %s", ascii(line.decode("utf-8", "replace").rstrip()[:_LOG_LINE])[1:-1])


def _environment(threads: int) -> dict[str, str]:
    """Ours, with the number of threads for the libraries that only listen to it at their start."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    root = str(Path(engine.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": path}
