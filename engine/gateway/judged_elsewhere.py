"""Rounds that are asked here and judged by a validator elsewhere, and that validator's side."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec

from engine.challenges.kinds.registry import kind
from engine.errors import StoreError
from engine.gateway.messages import ASKED, Judged, ToJudge, read_to_judge, write
from engine.streams.interface import HOLD_EVERY_S, Entry, StreamFull, Streams, StreamsGone
from engine.validator.dispatch import Dispatch, Excuse, OnText
from engine.validator.selection import Candidate
from engine.values import AskedRound, Challenge, Reply, Round

log = logging.getLogger(__name__)

JUDGED_WITHIN_S = 60.0
"""A round waits for those before it; a validator that takes longer is away."""

MOST_AT_ONCE = 64
TAKE_S = 1.0
AGAIN_S = 1.0
"""Rounds judged at once; a read of the stream blocks this long; and so long a failed one waits for its next try."""


class JudgedElsewhere:
    """`Rounds` of a worker: `box` is where it hears of judgements."""

    def __init__(self, dispatch: Dispatch, streams: Streams, box: str) -> None:
        self._dispatch = dispatch
        self._asked = streams.stream(ASKED)
        self._box = box
        self._waiting: dict[str, asyncio.Future[Judged]] = {}

    async def run(
        self,
        challenge: Challenge,
        miners: Sequence[Candidate],
        on_reply: Callable[[Reply], None],
        *,
        on_text: OnText | None = None,
        excuse: Excuse | None = None,
        urgent: bool = False,  # noqa: ARG002 the validator decides what comes first
    ) -> Round | None:
        """Ask, and have the round judged. None if nobody judges it in time."""
        at, began = time.time(), time.monotonic()
        limit = kind(challenge.kind).reply_limit
        replies = await self._dispatch.ask(
            challenge, miners, reply_limit=limit, on_reply=on_reply, on_text=on_text, excuse=excuse
        )
        asked = AskedRound(challenge=challenge, replies=replies, at=at, ms=(time.monotonic() - began) * 1000)
        judged = await self._judged(asked)
        if judged is None or judged.judgement is None:
            return None
        return Round(
            challenge=challenge,
            replies=replies,
            judgement=judged.judgement,
            started_at=at,
            duration_ms=(time.monotonic() - began) * 1000,
            over_cap=judged.over_cap,
        )

    def hear(self, judged: Judged) -> None:
        """A judgement has come."""
        waiting = self._waiting.get(judged.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(judged)

    async def _judged(self, asked: AskedRound) -> Judged | None:
        id = asked.challenge.id
        waiting: asyncio.Future[Judged] = asyncio.get_running_loop().create_future()
        self._waiting[id] = waiting
        try:
            async with asyncio.timeout(JUDGED_WITHIN_S):
                await self._hand_in(asked)
                return await waiting
        except TimeoutError:
            log.warning("a round is not judged: no validator did it within %g s", JUDGED_WITHIN_S)
            return None
        except StreamFull as full:
            log.warning("a round is not judged: %s", full)
            return None
        finally:
            del self._waiting[id]

    async def _hand_in(self, asked: AskedRound) -> None:
        while True:
            try:
                await self._asked.add(write(ToJudge(self._box, asked)))
                return
            except StreamsGone:
                await asyncio.sleep(AGAIN_S)


class Settling(Protocol):
    """What judges rounds: `engine.validator.round_runner.RoundRunner`."""

    async def settle(self, asked: AskedRound) -> Round | None:
        """Judge and record it. None if it is known already or cannot be judged. Raises StoreError."""
        ...


class JudgeForOthers:
    """A service of the validator: judges what workers have asked."""

    def __init__(self, name: str, streams: Streams, rounds: Settling) -> None:
        self._name = name
        self._streams = streams
        self._asked = streams.stream(ASKED)
        self._rounds = rounds
        self._going: dict[str, asyncio.Task[None]] = {}

    async def run(self, started: Callable[[], None]) -> None:
        started()
        was_away = False
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hold())
                while True:
                    try:
                        await self._take()
                        was_away = False
                    except StreamsGone as gone:
                        if not was_away:
                            log.warning("workers' rounds are not judged: %s", gone)
                        was_away = True
                        await asyncio.sleep(AGAIN_S)
        finally:
            for task in self._going.values():
                task.cancel()
            await asyncio.gather(*self._going.values(), return_exceptions=True)

    async def _take(self) -> None:
        if len(self._going) >= MOST_AT_ONCE:
            await asyncio.wait(self._going.values(), return_when=asyncio.FIRST_COMPLETED)
        for entry in await self._asked.take(self._name, MOST_AT_ONCE - len(self._going), TAKE_S):
            if entry.id in self._going:  # it was late with its signs of life
                continue
            task = asyncio.create_task(self._settle(entry))
            self._going[entry.id] = task
            task.add_done_callback(partial(self._done, entry.id))

    def _done(self, id: str, _: asyncio.Task[None]) -> None:
        del self._going[id]

    async def _settle(self, entry: Entry) -> None:
        """Judge a round once, whatever happens in between: it is finished when it is recorded, or waits to be."""
        try:
            given = read_to_judge(entry.body)
        except msgspec.DecodeError as error:
            log.error("a worker's round cannot be read and is dropped: %s", error)
            await self._finish(entry, "", b"")
            return
        while True:
            try:
                judged = await self._rounds.settle(given.asked)
                break
            except StoreError as error:
                log.error("a worker's round waits for the store: %s", error)
                await asyncio.sleep(AGAIN_S)
        told = Judged(
            id=given.asked.challenge.id,
            judgement=None if judged is None else judged.judgement,
            over_cap=frozenset() if judged is None else judged.over_cap,
        )
        await self._finish(entry, given.box, write(told))

    async def _finish(self, entry: Entry, box: str, message: bytes) -> None:
        while True:
            try:
                await self._asked.finish(self._name, entry.id, box, message)
                return
            except StreamsGone:
                await asyncio.sleep(AGAIN_S)

    async def _hold(self) -> None:
        while True:
            try:
                await self._asked.hold(self._name, tuple(self._going))
            except StreamsGone:
                log.debug("Redis is away")
            await asyncio.sleep(HOLD_EVERY_S)
