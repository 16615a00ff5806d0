"""The engine's end of the process that holds a node's connection: started when needed, killed when it is late."""

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import msgspec

from engine.chain.substrate.messages import Answer, Request, read_answer, write
from engine.environ import harmless


class NoAnswer(Exception):
    """The process gave no answer, and is gone; what it was asked to do it may have done."""


class NodeProcess:
    """One process at a time, for one request at a time. It outlives the event loops that use it, one after another."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="chain-process")

    @property
    def running(self) -> bool:
        """Whether there is a process, which knows what it was told before."""
        return self._process is not None and self._process.poll() is None

    async def ask(self, request: Request, *, deadline_s: float) -> Answer:
        """The answer of the process, which is started when there is none. Raises `NoAnswer`.

        A process that is late, and one whose asker was cancelled, is killed: its next answer would be to this question.
        """
        try:
            async with asyncio.timeout(deadline_s):
                return await asyncio.get_running_loop().run_in_executor(self._thread, self._exchange, request)
        except TimeoutError:
            self._kill()
            raise NoAnswer(f"no answer in {deadline_s:g} s") from None
        except asyncio.CancelledError:
            self._kill()
            raise
        except (EOFError, OSError, msgspec.DecodeError) as error:
            self._kill()
            raise NoAnswer(f"the process of the connection ended ({type(error).__name__})") from error

    async def close(self) -> None:
        """End the process. A second call does nothing."""
        self._kill()
        await asyncio.get_running_loop().run_in_executor(None, self._thread.shutdown)
        self._clear()

    def _exchange(self, request: Request) -> Answer:
        if not self.running:
            self._clear()
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine.chain.substrate.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=harmless(os.environ),
                start_new_session=True,
            )
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise EOFError
        write(process.stdin, request)
        return read_answer(process.stdout)

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
