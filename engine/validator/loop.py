"""The validator's own rounds, one after the other. `ValidatorLoop.run` and `Rounds.run` are the life of a challenge."""

import asyncio
import time
from collections.abc import Callable

from msgspec.structs import replace

from engine.challenges.sources.source import Source
from engine.errors import StoreError
from engine.feed import Feed
from engine.validator.round_log import RoundLog
from engine.validator.rounds import Rounds
from engine.validator.selection import Candidate, Selection
from engine.validator.views import in_short

NOBODY_PAUSE_S = 0.2
NOBODY_PATIENCE_S = 15.0
NOBODY_TOLD_S = 5.0
"""Asking all for their availability takes less, unless many do not answer."""

NOBODY = "selection"
"""The subject of what needs attention while nobody can be asked."""


class ValidatorLoop:
    """A service. `limit` bounds the rounds of this run (None: for ever); `interval` is in seconds from start to start.

    `is_scored` says of the challenge at a position of its source, before it is asked, whether it moves scores.
    """

    def __init__(
        self,
        *,
        source: Source,
        selection: Selection,
        rounds: Rounds,
        store: RoundLog,
        feed: Feed,
        interval: float,
        limit: int | None,
        is_scored: Callable[[int], bool],
    ) -> None:
        self._source = source
        self._selection = selection
        self._rounds = rounds
        self._store = store
        self._feed = feed
        self._interval = interval
        self._limit = limit
        self._is_scored = is_scored
        self._done = 0
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self.next_round_at: float | None = None
        """When the next round begins, in unix seconds; None while one is under way."""

    async def run(self, started: Callable[[], None]) -> None:
        await self._rounds.recall()
        started()
        try:
            while not self._is_over:
                await self._unpaused.wait()
                began = time.monotonic()
                if (challenge := await anext(self._source, None)) is None:
                    return await self._start_afresh()
                cursor = self._source.cursor
                challenge = replace(challenge, scored=self._is_scored(cursor.position))
                miners = await self._miners(cursor.position)
                judged = await self._rounds.run(challenge, miners, cursor=cursor)
                self._done += judged is not None
                await self._pace(began)
        finally:
            await self._rounds.backlog.try_last()

    @property
    def paused(self) -> bool:
        """Whether no round begins until `resume`."""
        return not self._unpaused.is_set()

    def pause(self) -> None:
        """Let the round under way be the last until `resume`."""
        self._unpaused.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self._unpaused.set()

    @property
    def _is_over(self) -> bool:
        return self._limit is not None and self._done >= self._limit

    async def _start_afresh(self) -> None:
        """The source has come to its end: the next run begins with its first question."""
        try:
            await self._rounds.catch_up()
            await self._store.set_cursor(self._source.cursor.name, 0)
        except StoreError as error:
            self._feed.raise_attention("error", "store", f"the next run goes on at the end of its questions: {error}")

    async def _miners(self, turn: int) -> tuple[Candidate, ...]:
        """Whoever is chosen for this challenge, after a first look at all; waits while nobody is there, or paused."""
        began = time.monotonic()
        told_at = began + NOBODY_TOLD_S
        while True:
            await self._unpaused.wait()
            now = time.monotonic()
            if self._selection.probed or now - began > NOBODY_PATIENCE_S:
                miners = self._selection.pick(turn)
                if miners:
                    self._feed.settle(NOBODY, "there are miners to ask")
                    return miners
            if now >= told_at:
                told_at = now + NOBODY_PATIENCE_S
                self._feed.hold_attention("warning", NOBODY, self._why_nobody())
            await asyncio.sleep(NOBODY_PAUSE_S)

    def _why_nobody(self) -> str:
        selection = self._selection
        if not selection.candidates:
            refused = in_short((hotkey, why) for hotkey, why in selection.refused.items())
            return f"no miner can be asked: {refused or 'nobody serves on this subnet'}"
        said = (
            (f"uid {one.neuron.uid}", selection.why_not(hotkey) or "waits for the others")
            for hotkey, one in selection.candidates.items()
        )
        return f"none of {len(selection.candidates)} miners can be asked now: {in_short(said)}"

    async def _pace(self, began: float) -> None:
        """Wait until the interval since `began` is over, unless the run is."""
        if self._is_over:
            return
        rest = max(0.0, self._interval - (time.monotonic() - began))
        self.next_round_at = time.time() + rest
        await asyncio.sleep(rest)
        self.next_round_at = None
