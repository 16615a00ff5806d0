"""Signals that end a run, and how long an engine has to stop."""

import math
import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType

from engine.node.thread import EngineThread

GRACE_S, LIMIT_S = 2.3, 2.8
"""Seconds that an engine has to stop, and the process to end: 3 s are promised."""


def on_interrupt(handler: Callable[[int, FrameType | None], object]) -> None:
    """Handle SIGINT, unless our parent has it ignored, as a shell does for a background job."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, handler)


class Signals:
    """SIGINT and SIGTERM stop the engine, and with `stop_on_hangup` SIGHUP. Repeated signals change nothing.

    An engine that hangs is abandoned after `GRACE_S`. If a signal comes and even the main thread is stuck, the process
    exits with the code that `end` returns.
    """

    def __init__(self, engine: EngineThread, end: Callable[[signal.Signals], int], *, stop_on_hangup: bool) -> None:
        self._engine = engine
        self._end = end
        self._deadline = math.inf
        self.received: signal.Signals | None = None
        on_interrupt(self._receive)
        signal.signal(signal.SIGTERM, self._receive)
        signal.signal(signal.SIGHUP, self._receive if stop_on_hangup else signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

    def stop(self) -> None:
        """Stop the engine as a signal does."""
        self._deadline = min(self._deadline, time.monotonic() + GRACE_S)
        self._engine.stop()

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self.received is not None:
            return
        self.received = signal.Signals(number)
        self.stop()
        watchdog = threading.Timer(LIMIT_S, lambda: os._exit(self._end(signal.Signals(number))))
        watchdog.daemon = True
        watchdog.start()

    @property
    def overdue(self) -> bool:
        """Whether the engine should have stopped by now."""
        return time.monotonic() > self._deadline
