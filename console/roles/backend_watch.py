"""Tells the operator when the miner stops answering, or does so with less than it has, and when it recovers."""

import asyncio
import time
from collections.abc import Callable

from msgspec import Struct

from engine.feed import Feed
from engine.snapshot import About
from engine.values import Level

LOOK_S = 0.5
GRACE_S = 3.0
"""Trouble that passes sooner was a start or a hiccup: the packaged model loads within this time."""

AGAIN_S = 10.0
"""Changed trouble is reported again, but no more often than this."""


class Notice(Struct, frozen=True):
    """How trouble is told: its subject and level, the words before it, those when it is over, and what it is about."""

    subject: str
    level: Level
    lead: str
    over: str
    about: About = About("server")


NO_ANSWERS = Notice("backend", "error", "this miner does not answer: ", "this miner answers again")
FEWER_BACKENDS = Notice("backends", "warning", "", "all backends answer again")
NO_KEYS = Notice("API keys", "warning", "", "the API keys are in order again", About("setup"))


class BackendWatch:
    """A service. `trouble` says what is wrong, or "" if all is well."""

    def __init__(
        self,
        trouble: Callable[[], str],
        feed: Feed,
        words: Notice = NO_ANSWERS,
        *,
        look_s: float = LOOK_S,
        grace_s: float = GRACE_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self._trouble = trouble
        self._feed = feed
        self._words = words
        self._look_s = look_s
        self._grace_s = grace_s
        self._again_s = again_s

    async def run(self, started: Callable[[], None]) -> None:
        started()
        words = self._words
        told = ""
        tell_at = time.monotonic() + self._grace_s
        while True:
            trouble, now = self._trouble(), time.monotonic()
            if not trouble:
                if told:
                    self._feed.settle(words.subject, words.over)
                told, tell_at = "", now + self._grace_s
            elif trouble != told and now >= tell_at:
                if told:
                    self._feed.settle(words.subject, f"resolved: {told}")
                self._feed.hold_attention(words.level, words.subject, f"{words.lead}{trouble}", words.about)
                told, tell_at = trouble, now + self._again_s
            await asyncio.sleep(self._look_s)
