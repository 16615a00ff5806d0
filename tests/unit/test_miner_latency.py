"""How long an answer took, to the digit: on a clock that only the backend puts forward."""

from collections.abc import Callable

import pytest

from engine.transport.wire import Completion
from engine.values import Request
from miner_server import answering, endpoint, requestlog
from miner_server.limits import Limits
from tests.unit.miner_helpers import Clock, ObedientBackend, Validator, serving

TOOK_S = 1.5
NOW = 1_767_225_600.0


class Times:
    """The module `time`, standing still."""

    def __init__(self, clock: Clock) -> None:
        self.monotonic = self.perf_counter = clock

    def time(self) -> float:
        return NOW


class SlowBackend(ObedientBackend):
    """Takes TOOK_S, and as much longer each time that it is asked again; notes how much time it was given."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.given: list[float] = []

    async def complete(
        self, request: Request, *, timeout: float, caller: str = "", on_text: Callable[[str], None] | None = None
    ) -> Completion:
        self.given.append(timeout)
        self._clock.now += TOOK_S * len(self.given)
        return await super().complete(request, timeout=timeout, caller=caller, on_text=on_text)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    still = Clock()
    for module in (answering, endpoint, requestlog):
        monkeypatch.setattr(module, "time", Times(still))
    return still


async def test_an_answers_time_is_told_to_the_caller_the_screen_and_the_monitor(clock: Clock) -> None:
    backend = SlowBackend(clock)
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        told = [alice.opened(await alice.send(f"question {number}"))["response_time_ms"] for number in range(3)]
        metrics = (await alice.http.get("/metrics")).text
        view = server.view()
    assert told == [1_500, 3_000, 4_500]
    answered = [request for request in view.requests if request.answer]
    assert [(request.ms, request.at) for request in answered] == [(1_500.0, NOW), (3_000.0, NOW), (4_500.0, NOW)]
    assert (view.p50_ms, view.p95_ms) == (3_000.0, 4_500.0)
    (caller,) = view.callers
    assert (caller.p50_ms, caller.last_at) == (3_000.0, NOW)
    assert "miner_answer_seconds_sum 9.0" in metrics
    assert "miner_answer_seconds_count 3.0" in metrics
    assert 'miner_answer_seconds_bucket{le="2.5"} 1.0' in metrics


async def test_a_backend_is_given_the_time_that_is_left(clock: Clock) -> None:
    backend = SlowBackend(clock)
    async with serving(backend, limits=Limits(answer_s=20.0)) as server, Validator(server) as alice:
        await alice.shake()
        await alice.ask("question")
    assert backend.given == [20.0]
