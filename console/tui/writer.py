"""Writes to a terminal that may stop reading at any time, on a thread of its own, so that nobody else waits."""

import os
import threading
from collections.abc import Callable

BACKLOG = 128 * 1024
"""What may wait for the terminal before frames are dropped; some whole frames of a large one."""


class Writer:
    """A thread that writes to `fd`. What `write` is given is written whole or dropped. Once something was dropped, all
    is, until the terminal has read what was kept; then `on_drained` is called, on the writer's thread, to have
    everything painted anew.
    """

    def __init__(self, fd: int, on_drained: Callable[[], None]) -> None:
        self._fd = fd
        self._on_drained = on_drained
        self._pending = bytearray()
        self._changed = threading.Condition()
        self._dropped = False
        self._leaving = False
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="terminal-writer", daemon=True)
        self.broken = False

    def start(self) -> None:
        """Begin to write, to a descriptor of its own: others may close theirs while the terminal does not read."""
        self._fd = os.dup(self._fd)
        self._thread.start()

    def write(self, data: str) -> None:
        """Have `data` written, or drop it when too much waits already. Never blocks."""
        encoded = data.encode("utf-8", "replace")
        with self._changed:
            if self.broken or (self._dropped and not self._leaving):
                return
            if self._pending and len(self._pending) + len(encoded) > BACKLOG and not self._leaving:
                self._dropped = True
                return
            self._pending += encoded
            self._changed.notify()

    def last_words(self) -> None:
        """From now on nothing is dropped; frames that a stalled terminal did not take yet are."""
        with self._changed:
            self._leaving = True
            if self._dropped:
                self._pending.clear()

    def stop(self, timeout: float) -> None:
        """Wait until all is written, `timeout` seconds at most."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            while chunk := self._next():
                while chunk:
                    chunk = chunk[os.write(self._fd, chunk) :]
                if self._drained():
                    self._on_drained()
        except OSError:
            self.broken = True
        finally:
            os.close(self._fd)

    def _next(self) -> bytes:
        """What is to be written now; nothing at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._stopped)
            chunk = bytes(self._pending)
            self._pending.clear()
        return chunk

    def _drained(self) -> bool:
        with self._changed:
            was_dropped, self._dropped = self._dropped and not self._pending, self._dropped and bool(self._pending)
        return was_dropped and not self._leaving
