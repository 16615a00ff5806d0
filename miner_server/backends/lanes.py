"""Blocking work on a bounded number of threads, for which a stopping process need not wait."""

import asyncio
import atexit
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

LEAVE_S = 3.0
"""How long an ending process waits for its lanes. A thread that returns from native code into an interpreter that is
shutting down ends the process with SIGABRT."""

_at_work: dict[threading.Thread, threading.Event] = {}


def _leave() -> None:
    """Tell all running work that nobody is waiting for it, and let it end."""
    working, deadline = list(_at_work.items()), time.monotonic() + LEAVE_S
    for _thread, given_up in working:
        given_up.set()
    for thread, _given_up in working:
        thread.join(max(0.0, deadline - time.monotonic()))


atexit.register(_leave)


class Lanes:
    """Runs up to `count` pieces of work at once. A lane is free when its thread is, not when its caller gave up."""

    def __init__(self, count: int, name: str) -> None:
        self._free = asyncio.Semaphore(count)
        self._name = name

    async def run(self, work: Callable[[threading.Event], T]) -> T:
        """The result of `work`, which is told by the event that nobody is waiting for it any more."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[T] = loop.create_future()
        given_up = threading.Event()

        def finish(result: T | None, error: BaseException | None) -> None:
            self._free.release()
            if outcome.cancelled():
                return
            if error is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(result)  # type: ignore[arg-type]

        def body() -> None:
            result, error = None, None
            try:
                result = work(given_up)
            except BaseException as raised:
                error = raised
            with suppress(RuntimeError):  # the loop is closed: there is nobody left to tell
                loop.call_soon_threadsafe(finish, result, error)
            _at_work.pop(thread, None)

        thread = threading.Thread(target=body, name=self._name, daemon=True)
        _at_work[thread] = given_up
        try:
            thread.start()
        except RuntimeError:
            del _at_work[thread]
            self._free.release()
            raise
        try:
            return await outcome
        finally:
            given_up.set()
