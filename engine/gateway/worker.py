"""An asking worker: takes users' requests, has miners answer them, and sends the answers to the gateways."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import partial

import msgspec

from engine.gateway.desk import OrganicError, RoutedRequest
from engine.gateway.judged_elsewhere import JudgedElsewhere
from engine.gateway.messages import (
    REQUESTS,
    Answered,
    Judged,
    MoreText,
    RequestRefused,
    Unwanted,
    Wanted,
    failure_of,
    read_to_worker,
    read_wanted,
    write,
)
from engine.gateway.organic import Organic
from engine.streams.interface import HOLD_EVERY_S, Entry, Streams, StreamsGone

log = logging.getLogger(__name__)

MOST_AT_ONCE = 256
AT_A_TIME = 8
"""Requests that one worker takes before another may: a burst is for all of them."""

TRIES = 3
"""Workers that may die of one request; it is refused then, as it may be the cause."""

TAKE_S = 1.0
AGAIN_S = 0.5
"""A read of the stream blocks this long, and a failed one is tried again after this pause."""


class AskingWorker:
    """A service. Its `name` is also that of its box, and nobody else has it."""

    def __init__(self, name: str, streams: Streams, organic: Organic, rounds: JudgedElsewhere) -> None:
        self._name = name
        self._streams = streams
        self._requests = streams.stream(REQUESTS)
        self._organic = organic
        self._rounds = rounds
        self._going: dict[str, tuple[str, asyncio.Task[None]]] = {}
        """By the id of an entry: the id of its request, and the work on it."""
        self._free = asyncio.Event()

    async def run(self, started: Callable[[], None]) -> None:
        started()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._again(self._take))
                group.create_task(self._again(self._hold))
                group.create_task(self._again(self._listen))
        finally:
            for _, task in self._going.values():
                task.cancel()
            await asyncio.gather(*(task for _, task in self._going.values()), return_exceptions=True)
            await self._organic.close()

    async def _again(self, step: Callable[[], Awaitable[None]]) -> None:
        """Step after step; after a pause where Redis is away."""
        while True:
            try:
                await step()
            except StreamsGone as gone:
                log.debug("waiting: %s", gone)
                await asyncio.sleep(AGAIN_S)

    async def _take(self) -> None:
        """The next requests, as many as there is room for."""
        room = MOST_AT_ONCE - len(self._going)
        if room <= 0:
            self._free.clear()
            await self._free.wait()
            return
        for entry in await self._requests.take(self._name, min(room, AT_A_TIME), TAKE_S):
            if entry.id in self._going:  # it was late with its signs of life
                continue
            try:
                wanted = read_wanted(entry.body)
            except msgspec.DecodeError as error:
                log.error("a request cannot be read and is dropped: %s", error)
                await self._requests.remove(entry.id)
                continue
            task = asyncio.create_task(self._answer(entry, wanted), name=f"request {wanted.id}")
            self._going[entry.id] = (wanted.id, task)
            task.add_done_callback(partial(self._done, entry.id))

    async def _hold(self) -> None:
        await self._requests.hold(self._name, tuple(self._going))
        await asyncio.sleep(HOLD_EVERY_S)

    async def _listen(self) -> None:
        for message in await self._streams.receive(self._name, TAKE_S):
            match read_to_worker(message):
                case Unwanted(id=id):
                    for entry, (wanted, task) in tuple(self._going.items()):
                        if wanted == id:
                            task.cancel()
                            await self._requests.remove(entry)
                case Judged() as judged:
                    self._rounds.hear(judged)

    async def _answer(self, entry: Entry, wanted: Wanted) -> None:
        if time.time() > wanted.until:
            await self._finish(entry, wanted, b"")
            return
        speech = _Speech(self._streams, wanted, self._name)
        errand = RoutedRequest(wanted.mode, kept=wanted.kept, on_round=speech.begin)
        speech.say("")
        told: Answered | RequestRefused
        try:
            if entry.times > TRIES:
                raise OrganicError(f"{TRIES} workers ended while they worked on it")
            reply = await self._organic.answer(errand, wanted.request, speech.say)
            told = Answered(id=wanted.id, worker=self._name, round=errand.round, reply=reply)
        except OrganicError as error:
            told = RequestRefused(id=wanted.id, worker=self._name, failure=failure_of(error), why=str(error))
        except Exception as error:
            log.exception("a user's request failed")
            told = RequestRefused(id=wanted.id, worker=self._name, failure="none", why=type(error).__name__)
        await speech.end()
        await self._finish(entry, wanted, write(told))

    async def _finish(self, entry: Entry, wanted: Wanted, message: bytes) -> None:
        """Tell the end of a request, unless another worker has it by now; again while Redis is away."""
        while time.time() <= wanted.until or not message:
            try:
                if not await self._requests.finish(self._name, entry.id, wanted.box if message else "", message):
                    log.info("a request was taken back, or another worker has it")
                return
            except StreamsGone:
                await asyncio.sleep(AGAIN_S)

    def _done(self, entry: str, _: asyncio.Task[None]) -> None:
        del self._going[entry]
        self._free.set()


class _Speech:
    """What a request's gateway hears before the answer is complete, in order."""

    def __init__(self, streams: Streams, wanted: Wanted, worker: str) -> None:
        self._streams = streams
        self._wanted = wanted
        self._worker = worker
        self._round = ""
        self._unsent: list[bytes] = []
        self._sending: asyncio.Task[None] | None = None

    def begin(self, round: str) -> None:
        self._round = round
        self.say("")

    def say(self, text: str) -> None:
        said = MoreText(id=self._wanted.id, worker=self._worker, round=self._round, text=text)
        self._unsent.append(write(said))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def end(self) -> None:
        """Everything is on its way."""
        if self._sending is not None:
            await self._sending

    async def _send(self) -> None:
        """Nothing may be left out: while Redis is away it waits."""
        while self._unsent and time.time() <= self._wanted.until:
            sent = tuple(self._unsent)
            try:
                await self._streams.post(self._wanted.box, sent)
                del self._unsent[: len(sent)]
            except StreamsGone:
                await asyncio.sleep(AGAIN_S)
