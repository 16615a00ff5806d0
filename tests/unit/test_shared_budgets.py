"""What keys may ask where several gateways count together, over a real Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from engine.api_keys import ApiKey
from engine.gateway import ledger as ledger_room
from engine.gateway.ledger import Ledger
from engine.streams.on_redis import RedisStreams
from miner_server.openai.errors import ApiError
from miner_server.openai.shared_budgets import SharedBudgets
from tests.redis_server import a_redis, a_redis_url
from tests.unit.engine_helpers import until


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with a_redis_url() as url:
        yield url


@pytest.fixture
async def ledger(url: str, request: pytest.FixtureRequest) -> AsyncIterator[Ledger]:
    streams = RedisStreams(url, f"test:{request.node.name}")
    yield Ledger(streams)
    await streams.close()


def key(**limits: Any) -> ApiKey:
    return ApiKey(name="me", digest="0" * 64, made_at=0.0, **limits)


async def asked(budgets: SharedBudgets, key: ApiKey, count: int) -> int:
    """How many of so many requests at once are granted."""
    tried = await asyncio.gather(*(budgets.begin(key) for _ in range(count)), return_exceptions=True)
    assert all(one is None or isinstance(one, ApiError) for one in tried)
    return sum(one is None for one in tried)


@pytest.mark.parametrize("limit", ["requests_per_minute", "requests_per_month"])
async def test_two_gateways_grant_together_what_a_key_allows(ledger: Ledger, limit: str) -> None:
    one = key(**{limit: 20})
    granted = await asyncio.gather(*(asked(SharedBudgets(ledger), one, 30) for _ in range(2)))
    assert sum(granted) == 20
    with pytest.raises(ApiError) as refused:
        await SharedBudgets(ledger).begin(one)
    assert refused.value.status == 429
    code = "rate_limit_exceeded" if "minute" in limit else "insufficient_quota"
    assert refused.value.code == code
    assert (refused.value.retry_after is not None) is ("minute" in limit)


async def test_tokens_of_one_gateway_are_told_and_counted_by_the_other(ledger: Ledger) -> None:
    one, first, second = key(tokens_per_month=1000), SharedBudgets(ledger), SharedBudgets(ledger)
    await first.begin(one)
    first.charge(one, 300)
    assert dict(first.headers(one))[b"x-ratelimit-remaining-tokens"] == b"700", "at once, before it is written"
    await until(lambda: not first._writing)
    await second.begin(one)
    assert dict(second.headers(one))[b"x-ratelimit-remaining-tokens"] == b"700"
    second.charge(one, 900)
    await until(lambda: not second._writing)
    with pytest.raises(ApiError, match="1000 tokens a month"):
        await first.begin(one)


async def test_a_repeat_is_given_back_and_a_month_begins_anew(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    one, budgets = key(requests_per_month=1), SharedBudgets(ledger)
    monkeypatch.setattr(ledger_room, "month_of", lambda _: "2026-11")
    assert await asked(budgets, one, 2) == 1
    budgets.give_back(one)
    await until(lambda: not budgets._writing)
    assert await asked(budgets, one, 2) == 1
    monkeypatch.setattr(ledger_room, "month_of", lambda _: "2026-12")
    assert await asked(budgets, one, 2) == 1
    monkeypatch.setattr(ledger_room, "month_of", lambda _: "2026-11")
    assert await asked(budgets, one, 2) == 0, "a clock that is set back begins no month anew"


async def test_while_redis_is_away_limited_keys_are_refused_and_what_was_used_stays_owed() -> None:
    with a_redis() as server:
        streams = RedisStreams(server.url, "test")
        one, budgets = key(tokens_per_month=100), SharedBudgets(Ledger(streams))
        await budgets.begin(one)
        server.stop()
        budgets.charge(one, 100)
        await until(lambda: not budgets._writing)
        with pytest.raises(ApiError) as refused:
            await budgets.begin(one)
        assert refused.value.status == 503
        assert refused.value.retry_after
        await budgets.begin(key())
        server.start()
        with pytest.raises(ApiError, match="100 tokens a month"):
            await budgets.begin(one)
        await streams.close()
