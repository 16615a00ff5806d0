"""The engine's end of the process that holds a node's connection: started when needed, killed when it is late."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import msgspec

from engine.chain.substrate.messages import Answer, Request, read_answer, write
from engine.environ import harmless

GIVEN_UP_S = 2.0
"""How long the answer to a request that was given up may take before its process is killed: the next request waits for
it, which takes less time than a new process and its metadata."""


class NoAnswer(Exception):
    """The process gave no answer, and is gone; what it was asked to do it may have done."""


class NodeProcess:
    """One process at a time, for one request at a time. It outlives the event loops that use it, one after another."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._exchanging: Future[Answer] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chain-process")

    @property
    def pid(self) -> int:
        """Of the process, which knows what it was told before; 0 where there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    async def ask(self, request: Request, *, deadline_s: float) -> Answer:
        """The answer of the process, which is started when there is none. Raises `NoAnswer`.

        A process that is late is killed: its next answer would be to this question.
        """
        await self._finish_given_up()
        self._exchanging = self._thread.submit(self._exchange, request)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.wrap_future(self._exchanging)
        except TimeoutError:
            self._kill()
            raise NoAnswer(f"no answer in {deadline_s:g} s") from None
        except (EOFError, OSError, msgspec.DecodeError) as error:
            self._kill()
            raise NoAnswer(f"the process of the connection ended ({type(error).__name__})") from error

    async def close(self) -> None:
        """End the process. A second call does nothing."""
        self._kill()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        self._clear()

    async def _finish_given_up(self) -> None:
        """Hear the answer that nobody waits for any more, or kill the process that owes it."""
        if self._exchanging is None or self._exchanging.done():
            return
        with suppress(Exception):  # it is nobody's
            await asyncio.wait_for(asyncio.wrap_future(self._exchanging), GIVEN_UP_S)
        if not self._exchanging.done():
            self._kill()

    def _exchange(self, request: Request) -> Answer:
        if not self.pid:
            self._clear()
            self._process = self._start()
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError
        write(process.stdin, request)
        return read_answer(process.stdout)

    def _start(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen(
            [sys.executable, "-m", "engine.chain.substrate.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=harmless(os.environ),
            start_new_session=True,
        )

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _clear(self) -> None:
        """Close the pipes of a process that has ended."""
        process, self._process = self._process, None
        for pipe in (process.stdin, process.stdout) if process else ():
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # what it was never sent cannot be flushed
                    continue
