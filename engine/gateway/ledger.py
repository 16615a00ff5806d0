"""What keys use, counted for any number of gateways: one script of Redis counts and decides at once."""

import time
from typing import Literal

from msgspec import Struct

from engine.api_keys import ApiKey, KeyLimits
from engine.key_use import Budget, Kind, month_of, seconds_left
from engine.streams.on_redis import RedisStreams

MONTH_KEPT_S = 40 * 24 * 3600
"""A month's count expires in Redis by itself, well after the longest month."""

Verdict = Literal["granted", "requests a minute", "tokens a minute", "requests a month", "tokens a month"]
VERDICTS: tuple[Verdict, ...] = (
    "granted",
    "requests a minute",
    "tokens a minute",
    "requests a month",
    "tokens a month",
)

COUNT = """
local limit = {tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])}
local month, take, tokens = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local had = redis.call('HMGET', KEYS[1], 'month', 'requests', 'tokens', 'requests full', 'tokens full')
local used = {tonumber(had[2] or 0), tonumber(had[3] or 0)}
if had[1] and month > had[1] then used = {0, 0} end
if had[1] and month < had[1] then month = had[1] end
local full = {math.max(tonumber(had[4] or 0), now), math.max(tonumber(had[5] or 0), now)}
if limit[2] > 0 then full[2] = full[2] + tokens * 60 / limit[2] end
used[2] = used[2] + tokens
local verdict, wait = 0, 0
for kind = 2, 1, -1 do
  if take > 0 and limit[kind] > 0 then
    local short = full[kind] - now - 60 / limit[kind] * (limit[kind] - 1)
    if short > 1e-6 then verdict, wait = kind, short end
  end
end
for kind = 1, 2 do
  if take > 0 and verdict == 0 and limit[kind + 2] > 0 and used[kind] >= limit[kind + 2] then verdict = kind + 2 end
end
if verdict == 0 then
  used[1] = math.max(0, used[1] + take)
  if take > 0 and limit[1] > 0 then full[1] = full[1] + 60 / limit[1] end
end
redis.call('HSET', KEYS[1], 'month', month, 'requests', used[1], 'tokens', used[2],
  'requests full', string.format('%.6f', full[1]), 'tokens full', string.format('%.6f', full[2]))
redis.call('EXPIRE', KEYS[1], ARGV[8])
return {verdict, string.format('%.6f', wait), used[1], used[2],
  string.format('%.6f', full[1] - now), string.format('%.6f', full[2] - now)}
"""
"""Minutes are token buckets that fill evenly, months begin anew; what was answered already is always counted."""


class KeyStanding(Struct, frozen=True):
    """Of a key: whether it may ask, after how many seconds otherwise, and what is left of its limits."""

    verdict: Verdict
    wait: float
    left: tuple[tuple[Kind, Budget], ...]


class Ledger:
    """What all keys have used."""

    def __init__(self, streams: RedisStreams) -> None:
        self._streams = streams

    async def count(self, key: ApiKey, requests: int, tokens: int) -> KeyStanding:
        """Count tokens of what was answered, and grant one request (1), none (0) or take one back (-1).
        Raises StreamsGone."""
        now = time.time()
        limits = [getattr(key, name) or 0 for name in KeyLimits.__struct_fields__]
        minute, month = limits[:2], limits[2:]
        values = [*limits, month_of(now), requests, tokens, MONTH_KEPT_S]
        verdict, wait, *rest = await self._streams.script(COUNT, [self._streams.key("budget", key.name)], values)
        used, full = [int(one) for one in rest[:2]], [float(one) for one in rest[2:]]
        left: list[tuple[Kind, Budget]] = []
        for place, kind in enumerate[Kind](("requests", "tokens")):
            if minute[place]:
                missing = full[place] * minute[place] / 60
                left.append((kind, Budget(minute[place], max(0, int(minute[place] - missing + 1e-6)), full[place])))
            if month[place]:
                left.append((kind, Budget(month[place], max(0, month[place] - used[place]), seconds_left(now))))
        return KeyStanding(VERDICTS[verdict], float(wait), tuple(left))
