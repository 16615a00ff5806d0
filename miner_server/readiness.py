"""Whether this miner can answer: what its backend reports, and how the last challenges went."""

import asyncio
import logging
import math
import time

from msgspec import Struct

from engine.text import safe
from miner_server.backends.interface import PROOF, PROOF_S, Backend, require_answer
from miner_server.errors import BackendError, OutOfRoom, RequestUnfit

log = logging.getLogger(__name__)

FAILURES = 3
"""This many in a row are not a coincidence."""

CALLERS = 2
"""One caller's failures alone may be due to its requests."""

SAYS_NOTHING = (RequestUnfit, OutOfRoom)
"""Failures caused by the request, whatever the backend."""

READINESS_S = 0.5
PROVE_AGAIN_S = 10.0
"""How often the backend is asked whether it is ready, and how long after a proof one that failed is proven again."""

FORGIVEN_S = 30.0
"""After this long without another one, failures no longer send challenges elsewhere: the backend may be well again."""

WHY_WIDTH = 300
"""Characters kept of why the miner cannot answer."""

STARTING = "starting"
NOT_READY = "the backend is not ready"
FAILS = "the backend fails"


class Unready(Struct, frozen=True):
    """Why no challenge is being answered: `said` is for callers, in our own words, `why` for the operator."""

    said: str
    why: str


class Readiness:
    """One backend's readiness. Report each challenge as `answered` or `failed`, and `refresh` it regularly.

    A backend that keeps failing is asked a question of our own. If it does not answer that, or has failed more than one
    caller, it gets no challenges until it does.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._says = STARTING
        self._unanswered = 0
        self._in_a_row = 0
        self._failed_at = -math.inf
        self._failed = 0
        self._callers: set[str] = set()
        self._is_disproved = False
        self._fault = ""
        self._prove_at = 0.0

    @property
    def unready(self) -> Unready | None:
        """None if challenges are being answered."""
        if self._says:
            return Unready(NOT_READY, self._says)
        if not self._failed:
            return None
        is_out = self._is_suspect and (len(self._callers) >= CALLERS or self._is_disproved)
        return Unready(FAILS, self._failing()) if is_out else None

    @property
    def trouble(self) -> str:
        """What the operator has to know: why nothing is being answered, or that nothing was. "" if all is well, or
        until the backend has been asked for the first time."""
        if self._says:
            return "" if self._says == STARTING else self._says
        return self._failing() if self._unanswered >= FAILURES else ""

    @property
    def failed_lately(self) -> int:
        """How many challenges in a row it failed, unless that may be chance; a proof does not make up for them."""
        lately = time.monotonic() - self._failed_at < FORGIVEN_S
        return self._in_a_row if lately and self._in_a_row >= FAILURES else 0

    def answered(self) -> None:
        self._unanswered = self._in_a_row = 0
        self._acquit()

    def failed(self, error: BackendError, caller: str) -> None:
        """A challenge from `caller` that the backend did not answer."""
        self._unanswered += 1
        self._fault = safe(str(error), WHY_WIDTH)
        if not isinstance(error, SAYS_NOTHING):
            self._failed += 1
            self._in_a_row += 1
            self._failed_at = time.monotonic()
            self._callers.add(caller)

    async def refresh(self) -> None:
        """Ask the backend once whether it can answer, and have it prove that if it has been failing."""
        try:
            says = safe(await self._backend.readiness(), WHY_WIDTH)
        except Exception:
            log.exception("cannot ask the backend %s whether it is ready", self._backend.name)
            says = "the backend failed: see the log"
        if says != self._says:
            log.info("backend %s: %s", self._backend.name, says or "ready")
        self._says = says
        if not says and self._is_suspect and time.monotonic() >= self._prove_at:
            await self._prove()
            self._prove_at = time.monotonic() + PROVE_AGAIN_S

    async def watch(self) -> None:
        """Keep asking the backend; runs until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(READINESS_S)

    @property
    def _is_suspect(self) -> bool:
        return self._failed >= FAILURES

    def _acquit(self) -> None:
        self._failed, self._callers, self._is_disproved = 0, set(), False

    async def _prove(self) -> None:
        try:
            async with asyncio.timeout(PROOF_S):
                require_answer(await self._backend.complete(PROOF, timeout=PROOF_S), PROOF)
        except OutOfRoom:  # it used up its tokens thinking, so it works
            self._acquit()
        except TimeoutError:
            self._fault, self._is_disproved = f"no answer within {PROOF_S:g} s", True
        except BackendError as error:
            self._fault, self._is_disproved = safe(str(error), WHY_WIDTH), True
        except Exception:
            log.exception("the backend %s failed", self._backend.name)
            self._is_disproved = True
        else:
            self._acquit()

    def _failing(self) -> str:
        return f"the last challenges failed: {self._fault}"
