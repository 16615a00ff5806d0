"""Makes the likeness and the map of rounds whose verdict did without vectors: after the round, while nobody waits."""

import asyncio
import logging
from collections import deque

from engine.errors import StoreError
from engine.judge.client import Judge, JudgeFailed
from engine.validator.round_log import RoundLog
from engine.values import Round

log = logging.getLogger(__name__)

MOST_WAITING = 16
"""Rounds that may wait: more than are ever looked at while they are new. Beyond that the oldest goes without a map."""


class Maps:
    """A queue of judged rounds, served one at a time when the judge has nothing else to do."""

    def __init__(self, judge: Judge, store: RoundLog, netuid: int) -> None:
        self._judge = judge
        self._store = store
        self._netuid = netuid
        self._waiting: deque[Round] = deque(maxlen=MOST_WAITING)
        self._wake = asyncio.Event()

    def want(self, judged: Round) -> None:
        """Queue a round that has no likeness yet."""
        if judged.likeness is None:
            self._waiting.append(judged)
            self._wake.set()

    async def run(self) -> None:
        """Serve the queue until cancelled. A round whose map cannot be made or stored goes without."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                await self._judge.idle()
                judged = self._waiting.popleft()
                try:
                    likeness = await self._judge.likeness(judged.challenge, judged.replies)
                    await self._store.add_likeness(judged.challenge.id, self._netuid, likeness)
                except (JudgeFailed, StoreError) as error:
                    log.warning("no map of round %s: %s", judged.challenge.id, error)
