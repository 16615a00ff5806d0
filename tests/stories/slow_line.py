"""A terminal at the far end of a slow line, behind an sshd that takes all there is and sends what the line carries."""

import threading
import time
from collections import deque

from tests.stories.terminal import Terminal

PIECE = 256
"""Bytes that arrive at once."""


class SlowTerminal(Terminal):
    """Everything that is shown, typed and answered is `delay` seconds on its way; `rate` bytes a second are shown."""

    rate = 8000.0
    delay = 0.15

    def _received(self, data: bytes) -> None:
        """What the near end has read, which is kept until the line has carried it."""
        if not hasattr(self, "_line"):
            self._line: deque[tuple[float, bytes]] = deque()
            self._free = 0.0
            threading.Thread(target=self._carry, daemon=True).start()
        for begin in range(0, len(data), PIECE):
            piece = data[begin : begin + PIECE]
            self._free = max(self._free, time.monotonic()) + len(piece) / self.rate
            self._line.append((self._free + self.delay, piece))

    def _carry(self) -> None:
        while not self._closed:
            if not self._line:
                time.sleep(0.005)
                continue
            at, piece = self._line.popleft()
            time.sleep(max(0.0, at - time.monotonic()))
            super()._received(piece)

    def press(self, keys: str) -> None:
        threading.Timer(self.delay, self._press_now, [keys]).start()

    def _press_now(self, keys: str) -> None:
        if self._controller >= 0:
            super().press(keys)
