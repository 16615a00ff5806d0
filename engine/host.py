"""A thread of its own for the engine, with its own event loop, so that no screen and no pipe can hold it up."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)


class EngineThread:
    """Runs one coroutine to its end. `error` holds what it raised, None after a clean end or a stop."""

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._main = main
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop_asked = threading.Event()
        self.error: BaseException | None = None

    def start(self) -> None:
        """Begin, unless it has begun already."""
        if self._thread.ident is None:
            self._thread.start()

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    @property
    def ended(self) -> bool:
        """Whether it has run, to its end."""
        return self._thread.ident is not None and not self._thread.is_alive()

    @property
    def stop_asked(self) -> bool:
        return self._stop_asked.is_set()

    def stop(self) -> None:
        """Ask for a clean end, from any thread or signal handler. A second call changes nothing."""
        if self._stop_asked.is_set():
            return
        self._stop_asked.set()
        if self._loop is not None and self._task is not None:
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:
                log.debug("the engine had already ended")

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end; False when it has not come in `timeout` seconds."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            asyncio.run(self._supervised())
        except BaseException as error:
            if not (isinstance(error, asyncio.CancelledError) and self.stop_asked):
                self.error = error

    async def _supervised(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._stop_asked.is_set():
            return
        await self._main()
