"""Makes the likeness and the map of rounds whose verdict did without vectors: after the round, while nobody waits."""

import asyncio
import logging
from contextlib import suppress

from engine.errors import StoreError
from engine.judge.client import Judge, JudgeFailed
from engine.validator.round_log import RoundLog
from engine.values import Round

log = logging.getLogger(__name__)

MOST_WAITING = 16
"""Rounds that may wait: more than are ever looked at while they are new. Beyond that the oldest goes without a map."""
LAST_S = 2.0
"""For the rounds that still wait when the program stops: a map takes tens of milliseconds, and nobody waits long for a
program to stop."""


class Maps:
    """A queue of judged rounds, served one at a time when the judge has nothing else to do."""

    def __init__(self, judge: Judge, store: RoundLog, netuid: int) -> None:
        self._judge = judge
        self._store = store
        self._netuid = netuid
        self._waiting: asyncio.Queue[Round] = asyncio.Queue(MOST_WAITING)

    def want(self, judged: Round) -> None:
        """Queue a round that has no likeness yet."""
        if judged.likeness is not None:
            return
        if self._waiting.full():
            self._waiting.get_nowait()
            self._waiting.task_done()
        self._waiting.put_nowait(judged)

    async def run(self) -> None:
        """Serve the queue until cancelled. A round whose map cannot be made or stored goes without."""
        while True:
            judged = await self._waiting.get()
            try:
                await self._judge.idle()
                likeness = await self._judge.likeness(judged.challenge, judged.replies)
                await self._store.add_likeness(judged.challenge.id, self._netuid, likeness)
            except (JudgeFailed, StoreError) as error:
                log.warning("no map of round %s: %s", judged.challenge.id, error)
            finally:
                self._waiting.task_done()

    async def finish(self) -> None:
        """Wait until the queue is served, at most `LAST_S` seconds. Only while `run` runs."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_S):
                await self._waiting.join()
