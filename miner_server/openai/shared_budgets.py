"""What the bearers of keys may still ask, where several gateways count together."""

import asyncio
import logging

from engine.api_keys import ApiKey, KeyLimits
from engine.gateway.ledger import KeyStanding, Ledger
from engine.key_use import Budget, Kind, SpentError
from engine.streams.interface import StreamsGone
from miner_server.openai.budgets import UNCOUNTED, Headers, limit_headers, spent_up, too_often
from miner_server.openai.errors import ApiError

log = logging.getLogger(__name__)


class SharedBudgets:
    """A `Counting` over a ledger. Tokens that cannot be written down are owed, and counted before the next request."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._owed: dict[str, int] = {}
        self._standings: dict[str, KeyStanding] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self.trouble = ""

    async def begin(self, key: ApiKey) -> None:
        if not _is_limited(key):
            return
        try:
            standing = await self._count(key, 1)
        except StreamsGone as gone:
            self.trouble = f"keys with limits are refused: {gone}"
            raise ApiError(503, UNCOUNTED, gate="rate") from None
        self.trouble = ""
        match standing.verdict:
            case "granted":
                return
            case "requests a minute":
                raise too_often("requests", key.requests_per_minute or 0, standing.wait)
            case "tokens a minute":
                raise too_often("tokens", key.tokens_per_minute or 0, standing.wait)
            case "requests a month":
                raise spent_up(SpentError("requests", key.requests_per_month or 0))
            case "tokens a month":
                raise spent_up(SpentError("tokens", key.tokens_per_month or 0))

    def charge(self, key: ApiKey, tokens: int) -> None:
        if _is_limited(key) and tokens:
            self._owed[key.name] = self._owed.get(key.name, 0) + tokens
            self._write(key, 0)

    def give_back(self, key: ApiKey) -> None:
        if _is_limited(key):
            self._write(key, -1)

    def headers(self, key: ApiKey) -> Headers:
        standing = self._standings.get(key.name)
        if standing is None:
            return ()
        owed: dict[Kind, int] = {"tokens": self._owed.get(key.name, 0)}
        return limit_headers(
            (kind, Budget(left.limit, max(0, left.left - owed.get(kind, 0)), left.seconds))
            for kind, left in standing.left
        )

    def close(self) -> None:
        """What is owed is being written, or lost with this process: the answers that ended in its last moment."""

    async def _count(self, key: ApiKey, requests: int) -> KeyStanding:
        owed = self._owed.pop(key.name, 0)
        try:
            standing = await self._ledger.count(key, requests, owed)
        except BaseException:
            self._owed[key.name] = self._owed.get(key.name, 0) + owed
            raise
        self._standings[key.name] = standing
        return standing

    def _write(self, key: ApiKey, requests: int) -> None:
        async def write() -> None:
            try:
                await self._count(key, requests)
            except StreamsGone as gone:
                log.warning("what key %s has used is owed: %s", key.name, gone)

        writing = asyncio.create_task(write())
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)


def _is_limited(key: ApiKey) -> bool:
    return any(getattr(key, name) is not None for name in KeyLimits.__struct_fields__)
