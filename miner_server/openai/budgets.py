"""What the bearer of a key may still ask: by the minute, which this process remembers, and by the month, on disk."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import msgspec

from engine.api_keys import ApiKey, KeyFileError
from engine.key_use import Budget, KeyUse, Kind, SpentError
from engine.transport.wire import Completion
from miner_server.limits import RateLimiter
from miner_server.openai.errors import ApiError
from miner_server.openai.reply import ChatReply, usage
from miner_server.openai.request import Asked

KINDS: tuple[Kind, ...] = ("requests", "tokens")
UNCOUNTED = "what this key uses cannot be counted at the moment"

CHARACTERS = 4
"""To a token, where a model server does not count: https://help.openai.com/en/articles/4936856."""

Headers = tuple[tuple[bytes, bytes], ...]


@runtime_checkable
class Counting(Protocol):
    """Counts what keys use: `Budgets` for this process, `SharedBudgets` for several."""

    @property
    def trouble(self) -> str:
        """Why it cannot be counted; "" if all is well."""
        ...

    async def begin(self, key: ApiKey) -> None:
        """Count a request. Raises ApiError 429 for a key that has to wait, 503 while it cannot be counted."""
        ...

    def charge(self, key: ApiKey, tokens: int) -> None:
        """Count the tokens of what was answered."""
        ...

    def give_back(self, key: ApiKey) -> None:
        """Of the month, the request that was counted: it is one that was answered before."""
        ...

    def headers(self, key: ApiKey) -> Headers:
        """OpenAI's headers about the limit of either kind of which the smaller share is left."""
        ...

    def close(self) -> None:
        """Write down exactly what was used. Raises KeyFileError."""
        ...


class Budgets:
    """The limits of all keys. An answer is charged when it has ended; what is more than was left is owed."""

    def __init__(self, use: KeyUse) -> None:
        self._use = use
        self._rates: dict[tuple[str, Kind, int], RateLimiter] = {}
        self.trouble = ""
        """Why months cannot be counted; "" if all is well."""

    async def begin(self, key: ApiKey) -> None:
        for kind, limit, rate in self._minutes(key):
            wait = rate.take(key.name) if kind == "requests" else rate.wait(key.name)
            if wait:
                raise too_often(kind, limit, wait)
        try:
            await self._use.begin(key)
        except SpentError as spent:
            raise spent_up(spent) from None
        except KeyFileError as error:
            self.trouble = f"keys with a limit a month are refused: {error}"
            raise ApiError(503, UNCOUNTED, gate="rate") from None
        self.trouble = ""

    def charge(self, key: ApiKey, tokens: int) -> None:
        for kind, _, rate in self._minutes(key):
            if kind == "tokens":
                rate.charge(key.name, tokens)
        self._use.add(key, tokens)

    def give_back(self, key: ApiKey) -> None:
        self._use.give_back(key)

    def headers(self, key: ApiKey) -> Headers:
        minutes = (
            (kind, Budget(limit, rate.left(key.name), rate.full_in(key.name)))
            for kind, limit, rate in self._minutes(key)
        )
        months = ((kind, left) for kind in KINDS if (left := self._use.left(key, kind)) is not None)
        return limit_headers((*minutes, *months))

    def close(self) -> None:
        self._use.settle()

    def _minutes(self, key: ApiKey) -> Iterator[tuple[Kind, int, RateLimiter]]:
        limits: tuple[tuple[Kind, int | None], ...] = (
            ("tokens", key.tokens_per_minute),
            ("requests", key.requests_per_minute),
        )
        for kind, limit in limits:
            if limit is not None:
                yield kind, limit, self._rates.setdefault((key.name, kind, limit), RateLimiter(limit))


def limit_headers(limits: Iterable[tuple[Kind, Budget]]) -> Headers:
    """OpenAI's headers about the limit of either kind of which the smaller share is left."""
    limits, told = tuple(limits), list[tuple[bytes, bytes]]()
    for kind in KINDS:
        of_kind = [left for one, left in limits if one == kind]
        if of_kind:
            least = min(of_kind, key=lambda one: one.left / one.limit)
            for what, value in (
                ("limit", f"{least.limit}"),
                ("remaining", f"{least.left}"),
                ("reset", f"{math.ceil(least.seconds)}s"),
            ):
                told.append((f"x-ratelimit-{what}-{kind}".encode(), value.encode()))
    return tuple(told)


def too_often(kind: Kind, limit: int, wait: float) -> ApiError:
    """The refusal of a key that has to wait for so many seconds."""
    message = f"this key allows {limit:,} {kind} a minute"
    return ApiError(429, message, code="rate_limit_exceeded", retry_after=wait, gate="rate")


def spent_up(spent: SpentError) -> ApiError:
    """The refusal of a key whose month is used up."""
    return ApiError(429, str(spent), code="insufficient_quota", gate="rate")


def tokens_of(asked: Asked, completions: Sequence[Completion], reply: ChatReply) -> int:
    """What an answer is charged: what the model server counted, else an estimate, as for one that broke off after its
    caller had heard something."""
    counted = usage(completions)["total_tokens"]
    answered = sum(len(one.text) for one in completions) or reply.told
    if counted or not (answered or completions):
        return counted
    prompt = len(msgspec.json.encode(asked.requests[0].messages))
    return (prompt + answered) // CHARACTERS + 1
