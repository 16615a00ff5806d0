"""Forwards attention lines to the operator: gathered, at a bounded rate, and again until they arrive."""

import asyncio
import logging
import socket
import time
from collections.abc import Callable

from msgspec import Struct

from engine.alerts.message import AlertLine, message
from engine.alerts.quiet_hours import QuietHours
from engine.alerts.ways import Way
from engine.feed import ATTENTIONS_KEPT, Feed
from engine.limit import RollingLimit
from engine.values import Level

log = logging.getLogger(__name__)

SUBJECT = "alerts"
"""Subject of the attention line while nothing gets through, which is not sent itself."""

LOOK_S = 0.5
GATHER_S = 10.0
"""Minimum gap between messages, so that related lines share one."""

HOUR_S = 3600.0
PAUSES_S = (2.0, 10.0, 60.0, 300.0)
"""Before a message that did not arrive is sent again; the last pause is repeated for ever."""

TOLD_AFTER = 2
"""Failures in a row until the operator is told: one may be a restart at the other end."""

LAST_WORDS_S = 1.5
"""For what ended the run: a stop is promised within 3 s."""

RANKS: dict[Level, int] = {"info": 0, "warning": 1, "error": 2}


class Rules(Struct, frozen=True):
    """What is sent: lines from `least` on, in at most `per_hour` messages; in `quiet` hours errors alone."""

    least: Level = "warning"
    per_hour: int = 20
    quiet: QuietHours | None = None


class Alerts:
    """A service over the attention lines of a feed. Each is sent once, acknowledged or not, and again when its text
    changes; its end is sent if the line was."""

    def __init__(self, feed: Feed, way: Way, rules: Rules) -> None:
        self._feed = feed
        self._way = way
        self._rules = rules
        self._heard = 0
        self._waiting: dict[tuple[str, str], AlertLine] = {}
        self._told: dict[str, None] = {}
        """Subjects of which a line was sent that is not over."""
        self._sent = RollingLimit(rules.per_hour, HOUR_S)
        self._not_before = 0.0
        self._failures = 0

    async def run(self, started: Callable[[], None]) -> None:
        """Send until cancelled; then errors that wait have one last chance."""
        started()
        try:
            while True:
                await self.look(time.time())
                await asyncio.sleep(LOOK_S)
        except asyncio.CancelledError:
            await self._last_words()
            raise
        finally:
            await self._way.close()

    async def look(self, now: float) -> None:
        """Hear what is new, and send what is due at `now` (unix seconds)."""
        self._hear()
        due = [line for line in self._waiting.values() if self._may_go(line, now)]
        if not due or now < self._not_before or self._sent.is_reached(now):
            return
        failed = await self._send(due)
        if failed:
            self._keep(failed, now)
        else:
            self._done(due, now)

    def _hear(self) -> None:
        batch = self._feed.events_after(self._heard)
        if batch.missed:
            for one in self._feed.attention:
                self._take(AlertLine(one.at, one.level, one.subject, one.text))
        for event in batch.events:
            self._heard = event.seq
            if event.name == "attention":
                fields = event.fields
                self._take(AlertLine(event.at, fields["level"], fields["subject"], fields["text"]))

    def _take(self, line: AlertLine) -> None:
        if line.subject == SUBJECT:
            return
        if RANKS[line.level] >= RANKS[self._rules.least]:
            self._wait(line)
        elif not self._stands(line.subject):
            for key in [key for key, held in self._waiting.items() if key[0] == line.subject and not held.is_over]:
                del self._waiting[key]
            if line.subject in self._told:
                del self._told[line.subject]
                self._wait(AlertLine(line.at, line.level, line.subject, line.text, is_over=True))

    def _wait(self, line: AlertLine) -> None:
        """The newest lines; a subject with a thousand texts does not crowd out memory."""
        self._waiting.pop((line.subject, line.text), None)
        self._waiting[line.subject, line.text] = line
        if len(self._waiting) > ATTENTIONS_KEPT:
            del self._waiting[next(iter(self._waiting))]

    def _stands(self, subject: str) -> bool:
        """Whether something of this subject still needs a person."""
        least = RANKS[self._rules.least]
        return any(one.subject == subject and RANKS[one.level] >= least for one in self._feed.attention)

    def _may_go(self, line: AlertLine, now: float) -> bool:
        quiet = self._rules.quiet
        return line.level == "error" or quiet is None or not quiet.hold(now)

    async def _send(self, lines: list[AlertLine]) -> str:
        return await self._way.send(message(self._feed.snapshot, socket.gethostname(), lines))

    def _done(self, lines: list[AlertLine], now: float) -> None:
        for line in lines:
            if self._waiting.get((line.subject, line.text)) is line:
                del self._waiting[line.subject, line.text]
            self._told.pop(line.subject, None)
            if not line.is_over:
                self._told[line.subject] = None
        while len(self._told) > ATTENTIONS_KEPT:
            del self._told[next(iter(self._told))]
        self._sent.add(now)
        self._not_before = now + GATHER_S
        self._failures = 0
        self._feed.settle(SUBJECT, "alerts are sent again")

    def _keep(self, failed: str, now: float) -> None:
        self._not_before = now + PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1
        log.warning("an alert was not sent, and is kept: %s", failed)
        if self._failures >= TOLD_AFTER:
            self._feed.hold_attention("warning", SUBJECT, f"alerts do not arrive, and are kept: {failed}")

    async def _last_words(self) -> None:
        self._hear()
        errors = [line for line in self._waiting.values() if line.level == "error"]
        if not errors:
            return
        try:
            async with asyncio.timeout(LAST_WORDS_S):
                failed = await self._send(errors)
        except TimeoutError:
            failed = f"no answer within {LAST_WORDS_S:g} s"
        if failed:
            log.warning("the last alert was not sent: %s", failed)
