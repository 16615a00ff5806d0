"""Several backends behind the interface of one: the least loaded answers, and another takes over when it fails.

Each is watched for ever. One that cannot answer, or that keeps failing and cannot prove otherwise (`readiness`), gets
no requests until it can.
"""

import asyncio
import logging
import math
import time
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from engine.redaction import url_shown
from engine.text import safe
from engine.transport.wire import Completion
from engine.values import Request
from miner_server.backends.abilities import abilities, needs
from miner_server.backends.interface import Backend, Laned, OnText, require_answer
from miner_server.backends.pauses import PAUSES_S, pause_after
from miner_server.errors import BackendError, BackendSlow, BackendUnavailable, NoAnswer, RequestUnfit
from miner_server.readiness import Readiness

log = logging.getLogger(__name__)

SHARE = 0.25
"""Of the time that is left, before another member is asked as well: of a challenge's 55 s, longer than answers take."""

LEFT_WAITING_S = 10.0
"""A caller that gives up later than this had a reason: the least patient validators wait 12 s."""


class Member:
    """One backend of a pool. `place` tells the operator which: the backend's name, and its address if it has one."""

    def __init__(self, backend: Backend, place: str = "") -> None:
        self.backend = backend
        self.place = url_shown(place) or backend.name
        self.readiness = Readiness(backend)
        self._lanes = backend.lanes if isinstance(backend, Laned) else math.inf
        self._working = 0

    @property
    def lanes(self) -> float:
        """How many requests it works on at once; infinity if it does not say."""
        return self._lanes

    @property
    def load(self) -> tuple[bool, int]:
        """Whether all lanes are taken, and on how many requests it works; each that it failed lately is as good as one.

        One that fails fast is never busy, and would get the most.
        """
        return self._working >= self._lanes, self._working + self.readiness.failed_lately

    def ask(self, request: Request, *, timeout: float, caller: str, on_text: OnText | None) -> asyncio.Task[Completion]:
        """As a backend's `complete`; how it went is noted."""
        self._working += 1  # not by the task, which has not begun when the next request looks for a member
        task = asyncio.create_task(self._complete(request, timeout=timeout, caller=caller, on_text=on_text))
        task.add_done_callback(self._leave)
        return task

    def _leave(self, _: asyncio.Task[Completion]) -> None:
        self._working -= 1

    async def _complete(self, request: Request, *, timeout: float, caller: str, on_text: OnText | None) -> Completion:
        began = time.monotonic()
        try:
            completion = await self.backend.complete(request, timeout=timeout, caller=caller, on_text=on_text)
        except BackendError as error:
            self.readiness.failed(error, caller)
            raise
        except asyncio.CancelledError:
            waited = time.monotonic() - began
            if waited > min(timeout, LEFT_WAITING_S):
                self.readiness.failed(BackendSlow(f"no answer within {waited:.0f} s"), caller)
            raise
        try:
            require_answer(completion, request)
        except NoAnswer as empty:
            self.readiness.failed(empty, caller)
        else:
            self.readiness.answered()
        return completion


