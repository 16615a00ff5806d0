"""Tells the operator when the miner stops answering, and when it recovers."""

import asyncio
import time
from collections.abc import Callable

from engine.feed import Feed

LOOK_S = 0.5
GRACE_S = 3.0
"""Trouble that passes sooner was a start or a hiccup: the packaged model loads within this time."""

AGAIN_S = 10.0
"""Changed trouble is reported again, but no more often than this."""

SUBJECT = "backend"


class BackendWatch:
    """A service. `trouble` says why the miner does not answer, or "" if it does."""

    def __init__(
        self,
        trouble: Callable[[], str],
        feed: Feed,
        *,
        look_s: float = LOOK_S,
        grace_s: float = GRACE_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self._trouble = trouble
        self._feed = feed
        self._look_s = look_s
        self._grace_s = grace_s
        self._again_s = again_s

    async def run(self, started: Callable[[], None]) -> None:
        started()
        told = ""
        tell_at = time.monotonic() + self._grace_s
        while True:
            trouble, now = self._trouble(), time.monotonic()
            if not trouble:
                if told:
                    self._feed.settle(SUBJECT, "this miner answers again")
                told, tell_at = "", now + self._grace_s
            elif trouble != told and now >= tell_at:
                if told:
                    self._feed.settle(SUBJECT, f"resolved: {told}")
                self._feed.hold_attention("error", SUBJECT, f"this miner does not answer: {trouble}")
                told, tell_at = trouble, now + self._again_s
            await asyncio.sleep(self._look_s)
