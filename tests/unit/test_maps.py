"""The maps of rounds are made after them, one at a time, while no round is being judged."""

import asyncio

import pytest

from engine.judge.client import JudgeFailed
from engine.validator.maps import MOST_WAITING, Maps
from engine.values import Challenge, Likeness, Reply
from tests.unit.engine_helpers import until
from tests.unit.store_helpers import NETUID, a_round


class Comparing:
    """A judge that compares when `free`, and fails for the rounds in `fails`."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.fails: set[str] = set()

    async def idle(self) -> None:
        await self.free.wait()

    async def likeness(self, challenge: Challenge, _replies: tuple[Reply, ...]) -> Likeness:
        if challenge.id in self.fails:
            raise JudgeFailed("the encoder is away")
        return Likeness(kept=0.25)


class Kept(dict[str, Likeness]):
    async def add_likeness(self, id: str, _netuid: int, likeness: Likeness) -> None:
        self[id] = likeness


async def test_rounds_wait_for_the_judge_and_one_that_fails_stops_no_other() -> None:
    judge, kept = Comparing(), Kept()
    judge.fails = {"round-1"}
    maps = Maps(judge, kept, NETUID)  # type: ignore[arg-type]
    serving = asyncio.create_task(maps.run())
    for number in range(3):
        maps.want(a_round(number))
    await asyncio.sleep(0)
    assert kept == {}
    judge.free.set()
    await until(lambda: len(kept) == 2)
    assert kept == {"round-0": Likeness(kept=0.25), "round-2": Likeness(kept=0.25)}
    serving.cancel()


async def test_only_so_many_wait_and_the_newest_are_kept() -> None:
    judge, kept = Comparing(), Kept()
    maps = Maps(judge, kept, NETUID)  # type: ignore[arg-type]
    for number in range(MOST_WAITING + 5):
        maps.want(a_round(number))
    judge.free.set()
    serving = asyncio.create_task(maps.run())
    await until(lambda: len(kept) == MOST_WAITING)
    assert min(int(id.removeprefix("round-")) for id in kept) == 5
    serving.cancel()


async def test_the_rounds_that_wait_at_the_end_get_their_maps_unless_the_judge_is_busy_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("engine.validator.maps.LAST_S", 0.01)
    judge, kept = Comparing(), Kept()
    maps = Maps(judge, kept, NETUID)  # type: ignore[arg-type]
    serving = asyncio.create_task(maps.run())
    maps.want(a_round(0))
    maps.want(a_round(1))
    await maps.finish()
    assert kept == {}
    judge.free.set()
    monkeypatch.undo()
    await maps.finish()
    assert set(kept) == {"round-0", "round-1"}
    serving.cancel()
