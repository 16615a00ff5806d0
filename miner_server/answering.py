"""From a request in clear to its completion: readiness, the caller's turn, the deadline, and what failures become.

A failure's status is chosen for the field's validators. They take 400 and 401 for a lost key, shake hands again and
send the same once more; every other status is a plain failure. So nothing here is 400: 422 says that the request can
never be answered, 502 that the backend failed, 503 with Retry-After that it was not tried, 504 that time ran out.
"""

import asyncio
import logging
import time

from msgspec.structs import replace

from engine.text import safe
from engine.transport.wire import Completion
from engine.values import Request
from miner_server.backends.interface import Backend, Laned
from miner_server.call import Call
from miner_server.errors import BackendError, BackendUnavailable, Refusal, RequestUnfit
from miner_server.fair_queue import FairQueue, QueueFull
from miner_server.limits import Limits

log = logging.getLogger(__name__)

READINESS_S = 0.5
RETRY_WHEN_READY_S = 5.0
REASON_WIDTH = 300
NOT_READY = "the backend is not ready"


class Answering:
    """One backend behind a fair queue.

    `unready` tells the operator why the backend cannot answer now, "" when it can; callers get to read `NOT_READY`,
    since the reason may name addresses inside.
    """

    def __init__(self, backend: Backend, limits: Limits) -> None:
        slots = min(limits.capacity, backend.lanes) if isinstance(backend, Laned) else limits.capacity
        self.backend = backend
        self.queue = FairQueue(slots=slots, waiting=limits.queue, waiting_per_caller=limits.queue_per_caller)
        self.unready = "starting"
        self._deadline_s = limits.answer_s

    async def watch(self) -> None:
        """Ask the backend again and again whether it can answer; runs until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(READINESS_S)

    async def refresh(self) -> None:
        """Ask the backend once whether it can answer."""
        try:
            unready = safe(await self.backend.readiness(), REASON_WIDTH)
        except Exception:
            log.exception("the backend %s could not say whether it is ready", self.backend.name)
            unready = "the backend failed; the log says how"
        if unready != self.unready:
            log.info("backend %s: %s", self.backend.name, unready or "ready")
        self.unready = unready

    def require_ready(self) -> None:
        """Raises Refusal 503 while the backend cannot answer."""
        if self.unready:
            raise Refusal(503, NOT_READY, retry_after=RETRY_WHEN_READY_S)

    async def answer(self, request: Request, call: Call) -> Completion:
        """The completion, with `ms` from now to its end. Raises Refusal, or ClientGone when the caller hung up."""
        self.require_ready()
        began = time.monotonic()
        waiting = True
        try:
            async with call.patience(self._deadline_s):
                await self.queue.enter(call.hotkey)
                waiting = False
                completion = await self._complete(request, call, began)
        except TimeoutError:
            if waiting:
                raise Refusal(503, "no turn came before the deadline", retry_after=RETRY_WHEN_READY_S) from None
            raise Refusal(504, f"no answer within {self._deadline_s:g} s") from None
        except QueueFull as full:
            raise Refusal(503, str(full), retry_after=full.retry_after) from None
        except BackendUnavailable as error:
            raise Refusal(503, _reason(error), retry_after=RETRY_WHEN_READY_S) from None
        except RequestUnfit as error:
            raise Refusal(422, _reason(error)) from None
        except BackendError as error:
            log.warning("backend %s: %s", self.backend.name, _reason(error))
            raise Refusal(502, _reason(error)) from None
        call.answer = completion.text
        call.tokens = completion.usage.get("completion_tokens", 0)
        return replace(completion, ms=round((time.monotonic() - began) * 1000))

    async def _complete(self, request: Request, call: Call, began: float) -> Completion:
        started = time.monotonic()
        try:
            left = self._deadline_s - (started - began)
            return await self.backend.complete(request, timeout=left, caller=call.hotkey)
        finally:
            self.queue.leave(time.monotonic() - started)


def _reason(error: BackendError) -> str:
    return safe(str(error), REASON_WIDTH)
