"""From a decrypted request to its completion: readiness, the queue, the deadline, and the status of failures.

A failure's status is chosen with existing validators in mind. They take 400 and 401 for a lost key, shake hands again
and resend; any other status is a plain failure. So nothing here is 400: 422 means that the request can never be
answered, 502 that the backend failed, 503 with Retry-After that it was not tried, 504 that time ran out.
"""

import logging
import time
from collections.abc import Callable

from msgspec.structs import replace

from engine.redaction import redact
from engine.text import safe
from engine.transport.errors import RETRY_S, Refusal
from engine.transport.wire import Completion
from engine.values import Request
from miner_server.backends.interface import Backend, Errand, Laned, OnText, require_answer
from miner_server.call import Call
from miner_server.errors import BackendError, BackendSlow, ClientGone, NoAnswer
from miner_server.fair_queue import FairQueue, QueueFull
from miner_server.limits import Limits
from miner_server.readiness import Readiness, Unready

log = logging.getLogger(__name__)

REASON_WIDTH = 300
MODEL_WIDTH = 120
"""Characters of a failure's reason and of a model's name, which come from the backend."""

LEFT_WAITING_S = 10.0
"""A caller that hangs up later than this had a reason: the least patient validators wait 12 s."""


class Answering:
    """One backend behind a fair queue. `weight` is how often a hotkey gets a turn, relative to others."""

    def __init__(self, backend: Backend, limits: Limits, weight: Callable[[str], float] = lambda _: 1.0) -> None:
        slots = min(limits.capacity, backend.lanes) if isinstance(backend, Laned) else limits.capacity
        self.backend = backend
        self.queue = FairQueue(slots=slots, waiting=limits.queue, waiting_per_caller=limits.queue_per_caller)
        self.readiness = Readiness(backend)
        self._weight = weight
        self._deadline_s = limits.answer_s

    @property
    def unready(self) -> Unready | None:
        """Why challenges are not being answered, or None if they are."""
        return self.readiness.unready

    def status(self) -> dict[str, object]:
        """What callers and monitors may know about this miner: whether it can answer, with what model, and its load."""
        return {
            "status": self.unready.said if self.unready else "ready",
            "backend": self.backend.name,
            "model": safe(self.backend.model, MODEL_WIDTH),
            "in_flight": self.queue.in_flight,
            "capacity": self.queue.slots,
            "queued": self.queue.queued,
            "queue_limit": self.queue.waiting,
        }

    def require_ready(self) -> None:
        """Raises Refusal 503 while challenges are not being answered."""
        unready = self.unready
        if unready is not None:
            raise Refusal(503, unready.said, gate="readiness")

    def require_room(self, hotkey: str) -> None:
        """Raises Refusal 503 if the queue has no room for this caller now."""
        try:
            self.queue.require_room(hotkey, self._weight(hotkey))
        except QueueFull as full:
            raise _no_room(full) from None

    async def answer(
        self,
        request: Request,
        call: Call,
        *,
        on_text: OnText | None = None,
        seconds: float | None = None,
        errand: Errand | None = None,
    ) -> Completion:
        """The completion, with `ms` from now to its end, within `seconds` or the usual deadline. `on_text` as for
        `Backend.complete`, which an `errand` replaces.

        Raises Refusal, or ClientGone if the caller hung up.
        """
        self.require_ready()
        deadline_s = seconds or self._deadline_s
        began = time.monotonic()
        started: float | None = None
        try:
            with call.patience(deadline_s):
                caller = call.caller
                await self.queue.enter(caller, self._weight(caller))
                started = time.monotonic()
                left = deadline_s - (started - began)
                completion = await self._complete(errand or self.backend, request, call, left, on_text)
        except QueueFull as full:
            raise _no_room(full) from None
        except TimeoutError:
            if started is None:
                raise Refusal(503, "no free slot before the deadline", gate="queue") from None
            raise self._refusal(BackendSlow(f"no answer within {deadline_s:g} s"), call) from None
        except ClientGone:
            has_waited = started is not None and time.monotonic() - started > LEFT_WAITING_S
            if has_waited and errand is None and not (call.stream and call.stream.has_begun):
                gone = BackendSlow(f"no answer within {LEFT_WAITING_S:g} s, then the caller hung up")
                self.readiness.failed(gone, call.caller)
            raise
        except BackendError as error:
            raise self._refusal(error, call) from None
        except Exception as error:
            self.readiness.failed(BackendError(f"{type(error).__name__}, see the log"), call.caller)
            raise
        self._note(completion, request, call)
        completion = replace(completion, ms=round((time.monotonic() - began) * 1000))
        call.answer = completion.text
        call.tokens = min(completion.usage.get("completion_tokens", 0), request.max_tokens)
        return completion

    async def _complete(
        self, way: Backend | Errand, request: Request, call: Call, timeout: float, on_text: OnText | None
    ) -> Completion:
        started = time.monotonic()
        try:
            return await way.complete(request, timeout=timeout, caller=call.hotkey or call.bearer, on_text=on_text)
        finally:
            self.queue.leave(time.monotonic() - started)

    def _note(self, completion: Completion, request: Request, call: Call) -> None:
        """An empty answer is left to the caller to judge, but the operator has to know that the model gives none."""
        try:
            require_answer(completion, request)
        except NoAnswer as empty:
            self.readiness.failed(empty, call.caller)
        else:
            self.readiness.answered()

    def _refusal(self, error: BackendError, call: Call) -> Refusal:
        """What a caller is told about a failure; the backend's own words are not passed on."""
        self.readiness.failed(error, call.caller)
        log.warning("backend %s: %s", self.backend.name, safe(redact(str(error)), REASON_WIDTH))
        wait = max(RETRY_S, error.again_in or 0.0) if error.status == 503 else None
        return Refusal(error.status, error.said, retry_after=wait)


def _no_room(full: QueueFull) -> Refusal:
    return Refusal(503, str(full), retry_after=full.retry_after, gate="queue")
