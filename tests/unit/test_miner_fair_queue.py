"""The queue between callers and the backend."""

import asyncio
from collections.abc import Callable

import pytest

from miner_server.fair_queue import FairQueue, QueueFull


class Hall:
    """Callers of a queue: who was served, in order; each holds a slot until told to leave."""

    def __init__(self, queue: FairQueue) -> None:
        self.queue = queue
        self.served: list[str] = []

    async def come(self, caller: str) -> None:
        await self.queue.enter(caller)
        self.served.append(caller)

    async def arrive(self, *callers: str) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(self.come(caller)) for caller in callers]
        await asyncio.sleep(0)
        return tasks

    async def leave(self, times: int = 1) -> None:
        for _ in range(times):
            self.queue.leave(0.1)
            await asyncio.sleep(0)


@pytest.fixture
def hall() -> Callable[..., Hall]:
    def make(slots: int = 1, waiting: int = 100, waiting_per_caller: int = 100) -> Hall:
        return Hall(FairQueue(slots=slots, waiting=waiting, waiting_per_caller=waiting_per_caller))

    return make


async def test_callers_take_turns_however_many_one_of_them_sends(hall: Callable[..., Hall]) -> None:
    room = hall()
    await room.arrive("flood", *["flood"] * 50, "a", "b", "a")
    await room.leave(6)
    assert room.served == ["flood", "flood", "a", "b", "flood", "a", "flood"]


async def test_one_caller_is_served_in_the_order_of_arrival(hall: Callable[..., Hall]) -> None:
    queue = hall().queue
    order: list[int] = []

    async def come(number: int) -> None:
        await queue.enter("a")
        order.append(number)
        queue.leave(0.1)

    await asyncio.gather(*(come(number) for number in range(10)))
    assert order == list(range(10))
    assert (queue.in_flight, queue.queued) == (0, 0)


async def test_no_more_work_at_once_than_there_are_slots(hall: Callable[..., Hall]) -> None:
    room = hall(slots=3)
    await room.arrive(*"abcdefg")
    assert room.served == ["a", "b", "c"]
    assert (room.queue.in_flight, room.queue.queued) == (3, 4)


async def test_a_full_queue_says_when_to_come_again(hall: Callable[..., Hall]) -> None:
    room = hall(waiting=2)
    await room.arrive("a", "b", "c")
    with pytest.raises(QueueFull) as full:
        await room.queue.enter("d")
    assert full.value.retry_after >= 1


async def test_one_caller_cannot_fill_the_queue(hall: Callable[..., Hall]) -> None:
    room = hall(waiting=10, waiting_per_caller=2)
    await room.arrive("flood", "flood", "flood")
    with pytest.raises(QueueFull, match="this caller"):
        await room.queue.enter("flood")
    tasks = await room.arrive("a")
    await room.leave(2)
    assert tasks[0].done()


async def test_who_gives_up_leaves_no_trace(hall: Callable[..., Hall]) -> None:
    room = hall()
    _, waiting, _ = await room.arrive("a", "b", "c")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert room.queue.queued == 1
    await room.leave(2)
    assert room.served == ["a", "c"]
    assert (room.queue.in_flight, room.queue.queued) == (0, 0)


async def test_a_turn_given_to_one_who_just_gave_up_continues(hall: Callable[..., Hall]) -> None:
    room = hall()
    _, leaving, _ = await room.arrive("a", "b", "c")
    room.queue.leave(0.1)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    await asyncio.sleep(0)
    assert room.served == ["a", "c"]
    await room.leave()
    assert (room.queue.in_flight, room.queue.queued) == (0, 0)


async def test_one_who_gave_up_before_the_turn_came_is_passed_over(hall: Callable[..., Hall]) -> None:
    room = hall()
    _, leaving, _ = await room.arrive("a", "b", "c")
    leaving.cancel()
    room.queue.leave(0.1)
    await asyncio.gather(leaving, return_exceptions=True)
    await asyncio.sleep(0)
    assert room.served == ["a", "c"]
    assert room.queue.queued == 0


async def test_whoever_would_be_refused_is_told_before_it_comes(hall: Callable[..., Hall]) -> None:
    room = hall(slots=1, waiting=2, waiting_per_caller=1)
    room.queue.require_room("a")
    await room.arrive("a", "a", "b")
    with pytest.raises(QueueFull, match="this caller has too many requests waiting"):
        room.queue.require_room("a")
    with pytest.raises(QueueFull, match="this miner's queue is full"):
        room.queue.require_room("c")
    room.queue.require_room("c", weight=50.0)
    assert (room.queue.in_flight, room.queue.queued) == (1, 2), "asking takes nothing"
    await room.leave(1)
    room.queue.require_room("c")
