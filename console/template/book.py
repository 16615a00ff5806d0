"""What the managing service keeps: how much of its quotas each validator has used, and the miners' last scores."""

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from engine.streams.on_redis import RedisStreams

EPOCH_S = 600
SCORES = 10
"""The last scores of a miner, over all of which its average goes: one that is missing counts as 0."""

SCORES_KEPT_S = EPOCH_S * SCORES * 2
CONSUMED_KEPT_S = EPOCH_S * 2


def epoch_at(at: float) -> int:
    """The epoch of a moment, in unix seconds."""
    return int(at // EPOCH_S)


class Book(Protocol):
    """All of it by hotkey. Each method may raise StreamsGone."""

    async def consumed(self, epoch: int, validator: str, miners: Sequence[str]) -> Sequence[int]:
        """How often this validator has had each of the miners in this epoch."""
        ...

    async def consume(self, epoch: int, validator: str, miners: Sequence[str], limit: int, count: int) -> Sequence[str]:
        """Take one of each quota, of the first `count` miners whose use is below `limit`, in one step: no two
        callers get the last one. The miners that were taken."""
        ...

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
        self._consumed: dict[tuple[int, str, str], int] = {}
        self._scores: dict[str, deque[tuple[float, float]]] = {}

    async def consumed(self, epoch: int, validator: str, miners: Sequence[str]) -> Sequence[int]:
        return [self._consumed.get((epoch, validator, miner), 0) for miner in miners]

    async def consume(self, epoch: int, validator: str, miners: Sequence[str], limit: int, count: int) -> Sequence[str]:
        self._consumed = {key: used for key, used in self._consumed.items() if key[0] >= epoch - 1}
        free = [miner for miner in miners if self._consumed.get((epoch, validator, miner), 0) < limit][:count]
        for miner in free:
            self._consumed[epoch, validator, miner] = self._consumed.get((epoch, validator, miner), 0) + 1
        return free

    async def add_score(self, miner: str, score: float) -> None:
        self._scores.setdefault(miner, deque(maxlen=SCORES)).append((self._clock(), score))

    async def average(self, miner: str) -> float | None:
        kept = self._scores.get(miner, ())
        if not kept or self._clock() - kept[-1][0] > SCORES_KEPT_S:
            return None
        return averaged([score for _, score in kept])


CONSUME = """
local taken = {}
for place, key in ipairs(KEYS) do
  if #taken >= tonumber(ARGV[2]) then break end
  if tonumber(redis.call('GET', key) or 0) < tonumber(ARGV[1]) then
    redis.call('INCR', key)
    redis.call('EXPIRE', key, ARGV[3])
    taken[#taken + 1] = place
  end
end
return taken
"""

ADD_SCORE = """
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -tonumber(ARGV[2]), -1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
"""


class RedisBook:
    """In Redis, for any number of managing services."""

    def __init__(self, streams: RedisStreams) -> None:
        self._streams = streams

    async def consumed(self, epoch: int, validator: str, miners: Sequence[str]) -> Sequence[int]:
        if not miners:
            return []
        found = await self._streams.command("MGET", *(self._key(epoch, validator, miner) for miner in miners))
        return [int(one or 0) for one in found]

    async def consume(self, epoch: int, validator: str, miners: Sequence[str], limit: int, count: int) -> Sequence[str]:
        keys = [self._key(epoch, validator, miner) for miner in miners]
        taken = await self._streams.script(CONSUME, keys, [limit, count, CONSUMED_KEPT_S])
        return [miners[place - 1] for place in taken]

    async def add_score(self, miner: str, score: float) -> None:
        await self._streams.script(ADD_SCORE, [self._streams.key("scores", miner)], [score, SCORES, SCORES_KEPT_S])

    async def average(self, miner: str) -> float | None:
        kept = await self._streams.command("LRANGE", self._streams.key("scores", miner), 0, -1)
        return averaged([float(score) for score in kept])

    def _key(self, epoch: int, validator: str, miner: str) -> str:
        return self._streams.key("consumed", f"{epoch}:{validator}:{miner}")


def draw(weights: Mapping[str, int], chance: Callable[[], float]) -> list[str]:
    """All of them in a random order, larger weights the earlier: Efraimidis and Spirakis' weighted sampling."""
    return sorted(weights, key=lambda one: chance() ** (1 / weights[one]), reverse=True)
