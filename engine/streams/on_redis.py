"""`Streams` over Redis, version 7 and later: streams with one consumer group each, lists, and keys that expire."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Awaitable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import NoScriptError, RedisError, ResponseError

from engine.redaction import know_url, redact
from engine.streams.interface import BOX_KEPT_S, DEAD_AFTER_S, MOST_WAITING, Entry, StreamFull, StreamsGone
from engine.text import safe

log = logging.getLogger(__name__)

T = TypeVar("T")

GROUP = "workers"
BODY = b"body"
CONNECT_S = 3.0
ANSWER_S = 5.0
"""Redis answers within a millisecond: one that takes this long is gone. A command that waits gets its wait on top."""

AT_ONCE = 16
"""Connections for what is answered at once; more would only wait in Redis, which does one thing at a time."""

CLAIM_EVERY_S = 1.0
TOLD_WIDTH = 200
MOST_RECEIVED = 1000
"""Messages that leave a box at once."""

ADD = """
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return false end
return redis.call('XADD', KEYS[1], '*', 'body', ARGV[2])
"""

FINISH = """
local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
if not held[1] or held[1][2] ~= ARGV[2] then return 0 end
if redis.call('XDEL', KEYS[1], ARGV[3]) == 0 then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  return 0
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
if KEYS[2] then
  redis.call('RPUSH', KEYS[2], ARGV[4])
  redis.call('EXPIRE', KEYS[2], ARGV[5])
end
return 1
"""
"""An entry is finished by the worker that has it, and by nobody else; its message goes out with that or not at all."""

CLAIM = """
local claimed = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], '0', 'COUNT', ARGV[4])[2]
local found = {}
for place, entry in ipairs(claimed) do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)
  found[place] = {entry[1], entry[2], held[1][4]}
end
return found
"""

HOLD = """
for place = 3, #ARGV do
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[place], ARGV[place], 1)
  if held[1] and held[1][2] == ARGV[2] then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[place], 'JUSTID')
  end
