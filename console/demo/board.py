"""Where the demo's copy-cats look up what another miner has just answered."""

import asyncio
import time
from collections.abc import Callable

FRESH_S = 10.0
MOST_QUESTIONS = 256


class _Entry:
    def __init__(self) -> None:
        self.posted = asyncio.Event()
        self.answer = ""
        self.at = 0.0


class Board:
    """Fresh answers by question. For one event loop; keeps the last questions only. `clock` is monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    def post(self, question: str, answer: str) -> None:
        """Shows `answer` to who waits for it now or looks within the next seconds."""
        entry = self._fresh(question)
        entry.answer, entry.at = answer, self._clock()
        entry.posted.set()

    async def read(self, question: str, within: float) -> str | None:
        """The fresh answer to `question`, waited for at most `within` seconds, or None."""
        entry = self._fresh(question)
        try:
            async with asyncio.timeout(within):
                await entry.posted.wait()
        except TimeoutError:
            return None
        return entry.answer

    def _fresh(self, question: str) -> _Entry:
        entry = self._entries.pop(question, None)
        if entry is None or (entry.posted.is_set() and self._clock() - entry.at > FRESH_S):
            entry = _Entry()
        self._entries[question] = entry
        if len(self._entries) > MOST_QUESTIONS:
            del self._entries[next(iter(self._entries))]
        return entry
