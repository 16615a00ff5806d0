"""Requests that are sent again: with one `Idempotency-Key`, a request is answered and charged once.

A client whose connection broke cannot know if it was answered. It sends the same again under the same key and gets the
answer that there is, or that of the request still under way. Kept in memory only, for an hour.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from hashlib import sha256

from msgspec import Struct

from engine.transport.dialect import Response
from engine.transport.errors import RETRY_S
from miner_server.openai.errors import ApiError

HEADER = b"idempotency-key"
REPEATED = (b"idempotent-replayed", b"true")
"""Stripe's header for the same."""

LONGEST_KEY = 255
"""As long as Stripe's keys."""

KEPT_S = 3600.0
MOST_KEPT = 1000
MOST_BYTES = 32 * 1024 * 1024
"""Answers are kept for an hour, which outlasts any client's retries, and fewer if they would take too much memory."""


class KeptResponse(Struct, frozen=True):
    """`now` is what is left to send of an answer, `again` the whole of it."""

    now: Response
    again: Response


class Repeats:
    """The answers by bearer and key, the oldest first."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._entries: OrderedDict[tuple[str, str], _Repeat] = OrderedDict()
        self._bytes = 0

    async def once(
        self,
        place: tuple[str, str],
        body: bytes,
        ask: Callable[[], Awaitable[KeptResponse]],
        patience: Callable[[], AbstractContextManager[None]],
    ) -> tuple[Response, bool]:
        """The answer, and whether it had been given, or asked for, before. What fails may be asked again.

        `place` is the bearer and its key for this request; `patience` bounds the wait for the same one under way.

        Raises ApiError for a key that is none, or belongs to another request; and what `ask` and `patience` raise.
        """
        if not 0 < len(place[1]) <= LONGEST_KEY:
            raise ApiError(400, f"an Idempotency-Key has 1 to {LONGEST_KEY} characters")
        digest = sha256(body).digest()
        self._forget_old()
        while (entry := self._entries.get(place)) is not None:
            if entry.digest != digest:
                raise ApiError(
                    422,
                    "this Idempotency-Key was sent with another request: use a new one",
                    code="idempotency_key_reused",
                )
            try:
                with patience():
                    await entry.done.wait()
            except TimeoutError:
                raise ApiError(409, "this request is still being answered", retry_after=RETRY_S) from None
            if entry.answer is not None:
                headers = (*entry.answer.headers, REPEATED)
                return entry.answer._replace(headers=headers), True
        entry = self._entries[place] = _Repeat(digest, self._clock())
        try:
            answered = await ask()
            entry.answer = answered.again
            self._bytes += len(answered.again.body)
        finally:
            if entry.answer is None:
                del self._entries[place]
            entry.done.set()
        return answered.now, False

    def _forget_old(self) -> None:
        """Those still under way stay."""
        for place, entry in list(self._entries.items()):
            is_old = entry.at < self._clock() - KEPT_S
            if not (is_old or len(self._entries) >= MOST_KEPT or self._bytes > MOST_BYTES):
                return
            if entry.answer is not None:
                self._bytes -= len(entry.answer.body)
                del self._entries[place]


class _Repeat:
    def __init__(self, digest: bytes, at: float) -> None:
        self.digest = digest
        self.at = at
        self.done = asyncio.Event()
        self.answer: Response | None = None
