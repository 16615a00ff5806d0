"""Challenges from a file (`--challenges FILE.jsonl`)."""

import asyncio
import time
from collections.abc import Callable, Iterator
from hashlib import file_digest
from pathlib import Path
from typing import Self

from engine.challenges.errors import ChallengeError
from engine.challenges.sources.base import Cursor
from engine.challenges.sources.lines import BadLine, read_challenges
from engine.files import open_input
from engine.values import Challenge

OnBadLine = Callable[[int, str], None]


class FileSource:
    """The challenges of a file in their order; bad lines are told to `on_bad_line` (number, reason) and passed over.

    The file is read as a stream, so that its size does not matter. Opening it reads it once for the digest that names
    the cursor. Raises ChallengeError when it cannot be read or has no challenge at all. `clock` gives unix seconds.
    When reading fails later, the next try opens the file again.
    """

    name = "file"

    def __init__(
        self,
        path: Path,
        position: int = 0,
        *,
        on_bad_line: OnBadLine,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._position = position
        self._on_bad_line = on_bad_line
        self._clock = clock
        self._lines: Iterator[tuple[int, Challenge | BadLine]] | None = None
        self._name = f"file:{_digest(path)}"
        _refuse_empty(path)

    @property
    def cursor(self) -> Cursor:
        return Cursor(self._name, self._position)

    def resume(self, position: int) -> None:
        """Goes on after line `position`; from the beginning where no challenge is left behind it."""
        rest = read_challenges(self._path, after=position)
        self._position = position if any(isinstance(found, Challenge) for _, found in rest) else 0

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Challenge:
        if self._lines is None:
            self._lines = read_challenges(self._path, after=self._position, clock=self._clock)
        while line := await self._next_line(self._lines):
            self._position, found = line
            if isinstance(found, Challenge):
                return found
            self._on_bad_line(found.number, found.reason)
        raise StopAsyncIteration

    async def _next_line(
        self, lines: Iterator[tuple[int, Challenge | BadLine]]
    ) -> tuple[int, Challenge | BadLine] | None:
        try:
            return await asyncio.to_thread(next, lines, None)
        except ChallengeError:
            self._lines = None
            raise


def _digest(path: Path) -> str:
    try:
        with open_input(path) as file:
            return file_digest(file, "sha256").hexdigest()
    except OSError as problem:
        raise ChallengeError(f"cannot read the challenges in {path}: {problem.strerror or problem}") from problem


def _refuse_empty(path: Path) -> None:
    first_bad: BadLine | None = None
    for _, found in read_challenges(path):
        if isinstance(found, Challenge):
            return
        first_bad = first_bad or found
    why = f"; line {first_bad.number}: {first_bad.reason}" if first_bad else ": it is empty"
    raise ChallengeError(f"there is no challenge in {path}{why}")