class Pool:
    """A backend made of several. It is ready while one of them is."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._members = tuple(members)
        self._watching: list[asyncio.Task[None]] = []
        names = Counter(member.backend.name for member in members)
        self.name = ", ".join(f"{count} × {name}" if count > 1 else name for name, count in names.items())

    @property
    def members(self) -> Sequence[Member]:
        return self._members

    @property
    def model(self) -> str:
        return next(iter(self.models), "")

    @property
    def models(self) -> tuple[str, ...]:
        """The models of all members that are ready, or of all if none is."""
        members = [member for member in self._members if not member.readiness.unready] or self._members
        return tuple(dict.fromkeys(filter(None, (member.backend.model for member in members))))

    @property
    def can(self) -> frozenset[str]:
        """What at least one member can."""
        return frozenset().union(*(abilities(member.backend) for member in self._members))

    def able(self, model: str) -> tuple[frozenset[str], ...]:
        """What each member can that would be asked for this model now."""
        return tuple(abilities(member.backend) for member in self._serving(model) or self._members)

    @property
    def lanes(self) -> int:
        """Of all members together; without end if one of them does not say."""
        lanes = sum(member.lanes for member in self._members)
        return int(min(lanes, 2**31))

    @property
    def trouble(self) -> str:
        """Which members cannot answer, for the operator, while others can; "" if all can, or none."""
        out = [member for member in self._members if member.readiness.unready]
        if not out or len(out) == len(self._members):
            return ""
        return f"{len(out)} of {len(self._members)} backends cannot answer: {_reasons(out)}"

    async def readiness(self) -> str:
        if not self._watching:
            self._watching = [asyncio.create_task(member.readiness.watch()) for member in self._members]
            await asyncio.sleep(0)  # lets a member that is ready at once become so
        if any(not member.readiness.unready for member in self._members):
            return ""
        return _reasons(self._members)

    async def complete(
        self,
        request: Request,
        *,
        timeout: float,
        caller: str = "",
        on_text: OnText | None = None,
    ) -> Completion:
        """Each member is asked once, the least loaded first, and all of them again after a pause while the deadline
        allows it. What the caller has heard the beginning of is not asked again."""
        until = time.monotonic() + timeout
        floor = _Floor(on_text)
        for pause in (*PAUSES_S, math.inf):
            try:
                return await self._ask(request, until, caller, floor)
            except (RequestUnfit, NoAnswer):
                raise
            except BackendError as error:
                wait = None if floor.is_taken else pause_after(error, pause, until)
                if wait is None:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("the last pause ends it")

    async def _ask(self, request: Request, until: float, caller: str, floor: "_Floor") -> Completion:
        """The next member is asked when one has failed, or has said nothing for its share of the time. A slow one is
        not given up for that: the first that answers, or begins to, is listened to, and the others are left."""
        left, asking = self._in_turn(request), dict[asyncio.Task[Completion], Member]()
        error: BackendError = BackendUnavailable(f"no backend is ready: {_reasons(self._members)}")
        try:
            while left or asking:
                seconds = until - time.monotonic()
                if left and not floor.is_taken:
                    member = left.pop(0)
                    task = member.ask(request, timeout=seconds, caller=caller, on_text=floor.of(member))
                    asking[task] = member
                share = seconds * SHARE if left else None
                awaited: list[asyncio.Future[Any]] = [*asking, floor.taken]
                await asyncio.wait(awaited, timeout=share, return_when=asyncio.FIRST_COMPLETED)
                if floor.is_taken:
                    return await self._listen(asking, floor)
                for task in [task for task in asking if task.done()]:
                    member = asking.pop(task)
                    try:
                        return task.result()
                    except (RequestUnfit, NoAnswer):
                        raise
                    except BackendError as failed:
                        log.info("%s failed, another backend is asked: %s", member.place, failed)
                        error = failed
            raise error
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)

    async def _listen(self, asking: dict[asyncio.Task[Completion], Member], floor: "_Floor") -> Completion:
        """To the one that speaks."""
        for task, member in asking.items():
            if not floor.has(member):
                task.cancel()
        return await next(task for task, member in asking.items() if floor.has(member))

    async def close(self) -> None:
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        for member in self._members:
            await member.backend.close()

    def _in_turn(self, request: Request) -> list[Member]:
        """The ready members that suit a request best, the least loaded first.

        Those that serve the model asked for go before others, and those that can do what it asks for.
        """
        named = self._serving(request.model)
        needed = frozenset(needs(request))
        able = [member for member in named if needed <= abilities(member.backend)] or named
        return sorted(able, key=lambda member: member.load)

    def _serving(self, model: str) -> list[Member]:
        """The ready members that serve this model, or all that are ready if none does."""
        ready = [member for member in self._members if not member.readiness.unready]
        return [member for member in ready if member.backend.model == model] or ready


class _Floor:
    """Who of several may speak to the caller: the first that says something."""

    def __init__(self, on_text: OnText | None) -> None:
        self._on_text = on_text
        self.taken: asyncio.Future[Member] = asyncio.get_running_loop().create_future()

    @property
    def is_taken(self) -> bool:
        return self.taken.done()

    def has(self, member: Member) -> bool:
        return self.is_taken and self.taken.result() is member

    def of(self, member: Member) -> OnText | None:
        """Where this member speaks."""
        return None if self._on_text is None else partial(self._say, self._on_text, member)

    def _say(self, on_text: OnText, member: Member, text: str, logprobs: Sequence[dict[str, Any]] = (), /) -> None:
        if not self.is_taken:
            self.taken.set_result(member)
        if self.has(member):
            on_text(text, logprobs)


def _reasons(members: Sequence[Member]) -> str:
    told = ((member.place, member.readiness.unready) for member in members)
    return "; ".join(f"{safe(place)}: {unready.why}" for place, unready in told if unready is not None)
