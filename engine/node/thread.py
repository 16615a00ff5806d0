"""The engine's thread, with its own event loop, so that neither a screen nor a pipe can block it."""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)


def serving_loop() -> asyncio.AbstractEventLoop:
    """An event loop for a process that only serves: libuv's where there is one, which makes a challenge cheaper.

    It is not for validators: it sends what is written at the end of its turn only, after a question's time has begun.
    """
    try:
        import uvloop
    except ImportError:  # there is none for Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class EngineThread:
    """Runs one coroutine to its end. `error` is what it raised; None after a clean end or a stop.

    `load` runs first: it takes a while, opens nothing and cannot be interrupted. A stop does not wait for it. The
    thread's event loop is made by `new_loop`.
    """

    def __init__(
        self,
        main: Callable[[], Coroutine[Any, Any, None]],
        *,
        load: Callable[[], object] = lambda: None,
        new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> None:
        self._main = main
        self._load = load
        self._new_loop = new_loop
        self._loaded = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._stop_asked = threading.Event()
        self.error: BaseException | None = None

    def start(self) -> None:
        """Start the thread, unless it has been started already."""
        if self._thread.ident is None:
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether the thread has been started and has not ended."""
        return self._thread.is_alive() and not self.left_loading

    @property
    def left_loading(self) -> bool:
        """Whether it was stopped while still loading: its thread will do nothing else."""
        return self._thread.is_alive() and self.stop_asked and not self._loaded.is_set()

    @property
    def ended(self) -> bool:
        """Whether it was started and has ended."""
        return self._thread.ident is not None and not self.running

    @property
    def stop_asked(self) -> bool:
        """Whether `stop` was called."""
        return self._stop_asked.is_set()

    def stop(self) -> None:
        """Ask for a clean end, from any thread or signal handler. Further calls change nothing."""
        if self._stop_asked.is_set():
            return
        self._stop_asked.set()
        if self._loop is not None and self._task is not None:
            try:
                self._loop.call_soon_threadsafe(self._task.cancel)
            except RuntimeError:
                log.debug("the engine had already ended")

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the end. False if it takes longer than `timeout` seconds."""
        if not self.left_loading:
            self._thread.join(timeout)
        return not self.running

    def _run(self) -> None:
        try:
            self._load()
            self._loaded.set()
            if not self.stop_asked:
                with asyncio.Runner(loop_factory=self._new_loop) as runner:
                    runner.run(self._supervised())
        except BaseException as error:
            if not (isinstance(error, asyncio.CancelledError) and self.stop_asked):
                self.error = error

    async def _supervised(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._stop_asked.is_set():
            return
        await self._main()
