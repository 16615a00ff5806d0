"""Challenges that are pushed, and come before those of another source."""

import asyncio
from typing import Self

from engine.challenges.sources.source import Cursor, Source
from engine.values import Challenge

MOST_WAITING = 100
"""At a question each 12 s, what waits longer than twenty minutes is better refused than taken."""


class QueueSource:
    """What is pushed comes first, in its order; `then` gives the rest, and without it the next push is waited for.

    At most `bound` challenges wait.
    """

    name = "queue"

    def __init__(self, then: Source | None = None, *, bound: int = MOST_WAITING) -> None:
        self._then = then
        self._waiting: asyncio.Queue[Challenge] = asyncio.Queue(bound)
        self._taken = 0
        self._last_was_pushed = False

    def push(self, challenge: Challenge) -> bool:
        """Have a challenge asked. False when it is not taken, as enough others wait."""
        try:
            self._waiting.put_nowait(challenge)
        except asyncio.QueueFull:
            return False
        return True

    @property
    def cursor(self) -> Cursor:
        """Of the other source, unless the last challenge was pushed: those have a count of their own."""
        if self._then is None or self._last_was_pushed:
            return Cursor("queue", self._taken)
        return self._then.cursor

    def resume(self, position: int) -> None:
        """Goes on after this position of the other source, or after so many pushed ones."""
        if self._then is None:
            self._taken = position
        else:
            self._then.resume(position)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Challenge:
        self._last_was_pushed = self._then is None or not self._waiting.empty()
        if self._then is not None and self._waiting.empty():
            return await anext(self._then)
        challenge = await self._waiting.get()
        self._taken += 1
        return challenge
