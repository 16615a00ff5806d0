"""The engine's end of the process that holds a node's connection: started on demand, killed when it is late."""

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
"""How long the answer to a cancelled request may take before its process is killed: the next request waits for it,
which is quicker than a new process that loads the metadata again."""


class ProcessGone(Exception):
    """The process gave no answer and is gone; it may still have done what it was asked to do."""


class NodeProcess:
    """One process at a time, for one request at a time. It may outlive an event loop and be used by the next."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._exchanging: Future[Answer] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chain-process")

    @property
    def pid(self) -> int:
        """The process id, which changes when the process has to be told everything again; 0 if there is none."""
        return self._process.pid if self._process is not None and self._process.poll() is None else 0

    async def ask(self, request: Request, *, deadline_s: float) -> Answer:
        """The answer of the process, which is started if necessary. Raises `ProcessGone`.

        A late process is killed: its next answer would be to this request.
        """
        await self._finish_given_up()
        self._exchanging = self._thread.submit(self._exchange, request)
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.wrap_future(self._exchanging)
        except TimeoutError:
            self._kill()
            raise ProcessGone(f"no answer in {deadline_s:g} s") from None
        except (EOFError, OSError, msgspec.DecodeError) as error:
            self._kill()
            raise ProcessGone(f"the process of the connection ended ({type(error).__name__})") from error

    async def close(self) -> None:
        """End the process. A second call does nothing."""
        self._kill()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        self._clear()

    async def _finish_given_up(self) -> None:
        """Read the answer that nobody is waiting for any more, or kill the process that owes it."""
        if self._exchanging is None or self._exchanging.done():
            return
        with suppress(Exception):  # nobody is waiting for it
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
                except OSError:  # unsent data cannot be flushed
                    continue
