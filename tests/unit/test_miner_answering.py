"""From a request to its completion: what each failure becomes, who waits for how long, and what is recorded."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from engine.transport.errors import Refusal
from engine.transport.wire import Completion
from engine.values import Request
from miner_server.answering import Answering
from miner_server.call import Call
from miner_server.errors import (
    BackendError,
    BackendSlow,
    BackendUnavailable,
    ClientGone,
    NoAnswer,
    RequestTooLong,
    RequestUnfit,
)
from miner_server.fair_queue import FairQueue, QueueFull
from miner_server.limits import Limits
from miner_server.readiness import Readiness, Unready
from tests.unit.asgi_helpers import GONE, made
from tests.unit.miner_helpers import Clock, ObedientBackend

ASKED = Request(prompt="9+8?")


def a_call(hotkey: str = "5V", *messages: Any) -> Call:
    call, _ = made(*messages)
    call.hotkey, call.proven = hotkey, True
    return call


async def ready(backend: ObedientBackend, **limits: Any) -> Answering:
    made_ready = Answering(backend, Limits(**limits))
    await made_ready.readiness.refresh()
    return made_ready


async def refusal(of: Answering, call: Call | None = None) -> Refusal:
    with pytest.raises(Refusal) as refused:
        await of.answer(ASKED, call or a_call())
    return refused.value


async def test_an_answer_is_noted_with_its_call_and_frees_its_place() -> None:
    backend = ObedientBackend()
    answers, call = await ready(backend), a_call()
    completion = await answers.answer(ASKED, call)
    assert (completion.text, call.answer, call.tokens) == ("heard 9+8?", "heard 9+8?", 2)
    assert backend.begun == [("5V", "9+8?")]
    assert (answers.queue.in_flight, answers.queue.queued) == (0, 0)


@pytest.mark.parametrize(
    ("error", "status", "said", "retry_after"),
    [
        (BackendError("x"), 502, "the model failed", None),
        (NoAnswer("x"), 502, "the model gave no answer", None),
        (BackendUnavailable("x"), 503, "the model is busy or cannot be reached", 5.0),
        (BackendUnavailable("x", again_in=0.0), 503, "the model is busy or cannot be reached", 5.0),
        (BackendUnavailable("x", again_in=40.0), 503, "the model is busy or cannot be reached", 40.0),
        (BackendSlow("x"), 504, "the model took too long", None),
        (RequestUnfit("x"), 422, "the model cannot answer this request", None),
        (RequestTooLong("x"), 422, "the request is longer than the model can hold", None),
    ],
)
async def test_a_failure_becomes_a_status_in_our_own_words(
    error: BackendError, status: int, said: str, retry_after: float | None
) -> None:
    backend = ObedientBackend()
    backend.error = error
    answers = await ready(backend)
    refused = await refusal(answers)
    assert (refused.status, refused.detail, refused.retry_after) == (status, said, retry_after)
    assert answers.queue.in_flight == 0


async def test_while_the_backend_is_not_ready_nothing_is_asked_of_it() -> None:
    answers = Answering(ObedientBackend(), Limits())
    refused = await refusal(answers)
    assert (refused.status, refused.detail, refused.retry_after) == (503, "the backend is not ready", 5.0)
    assert answers.unready == Unready("the backend is not ready", "starting")
    await answers.readiness.refresh()
    answers.require_ready()


async def test_an_answer_that_does_not_come_is_504_and_a_turn_that_does_not_503() -> None:
    backend = ObedientBackend(open_gate=False)
    answers = await ready(backend, capacity=1, answer_s=0.02)
    slow = await refusal(answers)
    assert (slow.status, slow.detail, slow.retry_after) == (504, "the model took too long", None)
    await answers.queue.enter("another")  # which holds the only slot
    second = await refusal(answers, a_call("5W"))
    assert (second.status, second.detail, second.retry_after) == (503, "no free slot before the deadline", 5.0)
    answers.queue.leave(0.0)
    assert (backend.cancelled, answers.queue.in_flight, answers.queue.queued) == (1, 0, 0)


async def test_who_waited_for_its_turn_has_so_much_less_time_for_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, given = Clock(), list[float]()

    class Timed(ObedientBackend):
        async def complete(
            self, request: Request, *, timeout: float, caller: str = "", on_text: Callable[[str], None] | None = None
        ) -> Completion:
            given.append(timeout)
            return await super().complete(request, timeout=timeout, caller=caller, on_text=on_text)

    backend = Timed(open_gate=False)
    answers = await ready(backend, capacity=1)
    monkeypatch.setattr("miner_server.answering.time", SimpleNamespace(monotonic=clock))
    asking = [asyncio.create_task(answers.answer(ASKED, a_call(name))) for name in ("5V", "5W")]
    await asyncio.sleep(0)
    clock.now += 7
    backend.gate.set()
    await asyncio.gather(*asking)
    assert given == [55.0, 48.0]


@pytest.mark.parametrize(("capacity", "lanes", "slots"), [(8, 2, 2), (1, 2, 1), (8, None, 8)])
def test_no_more_is_worked_on_at_once_than_the_backend_has_lanes(capacity: int, lanes: int | None, slots: int) -> None:
    backend = ObedientBackend()
    if lanes is not None:
        backend.lanes = lanes  # type: ignore[attr-defined]
    queue = Answering(backend, Limits(capacity=capacity, queue=9)).queue
    assert (queue.slots, queue.waiting) == (slots, 9)


async def test_who_finds_the_queue_full_is_told_when_there_may_be_room() -> None:
    backend = ObedientBackend(open_gate=False)
    answers = await ready(backend, capacity=1, queue=1, queue_per_caller=1)
    asking = [asyncio.create_task(answers.answer(ASKED, a_call(name))) for name in ("5V", "5W")]
    await asyncio.sleep(0)
    full = await refusal(answers, a_call("5X"))
    assert (full.status, full.detail, full.retry_after) == (503, "this miner's queue is full", 2)
    backend.gate.set()
    await asyncio.gather(*asking)


@pytest.mark.parametrize(("after", "noted"), [(10.0, 0), (10.1, 1)])
async def test_a_caller_that_hangs_up_after_a_long_wait_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, after: float, noted: int
) -> None:
    clock = Clock()

    class Slow(ObedientBackend):
        async def complete(
            self, request: Request, *, timeout: float, caller: str = "", on_text: Callable[[str], None] | None = None
        ) -> Completion:
            clock.now += after
            return await super().complete(request, timeout=timeout, caller=caller, on_text=on_text)

    answers = await ready(Slow(open_gate=False))
    monkeypatch.setattr("miner_server.answering.time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr("miner_server.call.WATCH_AFTER_S", 0.0)
    with pytest.raises(ClientGone):
        await answers.answer(ASKED, a_call("5V", GONE))
    assert answers.readiness._unanswered == noted


async def test_an_error_that_nobody_foresaw_is_a_failure_too() -> None:
    backend = ObedientBackend()
    backend.error = ZeroDivisionError("secret")
    answers = await ready(backend)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            await answers.answer(ASKED, a_call())
    await answers.readiness.refresh()
    assert answers.unready == Unready("the backend fails", "the last challenges failed: ZeroDivisionError, see the log")


async def test_three_failures_in_a_row_end_it_and_a_proof_begins_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, backend = Clock(), ObedientBackend()
    monkeypatch.setattr("miner_server.readiness.time", SimpleNamespace(monotonic=clock))
    state = Readiness(backend)
    assert (state.trouble, state.unready) == ("", Unready("the backend is not ready", "starting"))
    await state.refresh()
    for number in range(2):
        state.failed(BackendError(f"no {number}"), f"caller {number}")
        assert (state.unready, state.trouble) == (None, "")
    state.answered()
    for number in range(3):
        state.failed(BackendError(f"no {number}"), f"caller {number}")
    assert state.unready == Unready("the backend fails", "the last challenges failed: no 2")
    assert state.trouble == "the last challenges failed: no 2"
    backend.error = BackendError("not now")
    await state.refresh()
    assert state.trouble == "the last challenges failed: not now"
    backend.error = None
    clock.now += 9.9
    await state.refresh()
    assert [len(backend.begun), state.unready is None] == [1, False]
    clock.now += 0.2
    await state.refresh()
    assert [len(backend.begun), state.unready] == [2, None]
    assert state.trouble == "the last challenges failed: not now"
    state.answered()
    assert state.trouble == ""


async def test_what_nobody_could_answer_says_nothing_of_the_backend() -> None:
    state = Readiness(ObedientBackend())
    await state.refresh()
    for _ in range(3):
        state.failed(RequestUnfit("odd"), "alice")
    assert (state.unready, state.trouble) == (None, "the last challenges failed: odd")


async def test_a_backend_that_cannot_say_whether_it_is_ready_is_not() -> None:
    class Broken(ObedientBackend):
        async def readiness(self) -> str:
            raise ZeroDivisionError

    state = Readiness(Broken())
    await state.refresh()
    assert state.trouble == "the backend failed: see the log"


async def test_a_queue_says_when_there_may_be_room_by_how_long_work_usually_takes() -> None:
    async def when(queue: FairQueue) -> tuple[str, float]:
        with pytest.raises(QueueFull) as full:
            await queue.enter("late")
        return str(full.value), full.value.retry_after

    queue = FairQueue(slots=2, waiting=0, waiting_per_caller=9)
    for _ in range(2):
        await queue.enter("a")
    assert await when(queue) == ("this miner's queue is full", 1)
    queue.leave(11.0)
    await queue.enter("a")
    assert await when(queue) == ("this miner's queue is full", 2)
    for _ in range(99):
        queue.leave(900.0)
        await queue.enter("a")
    assert await when(queue) == ("this miner's queue is full", 60.0)


async def test_a_caller_waits_with_as_many_requests_as_it_may() -> None:
    queue = FairQueue(slots=1, waiting=9, waiting_per_caller=2)
    await queue.enter("a")
    waiting = [asyncio.create_task(queue.enter("a")) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(QueueFull, match="this caller has too many requests waiting") as full:
        await queue.enter("a")
    assert (full.value.retry_after, queue.queued) == (3, 2)
    other = asyncio.create_task(queue.enter("b"))
    await asyncio.sleep(0)
    assert queue.queued == 3
    for task in (*waiting, other):
        task.cancel()
    await asyncio.gather(*waiting, other, return_exceptions=True)
    assert (queue.queued, queue.in_flight) == (0, 1)
    queue.leave(0.1)
    assert queue.in_flight == 0