end
"""

POST = """
for place = 2, #ARGV do redis.call('RPUSH', KEYS[1], ARGV[place]) end
redis.call('EXPIRE', KEYS[1], ARGV[1])
"""

RECEIVE = """
local got = redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)
redis.call('LTRIM', KEYS[1], #got, -1)
return got
"""


class RedisStreams:
    """All keys begin with `prefix`. Connects when it is first used, and again after each failure."""

    def __init__(self, url: str, prefix: str) -> None:
        """Raises ValueError for a URL that is none of Redis's."""
        know_url(url)
        how: dict[str, Any] = {"socket_connect_timeout": CONNECT_S, "socket_timeout": None, "protocol": 2}
        few = BlockingConnectionPool.from_url(url, max_connections=AT_ONCE, timeout=ANSWER_S, **how)
        self._redis: Redis = Redis.from_pool(few)
        self._patient: Redis = Redis.from_url(url, **how)
        """For commands that wait by themselves, of which a process has two or three."""
        self._prefix = prefix
        self._streams: dict[str, RedisStream] = {}
        self._digests: dict[str, str] = {}

    def stream(self, name: str) -> "RedisStream":
        return self._streams.setdefault(name, RedisStream(self, self.key("stream", name)))

    async def post(self, box: str, messages: Sequence[bytes]) -> None:
        await self.script(POST, [self.key("box", box)], [int(BOX_KEPT_S), *messages])

    async def receive(self, box: str, seconds: float) -> Sequence[bytes]:
        key = self.key("box", box)
        first = await self.command("BLPOP", key, max(seconds, 0.01), waits=seconds)
        if first is None:
            return ()
        more = await self.script(RECEIVE, [key], [MOST_RECEIVED])
        return (first[1], *more)

    async def pin(self, name: str, value: bytes, seconds: float) -> None:
        await self.command("SET", self.key("pinned", name), value, "PX", int(seconds * 1000))

    async def look(self, name: str) -> bytes | None:
        found: bytes | None = await self.command("GET", self.key("pinned", name))
        return found

    async def close(self) -> None:
        try:
            await self._redis.aclose()
            await self._patient.aclose()
        except RedisError:
            log.debug("Redis was gone already")

    def key(self, kind: str, name: str) -> str:
        return f"{self._prefix}:{kind}:{name}"

    async def command(self, *words: Any, waits: float = 0.0) -> Any:
        """The answer to a command, which may wait for so many seconds by itself. Raises StreamsGone, ResponseError."""
        redis = self._patient if waits else self._redis
        answering: Awaitable[Any] = redis.execute_command(*words)  # type: ignore[no-untyped-call]
        return await self._answer(answering, waits)

    async def script(self, text: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        """What a script returns, which Redis runs as one. Raises StreamsGone, ResponseError."""
        return await self._answer(self._evaluated(text, keys, values), 0.0)

    async def _evaluated(self, text: str, keys: Sequence[str], values: Sequence[Any]) -> Any:
        digest = self._digests.setdefault(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())
        try:
            return await self._redis.evalsha(digest, len(keys), *keys, *values)
        except NoScriptError:  # a Redis that was started anew
            return await self._redis.eval(text, len(keys), *keys, *values)

    async def _answer(self, answering: Awaitable[T], waits: float) -> T:
        try:
            async with asyncio.timeout(ANSWER_S + CONNECT_S + waits):
                return await answering
        except ResponseError as error:
            if str(error).startswith("NOGROUP"):
                raise
            raise StreamsGone(f"Redis refuses: {_told(error)}") from error
        except (RedisError, OSError) as error:
            raise StreamsGone(f"Redis cannot be used: {_told(error)}") from error
        except TimeoutError as error:
            raise StreamsGone(f"Redis has not answered for {ANSWER_S + CONNECT_S + waits:g} s") from error


class RedisStream:
    """A stream of `RedisStreams`."""

    def __init__(self, streams: RedisStreams, key: str) -> None:
        self._streams = streams
        self._key = key
        self._claimed_at = 0.0

    async def add(self, body: bytes) -> str:
        added = await self._streams.script(ADD, [self._key], [MOST_WAITING, body])
        if added is None:
            raise StreamFull(f"{MOST_WAITING} entries wait already")
        return str(added.decode())

    async def take(self, worker: str, count: int, seconds: float) -> Sequence[Entry]:
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            try:
                found = await self._of_the_dead(worker, count) or await self._new(worker, count, left)
            except ResponseError:  # NOGROUP: the first look, or a Redis that lost everything
                await self._make_group()
                continue
            if found or left <= 0:
                return found

    async def hold(self, worker: str, ids: Sequence[str]) -> None:
        if ids:
            with suppress(ResponseError):  # NOGROUP: nobody has anything any more
                await self._streams.script(HOLD, [self._key], [GROUP, worker, *ids])

    async def finish(self, worker: str, id: str, box: str = "", message: bytes = b"") -> bool:
        keys = [self._key, *([self._streams.key("box", box)] if box else [])]
        try:
            done = await self._streams.script(FINISH, keys, [GROUP, worker, id, message, int(BOX_KEPT_S)])
        except ResponseError:  # NOGROUP: nobody has anything any more
            return False
        return bool(done)

    async def remove(self, id: str) -> None:
        await self._streams.command("XDEL", self._key, id)

    async def _of_the_dead(self, worker: str, count: int) -> list[Entry]:
        now = time.monotonic()
        if now - self._claimed_at < CLAIM_EVERY_S:
            return []
        self._claimed_at = now
        claimed = await self._streams.script(CLAIM, [self._key], [GROUP, worker, int(DEAD_AFTER_S * 1000), count])
        return [Entry(id.decode(), _body(fields), times) for id, fields, times in claimed]

    async def _new(self, worker: str, count: int, seconds: float) -> list[Entry]:
        wait = max(1, int(min(seconds, CLAIM_EVERY_S) * 1000))
        words = ("XREADGROUP", "GROUP", GROUP, worker, "COUNT", count, "BLOCK", wait, "STREAMS", self._key, ">")
        got = await self._streams.command(*words, waits=seconds)
        return [Entry(id.decode(), _body(fields), 1) for _, entries in got or () for id, fields in entries]

    async def _make_group(self) -> None:
        try:
            await self._streams.command("XGROUP", "CREATE", self._key, GROUP, "0", "MKSTREAM")
        except StreamsGone as error:
            if "BUSYGROUP" not in str(error):  # another worker was faster
                raise


def _body(fields: Any) -> bytes:
    """As redis-py gives an entry's fields: a dict, or a flat list of names and values."""
    pairs = fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    return bytes(pairs.get(BODY, b""))


def _told(error: Exception) -> str:
    return safe(redact(str(error) or type(error).__name__), TOLD_WIDTH)
