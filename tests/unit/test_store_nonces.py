"""A nonce is new only once, even after a restart; there is never room for an old one."""

import asyncio
import time
from pathlib import Path

import pytest

from engine.store import small_tables
from engine.store import store as stored_nonces
from engine.store.store import Store
from engine.transport.replay_guard import NonceStore, NoncesUnavailable


async def reopened(path: Path) -> Store:
    return await Store.open(path, retention_days=7)


async def test_a_nonce_is_new_once_also_after_a_restart(tmp_path: Path) -> None:
    store = await reopened(tmp_path / "store.db")
    remembered: NonceStore = store.nonces
    assert await remembered.remember("5F… 17", until=time.time() + 300)
    assert not await remembered.remember("5F… 17", until=time.time() + 300)
    await store.close()
    store = await reopened(tmp_path / "store.db")
    assert not await store.nonces.remember("5F… 17", until=time.time() + 300)
    assert await store.nonces.remember("5F… 18", until=time.time() + 300)
    await store.close()


async def test_of_many_at_once_one_is_the_first(tmp_path: Path) -> None:
    store = await reopened(tmp_path / "store.db")
    answers = await asyncio.gather(*(store.nonces.remember("same", until=2e9) for _ in range(20)))
    assert sorted(answers) == [False] * 19 + [True]
    await store.close()


async def test_what_is_long_over_is_forgotten_and_what_may_count_is_not(tmp_path: Path) -> None:
    store = await reopened(tmp_path / "store.db")
    now = time.time()
    await store.nonces.remember("long over", until=now - small_tables.CLOCK_STEP_S - 1)
    await store.nonces.remember("just over", until=now - 1)
    await store.prune(now)
    assert await store.nonces.remember("long over", until=now)
    assert not await store.nonces.remember("just over", until=now)
    await store.close()


async def test_a_full_table_refuses_until_something_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_nonces, "MAX_NONCES", 3)
    store = await reopened(tmp_path / "store.db")
    over = time.time() - small_tables.CLOCK_STEP_S - 1
    assert await store.nonces.remember("old", until=over)
    assert await store.nonces.remember("first", until=2e9)
    assert await store.nonces.remember("second", until=2e9)
    assert await store.nonces.remember("takes the old one's place", until=2e9)
    with pytest.raises(NoncesUnavailable, match="3 nonces are remembered"):
        await store.nonces.remember("one too many", until=2e9)
    await store.close()


async def test_a_store_that_fails_refuses(tmp_path: Path) -> None:
    store = await reopened(tmp_path / "store.db")
    await store.close()
    with pytest.raises(NoncesUnavailable, match="closed"):
        await store.nonces.remember("any", until=2e9)
