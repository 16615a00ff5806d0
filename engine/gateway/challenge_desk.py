"""A Challenge API's desk: challenges are kept, pushed to one validator after another, and answered by a batch."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec

from engine.errors import StoreError
from engine.feed import Feed
from engine.gateway.batch import Batch, read_batch, reply_of
from engine.gateway.challenge_book import ChallengeBook, Kept, Posed, Taking
from engine.gateway.desk import NobodyWilling, OrganicError, RoutedRequest, Unanswerable
from engine.gateway.pushed import Full, Repeated, read_pushed
from engine.gateway.pusher import Pusher
from engine.text import safe
from engine.transport.challenge_api import ChallengeApiError
from engine.transport.sealed_calls import Passing
from engine.values import Peer, Reply, Request

log = logging.getLogger(__name__)

MOST_WAITING = 500
PATIENCE_S = 600.0
"""How long a challenge is pushed: a validator may wait two minutes for miners alone."""

ANSWER_S = 150.0
"""How long one validator has: Loosh's asks for a minute and judges after it, ours may have a queue."""

TRIES = 3
"""Validators that a challenge goes to, one after another."""

AGAIN_S = 2.0
FORGET_EVERY_S = 600.0
SUBJECT = "challenges"


class ChallengeDesk:
    """A `RequestDesk` that answers by consensus, and the service that sees challenges through. Nothing is kept longer
    than `retention_s`."""

    def __init__(
        self,
        book: ChallengeBook,
        pusher: Pusher,
        feed: Feed,
        *,
        retention_s: float,
        answer_s: float = ANSWER_S,
        again_s: float = AGAIN_S,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._book = book
        self._pusher = pusher
        self._feed = feed
        self._retention_s = retention_s
        self._answer_s = answer_s
        self._again_s = again_s
        self._clock = clock
        self._going: dict[str, _Going] = {}
        self._busy: dict[str, int] = {}
        """How many challenges each validator has been given and not answered yet, by hotkey."""

    # -- challenges ------------------------------------------------------------------------------------------------

    async def pose(self, raw: Mapping[str, Any], requester: str) -> Posed:
        """Keep a challenge and push it. Raises Repeated, Full, msgspec.ValidationError, StoreError."""
        now, id = self._clock(), raw.get("id") or str(uuid4())
        stamped = {
            "created_at": datetime.fromtimestamp(now, UTC).replace(tzinfo=None).isoformat(),
            **raw,
            "id": id,
            "status": "available",
            "requester": requester,
        }
        pushed = read_pushed(stamped)
        body = msgspec.json.encode(stamped)
        posed = Posed(id=pushed.id, requester=requester, at=now, until=now + PATIENCE_S, body=body)
        match await self._book.add(posed, MOST_WAITING):
            case "known":
                raise Repeated(f"challenge {safe(posed.id, 64)} already exists")
            case "full":
                raise Full(f"{MOST_WAITING} challenges wait already")
        self._begin(posed)
        return posed

    async def settle(self, hotkey: str, raw: bytes) -> Taking:
        """What a validator answers. Raises msgspec.DecodeError, StoreError."""
        batch = read_batch(raw)
        if batch.validator_hotkey != hotkey:
            raise msgspec.ValidationError("validator_hotkey is not the hotkey that sealed this batch")
        taking = await self._book.answer(batch.challenge_id, hotkey, raw, self._clock())
        if taking == "taken" and (going := self._going.get(batch.challenge_id)):
            going.answered.set()
        return taking

    async def outcome(self, id: str, wait: float) -> Kept | None:
        """A challenge as it stands, once it is settled or after `wait` seconds. Raises StoreError."""
        going = self._going.get(id)
        if going is not None and wait > 0:
            await asyncio.wait((going.task,), timeout=wait)
        return await self._book.find(id)

    # -- a gateway's desk ------------------------------------------------------------------------------------------

    @property
    def unwilling(self) -> str:
        return self._pusher.why_none

    async def answer(
        self,
        errand: RoutedRequest,
        request: Request,
        on_text: Callable[[str], None] | None = None,  # noqa: ARG002 a judged answer comes whole
    ) -> Reply:
        errand.mode = "consensus"  # whatever was asked for: the answer's headers tell it
        if not errand.kept:
            raise Unanswerable("this key keeps nothing, and what is pushed to validators is kept by them")
        try:
            posed = await self.pose(challenge_of(request), "gateway")
        except Full as full:
            raise NobodyWilling(str(full)) from full
        except StoreError as error:
            raise NobodyWilling("challenges cannot be kept at the moment") from error
        except msgspec.ValidationError as error:
            raise Unanswerable(str(error)) from error
        errand.begin(posed.id)
        try:
            kept = await self.outcome(posed.id, PATIENCE_S)
        except asyncio.CancelledError:
            if posed.id in self._going:
                self._going[posed.id].task.cancel()
            await self._book.give_up(posed.id)
            raise
        batch = batch_of(kept)
        if batch is None:
            raise NobodyWilling("no validator has answered in time")
        if batch.best is None:
            raise OrganicError("the validator found no answer good enough")
        errand.uid = batch.best.miner_uid
        return reply_of(batch.best)

    async def close(self) -> None:
        """The service ends what is under way; the book has what is left."""

    # -- the service -----------------------------------------------------------------------------------------------

    async def run(self, started: Callable[[], None]) -> None:
        started()
        for posed in await self._book.waiting():
            if posed.id not in self._going:
                self._begin(posed)
        try:
            while True:
                await self._book.forget(self._clock() - self._retention_s)
                await asyncio.sleep(FORGET_EVERY_S)
        finally:
            tasks = [going.task for going in self._going.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, posed: Posed) -> None:
        answered = asyncio.Event()
        task = asyncio.create_task(self._see_through(posed, answered), name=f"challenge {posed.id[:64]}")
        self._going[posed.id] = _Going(answered, task)
        task.add_done_callback(lambda _: self._going.pop(posed.id, None))

    async def _see_through(self, posed: Posed, answered: asyncio.Event) -> None:
        """Until it is answered, or nobody is left to ask."""
        asked: set[str] = set()
        while not answered.is_set() and self._clock() < posed.until and len(asked) < TRIES:
            validator = self._next(asked)
            if validator is None:
                if asked:
                    break
                await _either(answered, self._again_s)
                continue
            try:
                await self._asked(validator, posed, answered)
                asked.add(validator.hotkey)
            except Passing as passing:
                log.info("a challenge goes to another validator: %s", passing)
            except ChallengeApiError as error:
                asked.add(validator.hotkey)
                log.warning("%s refuses a challenge: %s", validator.hotkey, error)
            except StoreError as error:
                self._feed.hold_attention("error", SUBJECT, str(error))
                await _either(answered, self._again_s)
        if not answered.is_set():
            await self._given_up(posed)

    async def _asked(self, validator: Peer, posed: Posed, answered: asyncio.Event) -> None:
        """Push it to one validator and wait for its batch. Raises ChallengeApiError, StoreError."""
        hotkey = validator.hotkey
        await self._book.note_push(posed.id, hotkey)  # before it: its batch may overtake the answer to the push
        self._busy[hotkey] = self._busy.get(hotkey, 0) + 1
        try:
            await self._pusher.push(validator, posed.body)
            await _either(answered, min(self._answer_s, posed.until - self._clock()))
        finally:
            self._busy[hotkey] -= 1

    def _next(self, asked: set[str]) -> Peer | None:
        """The one with the least to do that has not been asked."""
        ready = [one for one in self._pusher.ready if one.hotkey not in asked]
        return min(ready, key=lambda one: self._busy.get(one.hotkey, 0), default=None)

    async def _given_up(self, posed: Posed) -> None:
        try:
            await self._book.give_up(posed.id)
        except StoreError as error:
            self._feed.hold_attention("error", SUBJECT, str(error))
        why = self._pusher.why_none or "no validator has answered in time"
        self._feed.raise_attention("warning", SUBJECT, f"{safe(posed.id, 64)} is not answered: {why}")


class _Going:
    def __init__(self, answered: asyncio.Event, task: "asyncio.Task[None]") -> None:
        self.answered = answered
        self.task = task


def challenge_of(request: Request) -> dict[str, Any]:
    """A user's request as a challenge; what is not set is left to the validator."""
    given = {
        "prompt": request.prompt,
        "messages": list(request.messages) or None,
        "tools": list(request.tools) or None,
        "tool_choice": request.tool_choice,
        "model": request.model or None,
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "response_format": request.response_format,
        "stop": list(request.stop) or None,
        "seed": request.seed,
    }
    return {name: value for name, value in given.items() if value is not None}


def batch_of(kept: Kept | None) -> Batch | None:
    """The batch that answers it, if there is one."""
    return read_batch(kept.batch) if kept is not None and kept.stage == "answered" else None


async def _either(answered: asyncio.Event, seconds: float) -> None:
    """Wait for an answer, at most so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            await answered.wait()
    except TimeoutError:
        pass
