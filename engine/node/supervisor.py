"""Starts the services, watches them, and restarts failed ones with increasing delays."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol

from msgspec.structs import replace

from engine.feed import Feed
from engine.snapshot import About, ServiceState, ServiceView
from engine.text import safe

log = logging.getLogger(__name__)

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
"""Before a failed service starts again; doubled at each failure in a row."""

STABLE_AFTER_S = 120.0
"""Without a failure for this long, the next pause is the first one again."""

REASON_WIDTH = 300
"""Characters of a failure in a Snapshot; the log has it whole."""

RESTARTED = "the operator asked for a restart"


class Fatal(Exception):
    """An error that no restart can fix: it ends the run."""


class Service(Protocol):
    """A part of the engine that runs on its own."""

    async def run(self, started: Callable[[], None]) -> None:
        """Call `started` once it works, return when there is nothing left to do, and end promptly when cancelled."""
        ...


class Supervisor:
    """Runs services made by factories, which are called again for each restart."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._factories: Mapping[str, Callable[[], Service]] = {}
        self._views: dict[str, ServiceView] = {}
        self._steps: dict[str, asyncio.Task[None]] = {}
        """The current task of each service: its work, or its delay before a restart."""
        self._to_restart: set[str] = set()

    @property
    def services(self) -> tuple[ServiceView, ...]:
        """All services, in the order of their factories."""
        return tuple(self._views.values())

    async def run(self, factories: Mapping[str, Callable[[], Service]], *until: str) -> None:
        """Keep all services alive until one of those named has done its work, then stop the others.

        Re-raises a service's `Fatal`.
        """
        self._factories = factories
        self._views = {name: ServiceView(name=name, state="starting", since=time.time()) for name in factories}
        tasks = {name: asyncio.create_task(self._keep(name), name=name) for name in factories}
        try:
            waiting = set(tasks.values())
            while not any(tasks[name].done() for name in until):
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)

    def restart(self, name: str) -> bool:
        """Restart a service, without further delay if one was pending. False if no service of this name runs."""
        step = self._steps.get(name)
        if step is None or step.done():
            return False
        self._to_restart.add(name)
        step.cancel()
        return True

    async def _keep(self, name: str) -> None:
        """Run a service, again after each failure, until it is done or told to stop."""
        pause = FIRST_PAUSE_S
        began = time.monotonic()
        try:
            while (failure := await self._outcome(name)) is not None:
                if time.monotonic() - began > STABLE_AFTER_S:
                    pause = FIRST_PAUSE_S
                if failure != RESTARTED:
                    self._feed.raise_attention(
                        "error",
                        f"service {name}",
                        f"{name} failed and is being restarted: {failure}",
                        About("service", name),
                    )
                    self._now(name, "backing_off", failure)
                    await self._step(name, asyncio.sleep(pause))
                    pause = min(pause * 2, LONGEST_PAUSE_S)
                began = time.monotonic()
                self._views[name] = replace(self._views[name], restarts=self._views[name].restarts + 1)
                self._now(name, "starting", failure)
        except Fatal as error:
            self._now(name, "failed", str(error))
            raise
        except asyncio.CancelledError:
            self._now(name, "stopped", "asked to stop")
            raise
        self._now(name, "stopped", "done")

    async def _outcome(self, name: str) -> str | None:
        """Run a service to its end. Returns its error, or None when its work is done. Raises `Fatal`."""
        try:
            work = self._factories[name]().run(lambda: self._now(name, "running"))
            return RESTARTED if await self._step(name, work) else None
        except Fatal:
            raise
        except (Exception, asyncio.CancelledError) as error:
            asked_to_stop = _is_being_cancelled()
            if not (asked_to_stop and isinstance(error, asyncio.CancelledError)):
                log.exception("service %s failed", name)
            if asked_to_stop:
                raise asyncio.CancelledError from error
            return f"{type(error).__name__}: {error}"

    async def _step(self, name: str, work: Coroutine[Any, Any, None]) -> bool:
        """Await the next step of a service. True if a restart interrupted it; raises what the work raises."""
        self._steps[name] = asyncio.create_task(work, name=name)
        try:
            await self._steps[name]
        except (Exception, asyncio.CancelledError) as error:
            if name not in self._to_restart or _is_being_cancelled():
                raise
            if not isinstance(error, asyncio.CancelledError):
                log.exception("service %s failed while it was being stopped", name)
            return True
        finally:
            self._to_restart.discard(name)
        return False

    def _now(self, name: str, state: ServiceState, reason: str = "") -> None:
        reason = safe(reason, REASON_WIDTH)
        self._views[name] = replace(self._views[name], state=state, since=time.time(), reason=reason)
        self._feed.emit("service", name=name, state=state, reason=reason)


def _is_being_cancelled() -> bool:
    """Whether this task itself was cancelled, rather than something it awaited."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
