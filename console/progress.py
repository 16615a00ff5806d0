"""The progress of a slow command: a transient line on stderr, for people only."""

import os
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from console.streams import narrate
from console.terminal import STDERR, STDOUT

FIRST_S = 1.0
EVERY_S = 0.5
"""Progress appears after a second, and is then updated twice a second."""

Item = TypeVar("Item")


class Progress:
    """After a second, shows how many of `what` are done. Nothing is shown if stderr is not a terminal, or if the
    command writes its data to a terminal (`on_stdout`)."""

    def __init__(self, what: str, *, on_stdout: bool) -> None:
        self._what = what
        self._done = 0
        self._since = time.monotonic()
        self._ended = threading.Event()
        self._writing = threading.Lock()
        self._told = ""
        is_shown = os.isatty(STDERR) and not (on_stdout and os.isatty(STDOUT))
        self._teller = threading.Thread(target=self._tell, name="progress", daemon=True) if is_shown else None

    def __enter__(self) -> Self:
        if self._teller:
            self._teller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._teller:
            self._teller.join()

    def each(self, items: Iterable[Item], *, if_none: str = "") -> Iterator[Item]:
        """The items, each counted when the next is requested. If there are none, `if_none` is printed on stderr."""
        for item in items:
            yield item
            self._done += 1
        if if_none and not self._done:
            narrate(if_none)

    def clear(self) -> None:
        """Clear the line to make room for other output; the next one appears below that."""
        with self._writing:
            if self._told:
                _write(f"\r{' ' * len(self._told)}\r")
            self._told = ""

    def _tell(self) -> None:
        wait = FIRST_S
        while not self._ended.wait(wait):
            text = f"{self._what}: {self._done:,} in {time.monotonic() - self._since:.0f} s"
            with self._writing:
                _write(f"\r{text.ljust(len(self._told))}")
                self._told = text
            wait = EVERY_S
        self.clear()


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
