"""Blocking work on threads that a stopping process need not wait for, a bounded number of them at once."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Lanes:
    """Up to `count` pieces of work at once. A lane is free again when its thread is, not when its caller gave up."""

    def __init__(self, count: int, name: str) -> None:
        self._free = asyncio.Semaphore(count)
        self._name = name

    async def run(self, work: Callable[[threading.Event], T]) -> T:
        """`work`'s result. It is told by the event that nobody waits for it any more."""
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
            with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
                loop.call_soon_threadsafe(finish, result, error)

        try:
            threading.Thread(target=body, name=self._name, daemon=True).start()
        except RuntimeError:
            self._free.release()
            raise
        try:
            return await outcome
        finally:
            given_up.set()
