"""Services are started, watched and restarted, visibly."""

import asyncio
from collections.abc import Callable

import pytest

from engine.feed import Feed
from engine.node import supervisor as supervisor_module
from engine.node.supervisor import Fatal, Service, Supervisor
from engine.snapshot import Snapshot
from tests.unit.engine_helpers import until


def a_feed() -> Feed:
    return Feed(Snapshot(at=1.0, version="0", role="validator", started_at=1.0))


class Once:
    """Does its work and ends."""

    async def run(self, started: Callable[[], None]) -> None:
        started()
        await asyncio.sleep(0.05)


class Forever:
    """Works until it is told to stop."""

    async def run(self, started: Callable[[], None]) -> None:
        started()
        await asyncio.Event().wait()


class Stumbles:
    """Fails so many times before it works."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.failures = failures
        self.error = error

    async def run(self, started: Callable[[], None]) -> None:
        if self.failures:
            self.failures -= 1
            raise self.error
        started()
        await asyncio.sleep(0.01)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_S", 0.01)


async def test_the_others_end_when_the_work_is_done() -> None:
    feed = a_feed()
    supervisor = Supervisor(feed)
    await asyncio.wait_for(supervisor.run({"worker": Once, "server": Forever}, "worker"), 30)
    assert {view.name: (view.state, view.reason) for view in supervisor.services} == {
        "worker": ("stopped", "done"),
        "server": ("stopped", "asked to stop"),
    }
    assert {event.fields["state"] for event in feed.events_after(0).events} == {"running", "stopped"}


async def test_what_fails_is_restarted_with_a_count_and_its_reason_cleaned() -> None:
    feed = a_feed()
    shaky = Stumbles(3, RuntimeError("bad \x1b[2J answer"))
    supervisor = Supervisor(feed)
    await asyncio.wait_for(supervisor.run({"shaky": lambda: shaky}, "shaky"), 30)
    assert supervisor.services[0].restarts == 3
    assert feed.attention[0].level == "error"
    assert "RuntimeError" in feed.attention[0].text
    feed.settle("shaky", "what others tell of is over")
    assert [line.subject for line in feed.attention] == ["service shaky"]
    assert all("\x1b" not in str(event.fields) for event in feed.events_after(0).events)


async def test_pauses_between_restarts_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    shaky = Stumbles(4, RuntimeError("no"))
    await asyncio.wait_for(Supervisor(a_feed()).run({"shaky": lambda: shaky}, "shaky"), 30)
    assert pauses[:4] == [0.01, 0.02, 0.04, 0.08]


async def test_a_fatal_error_ends_the_run_and_the_others_with_it() -> None:
    supervisor = Supervisor(a_feed())
    services: dict[str, Callable[[], Service]] = {
        "server": Forever,
        "chain": lambda: Stumbles(1, Fatal("not registered")),
    }
    with pytest.raises(Fatal, match="not registered"):
        await asyncio.wait_for(supervisor.run(services, "server"), 30)
    assert {view.name: view.state for view in supervisor.services} == {"server": "stopped", "chain": "failed"}


class FailsWhenStopped:
    """Its clean-up goes wrong."""

    def __init__(self) -> None:
        self.starts = 0

    async def run(self, started: Callable[[], None]) -> None:
        self.starts += 1
        started()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("the disk is gone")


class LosesWhatItWaitsFor:
    """Waits for a task that somebody else cancels, once."""

    def __init__(self) -> None:
        self.starts = 0

    async def run(self, started: Callable[[], None]) -> None:
        self.starts += 1
        started()
        if self.starts == 1:
            other = asyncio.create_task(asyncio.Event().wait())
            asyncio.get_running_loop().call_soon(other.cancel)
            await other


async def test_a_service_that_fails_while_it_is_stopped_is_not_started_again() -> None:
    unclean = FailsWhenStopped()
    supervisor = Supervisor(a_feed())
    await asyncio.wait_for(supervisor.run({"worker": Once, "unclean": lambda: unclean}, "worker"), 30)
    assert unclean.starts == 1
    assert supervisor.services[1].state == "stopped"


async def test_a_cancelled_task_inside_a_service_is_a_failure_of_that_service_alone() -> None:
    loses = LosesWhatItWaitsFor()
    supervisor = Supervisor(a_feed())
    await asyncio.wait_for(supervisor.run({"loses": lambda: loses}, "loses"), 30)
    assert loses.starts == 2
    assert (supervisor.services[0].state, supervisor.services[0].restarts) == ("stopped", 1)


async def test_the_first_of_several_that_is_done_ends_the_run() -> None:
    supervisor = Supervisor(a_feed())
    await asyncio.wait_for(supervisor.run({"server": Forever, "operator": Once}, "server", "operator"), 30)
    assert {view.name: view.reason for view in supervisor.services} == {"server": "asked to stop", "operator": "done"}


async def test_who_waits_to_be_started_again_is_stopped_with_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_S", 60.0)
    supervisor = Supervisor(a_feed())
    services: dict[str, Callable[[], Service]] = {"worker": Once, "shaky": lambda: Stumbles(1, RuntimeError("no"))}
    await asyncio.wait_for(supervisor.run(services, "worker"), 30)
    assert supervisor.services[1].state == "stopped"


async def test_a_long_good_run_makes_the_next_pause_short_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    monkeypatch.setattr(supervisor_module, "STABLE_AFTER_S", -1.0)
    shaky = Stumbles(3, RuntimeError("no"))
    await asyncio.wait_for(Supervisor(a_feed()).run({"shaky": lambda: shaky}, "shaky"), 30)
    assert pauses[:3] == [0.01, 0.01, 0.01]


async def test_a_restart_ends_the_work_and_starts_it_again_without_an_alert() -> None:
    feed = a_feed()
    supervisor = Supervisor(feed)
    running = asyncio.create_task(supervisor.run({"server": Forever, "worker": Forever}, "worker"))
    await until(lambda: {view.state for view in supervisor.services} == {"running"})
    assert supervisor.restart("server")
    await until(lambda: supervisor.services[0].restarts == 1 and supervisor.services[0].state == "running")
    assert supervisor.services[1].restarts == 0
    assert feed.attention == ()
    states = [(event.fields["state"], event.fields["reason"]) for event in feed.events_after(0).events]
    assert states[2:] == [("starting", "the operator asked for a restart"), ("running", "")]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert not supervisor.restart("server")
    assert not supervisor.restart("nobody")


async def test_a_restart_cuts_the_pause_after_a_failure_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor_module, "FIRST_PAUSE_S", 1e9)
    supervisor = Supervisor(a_feed())
    shaky = Stumbles(1, RuntimeError("no"))
    running = asyncio.create_task(supervisor.run({"shaky": lambda: shaky}, "shaky"))
    await until(lambda: supervisor.services and supervisor.services[0].state == "backing_off")
    assert supervisor.restart("shaky")
    await asyncio.wait_for(running, 30)
    assert supervisor.services[0].restarts == 1


async def test_a_service_that_fails_while_ending_is_restarted_anyway() -> None:
    unclean = FailsWhenStopped()
    supervisor = Supervisor(a_feed())
    running = asyncio.create_task(supervisor.run({"unclean": lambda: unclean}, "unclean"))
    await until(lambda: unclean.starts == 1)
    assert supervisor.restart("unclean")
    await until(lambda: unclean.starts == 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert supervisor.services[0].state == "stopped"
