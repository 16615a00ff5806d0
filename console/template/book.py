"""What the managing service keeps beside quotas: the miners' last scores."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from engine.streams.on_redis import RedisStreams

EPOCH_S = 600
SCORES = 10
"""The last scores of a miner, over all of which its average goes: one that is missing counts as 0."""

SCORES_KEPT_S = EPOCH_S * SCORES * 2


class Book(Protocol):
    """By hotkey. Each method may raise StreamsGone."""

    async def add_score(self, miner: str, score: float) -> None:
        """Its newest score."""
        ...

    async def average(self, miner: str) -> float | None:
        """Of its last scores; None if it has none."""
        ...


def averaged(scores: Sequence[float]) -> float | None:
    """Missing scores count as 0."""
    return sum(scores) / SCORES if scores else None


class MemoryBook:
    """In one process; `clock` gives unix seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._scores: dict[str, deque[tuple[float, float]]] = {}

    async def add_score(self, miner: str, score: float) -> None:
        self._scores.setdefault(miner, deque(maxlen=SCORES)).append((self._clock(), score))

    async def average(self, miner: str) -> float | None:
        kept = self._scores.get(miner, ())
        if not kept or self._clock() - kept[-1][0] > SCORES_KEPT_S:
            return None
        return averaged([score for _, score in kept])


ADD_SCORE = """
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""


class RedisBook:
    """In Redis, for any number of managing services."""

    def __init__(self, streams: RedisStreams) -> None:
        self._streams = streams

    async def add_score(self, miner: str, score: float) -> None:
        await self._streams.script(ADD_SCORE, [self._streams.key("scores", miner)], [score, SCORES, SCORES_KEPT_S])

    async def average(self, miner: str) -> float | None:
        kept = await self._streams.command("LRANGE", self._streams.key("scores", miner), 0, -1)
        return averaged([float(score) for score in kept])
