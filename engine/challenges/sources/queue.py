"""A queue of pushed challenges, in front of another source."""

import asyncio
from typing import Self

from engine.challenges.sources.source import Cursor, Source
from engine.values import Challenge

MOST_WAITING = 100
"""Twenty minutes' worth at a round every 12 s: what would wait longer is better refused."""


class QueueSource:
    """Gives pushed challenges first, in order, then those of `then`; without it, waits for the next push.

    At most `bound` challenges are queued.
    """

    name = "queue"

    def __init__(self, then: Source | None = None, *, bound: int = MOST_WAITING) -> None:
        self._then = then
        self._waiting: asyncio.Queue[Challenge] = asyncio.Queue(bound)
        self._taken = 0
        self._last_was_pushed = False

    def push(self, challenge: Challenge) -> bool:
        """Queue a challenge. False when the queue is full."""
        try:
            self._waiting.put_nowait(challenge)
        except asyncio.QueueFull:
            return False
        return True

    @property
    def cursor(self) -> Cursor:
        """The other source's, unless the last challenge was pushed: pushed ones are counted by themselves."""
        if self._then is None or self._last_was_pushed:
            return Cursor("queue", self._taken)
        return self._then.cursor

    def resume(self, position: int) -> None:
        """Continue after this position of the other source, or of the queue if there is none."""
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
