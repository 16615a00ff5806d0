"""A gateway's desk in a process of its own: users' requests go to asking workers, and their answers come back."""

import asyncio
import logging
import time
from collections.abc import Callable
from uuid import uuid4

import msgspec

from engine.gateway.desk import Broken, NobodyWilling, RoutedRequest
from engine.gateway.messages import (
    MINERS,
    REQUESTS,
    Answered,
    MoreText,
    RequestRefused,
    ToGateway,
    Unwanted,
    Wanted,
    read_miners,
    read_to_gateway,
    write,
)
from engine.streams.interface import StreamFull, Streams, StreamsGone
from engine.values import Reply, Request

log = logging.getLogger(__name__)

PATIENCE_S = 300.0
"""For an answer, as long as the door has."""

TAKEN_WITHIN_S = 10.0
"""A request that no worker takes is refused: SDKs try again then."""

AWAY_S = 5.0
"""So long may Redis be away before those who wait are refused."""

RECEIVE_S = 1.0
AGAIN_S = 0.5
LOOK_S = 1.0
"""A read of the box blocks this long; a failed one is tried again after this pause; and how often Redis is checked."""


class Relay:
    """A `RequestDesk`, and the service that reads its box: without that running, nothing is answered."""

    def __init__(self, streams: Streams, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._streams = streams
        self._requests = streams.stream(REQUESTS)
        self._box = f"gateway-{uuid4().hex}"
        self._clock = clock
        self._waiting: dict[str, _WaitingUser] = {}
        self._away_since: float | None = None
        self._trouble = "the validator's miners are not known yet"
        self._leaving: set[asyncio.Task[None]] = set()

    @property
    def unwilling(self) -> str:
        return self._trouble

    async def answer(
        self, errand: RoutedRequest, request: Request, on_text: Callable[[str], None] | None = None
    ) -> Reply:
        if self._trouble:
            raise NobodyWilling(self._trouble)
        wanted = Wanted(
            id=uuid4().hex,
            box=self._box,
            mode=errand.mode,
            kept=errand.kept,
            request=request,
            until=time.time() + PATIENCE_S,
        )
        waiting = self._waiting[wanted.id] = _WaitingUser(errand, on_text or (lambda _: None))
        entry = ""
        try:
            entry = await self._requests.add(write(wanted))
            async with asyncio.timeout(TAKEN_WITHIN_S):
                await waiting.taken.wait()
            return await waiting.reply
        except TimeoutError:
            raise NobodyWilling(f"no worker has taken the request within {TAKEN_WITHIN_S:g} s") from None
        except (StreamsGone, StreamFull) as error:
            raise NobodyWilling(str(error)) from error
        finally:
            del self._waiting[wanted.id]
            if not waiting.is_settled:
                self._leave(wanted.id, entry, waiting.worker)
            waiting.left.set()

    async def close(self) -> None:
        """Have what is not answered taken back."""
        answering = [waiting.left.wait() for waiting in self._waiting.values()]
        for waiting in self._waiting.values():
            waiting.fail(NobodyWilling("the gateway is stopping"))
        await asyncio.gather(*answering)
        await asyncio.gather(*self._leaving)

    async def run(self, started: Callable[[], None]) -> None:
        """The service: messages from workers, and whether there are miners."""
        started()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            group.create_task(self._look())

    async def _listen(self) -> None:
        while True:
            try:
                messages = await self._streams.receive(self._box, RECEIVE_S)
            except StreamsGone as gone:
                self._note_absence(str(gone))
                await asyncio.sleep(AGAIN_S)
                continue
            self._away_since = None
            for message in messages:
                try:
                    self._take(read_to_gateway(message))
                except msgspec.DecodeError as error:
                    log.error("a message from a worker cannot be read: %s", error)

    async def _look(self) -> None:
        """Keep up whether anything can be answered."""
        while True:
            try:
                pinned = await self._streams.look(MINERS)
                self._trouble = _trouble_of(pinned)
            except StreamsGone as gone:
                self._note_absence(str(gone))
            await asyncio.sleep(LOOK_S)

    def _note_absence(self, why: str) -> None:
        """Nothing new is taken; those who wait already are refused once it has lasted."""
        if not self._trouble:
            log.warning("requests are refused: %s", why)
        self._trouble = why
        now = self._clock()
        self._away_since = now if self._away_since is None else self._away_since
        if now - self._away_since >= AWAY_S:
            for waiting in self._waiting.values():
                waiting.fail(NobodyWilling(why))

    def _take(self, message: ToGateway) -> None:
        waiting = self._waiting.get(message.id)
        if waiting is not None:
            waiting.take(message)
        elif isinstance(message, MoreText):  # its user has left before it was taken
            self._leave(message.id, "", message.worker)

    def _leave(self, id: str, entry: str, worker: str) -> None:
        """Take a request back, and tell the worker that has it."""

        async def leave() -> None:
            try:
                if entry:
                    await self._requests.remove(entry)
                if worker:
                    await self._streams.post(worker, [write(Unwanted(id))])
            except StreamsGone as gone:
                log.info("a request cannot be taken back: %s", gone)

        leaving = asyncio.create_task(leave())
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)


class _WaitingUser:
    """A user who waits: `worker` is the one that works on the request now."""

    def __init__(self, errand: RoutedRequest, hear: Callable[[str], None]) -> None:
        self.taken = asyncio.Event()
        self.left = asyncio.Event()
        """Whether nobody waits for it any more."""
        self.worker = ""
        self.is_settled = False
        """Whether its worker is done with it."""
        self.reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._errand = errand
        self._hear = hear
        self._has_spoken = False

    def take(self, message: ToGateway) -> None:
        self.taken.set()
        if self.reply.done():
            return
        if message.worker != self.worker:
            if self._has_spoken:
                self.fail(Broken("the worker that had begun to answer is gone"))
                self.worker = message.worker
                return
            self.worker = message.worker
        match message:
            case MoreText(round=round, text=text):
                if round and round != self._errand.round:
                    self._errand.begin(round)
                if text:
                    self._has_spoken = True
                    self._hear(text)
            case Answered(round=round, reply=reply):
                self.is_settled = True
                self._errand.begin(round)
                self._errand.uid = reply.uid
                self.reply.set_result(reply)
            case RequestRefused():
                self.is_settled = True
                self.reply.set_exception(message.error)

    def fail(self, error: NobodyWilling | Broken) -> None:
        self.taken.set()
        if not self.reply.done():
            self.reply.set_exception(Broken(str(error)) if self._has_spoken else error)


def _trouble_of(pinned: bytes | None) -> str:
    if pinned is None:
        return "no validator tells which miners there are"
    try:
        known = read_miners(pinned)
    except msgspec.DecodeError:
        return "what the validator tells of its miners cannot be read: is it of another version?"
    return "" if any(not one.why_not for one in known) else "no miner of this subnet can be asked now"
