"""Nonces in memory in front of a store that fails for a while: nobody is locked out, and no used nonce is accepted
again."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from engine.store.store import Store
from engine.transport import replay_guard
from engine.transport.replay_guard import MemoryNonces, NoncesUnavailable, SteadyNonces
from tests.unit.engine_helpers import until

LATER = 2e9


class Failing(MemoryNonces):
    """A store that takes writes while `reason` is empty, and keeps count."""

    def __init__(self) -> None:
        super().__init__()
        self.reason = ""
        self.asked = 0

    async def remember(self, key: str, *, until: float) -> bool:
        self.asked += 1
        if self.reason:
            raise NoncesUnavailable(self.reason)
        return await super().remember(key, until=until)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_guard, "RETRY_S", 0.02)


async def test_what_the_store_has_from_before_a_restart_is_used() -> None:
    store = Failing()
    await store.remember("old", until=LATER)
    nonces = SteadyNonces(store, tell=lambda _: None)
    assert not await nonces.remember("old", until=LATER)
    assert await nonces.remember("new", until=LATER)
    asked = store.asked
    assert not await nonces.remember("new", until=LATER)
    assert store.asked == asked


async def test_a_store_that_fails_by_anything_else_is_tried_again_too() -> None:
    class Odd(Failing):
        async def remember(self, key: str, *, until: float) -> bool:
            if self.asked < 2:
                self.asked += 1
                raise ZeroDivisionError("by a fault of its own")
            return await super().remember(key, until=until)

    store, told = Odd(), list[str]()
    nonces = SteadyNonces(store, tell=told.append)
    assert await nonces.remember("a", until=LATER)
    await until(lambda: told[-1:] == [""])
    assert told == ["ZeroDivisionError: by a fault of its own", ""]
    assert not await store.remember("a", until=LATER)


async def test_a_store_that_takes_no_writes_is_reported_once_and_gets_what_it_missed() -> None:
    store, told = Failing(), list[str]()
    nonces = SteadyNonces(store, tell=told.append)
    store.reason = "store.db is locked"
    keys = [f"n-{number}" for number in range(20)]
    assert all(await asyncio.gather(*(nonces.remember(key, until=LATER) for key in keys)))
    assert not any(await asyncio.gather(*(nonces.remember(key, until=LATER) for key in keys)))
    await until(lambda: store.asked > 3)
    assert told == ["store.db is locked"]
    store.reason = ""
    await until(lambda: told[1:])
    assert told == ["store.db is locked", ""]
    assert not any([await store.remember(key, until=LATER) for key in keys])


async def test_each_trouble_is_reported() -> None:
    store, told = Failing(), list[str]()
    nonces = SteadyNonces(store, tell=told.append)
    for reason in ("locked", "no space left"):
        store.reason = reason
        await nonces.remember(reason, until=LATER)
        await until(partial(told.__contains__, reason))
    store.reason = ""
    await until(lambda: told == ["locked", "no space left", ""])


async def test_a_trouble_that_comes_back_is_told_again_and_in_between_the_store_is_waited_for() -> None:
    store, told = Failing(), list[str]()
    await store.remember("used before", until=LATER)
    nonces = SteadyNonces(store, tell=told.append)
    for round_ in (1, 2):
        store.reason = "locked"
        await nonces.remember(f"n-{round_}", until=LATER)
        await until(lambda: told[-1] == "locked")
        store.reason = ""
        await until(lambda: told[-1] == "")
    assert told == ["locked", "", "locked", ""]
    assert not await nonces.remember("used before", until=LATER)


async def test_what_is_over_is_not_written_any_more() -> None:
    store, told = Failing(), list[str]()
    nonces = SteadyNonces(store, tell=told.append)
    store.reason = "locked"
    await nonces.remember("soon over", until=time.time() + 0.2)
    await until(lambda: told[-1:] == [""])
    assert store.reason == "locked"


async def test_a_store_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_guard, "PATIENCE_S", 0.02)
    monkeypatch.setattr(replay_guard, "SLOW_S", 0.05)
    told = list[str]()

    class Hanging:
        def __init__(self) -> None:
            self.free = asyncio.Event()

        async def remember(self, key: str, *, until: float) -> bool:
            await self.free.wait()
            return True

    store = Hanging()
    nonces = SteadyNonces(store, tell=told.append)
    assert await asyncio.wait_for(nonces.remember("a", until=LATER), 30)
    assert not await nonces.remember("a", until=LATER)
    await until(lambda: told)
    assert "has not accepted a nonce" in told[0]
    assert await nonces.remember("b", until=LATER)
    store.free.set()
    await until(lambda: told[-1] == "")


async def test_a_full_memory_refuses() -> None:
    nonces = SteadyNonces(Failing(), tell=lambda _: None, limit=2)
    assert [await nonces.remember(key, until=LATER) for key in "ab"] == [True, True]
    with pytest.raises(NoncesUnavailable):
        await nonces.remember("c", until=LATER)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "store.db", retention_days=7)
    yield opened
    await opened.close()


async def test_a_database_that_another_process_holds_keeps_nobody_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_guard, "PATIENCE_S", 0.1)
    told = list[str]()
    nonces = SteadyNonces(store.nonces, tell=told.append)
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert await nonces.remember("a", until=LATER)
        assert not await nonces.remember("a", until=LATER)
        await until(lambda: told)
        assert "store.db is locked by another process" in told[0]
    finally:
        other.close()
    await until(lambda: told[-1] == "")
    assert not await store.nonces.remember("a", until=LATER)


async def test_what_has_ended_makes_room_and_what_has_not_never_does(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1e9
    monkeypatch.setattr(time, "time", lambda: now)
    nonces = MemoryNonces(limit=45)
    for age in range(600):  # one a second, each for 20 s
        now = 1e9 + age
        assert await nonces.remember(f"n-{age}", until=now + 20)
        assert not await nonces.remember(f"n-{max(0, age - 19)}", until=now + 1)
        assert len(nonces) <= 1 + 2 * replay_guard.SPAN_S
    now += 1e6
    assert await nonces.remember("n-599", until=now + 20)
    assert len(nonces) == 1
