"""The main loop of a validator: takes challenges from a source and runs them, one after another."""

import asyncio
import time
from collections.abc import Callable

from msgspec.structs import replace

from engine.challenges.sources.source import Source
from engine.errors import StoreError
from engine.feed import Feed
from engine.validator.round_log import RoundLog
from engine.validator.round_runner import RoundRunner
from engine.validator.selection import Candidate, Selection
from engine.validator.views import in_short

NOBODY_PAUSE_S = 0.2
"""Between two looks for miners to ask."""

NOBODY_PATIENCE_S = 15.0
"""After this long miners are picked although the first availability sweep is not over, which it is unless many do not
respond; also how often the operator is told again that there are none."""

NOBODY_TOLD_S = 5.0
"""How long the first word about it waits: most sweeps are over by then."""

NOBODY = "selection"
"""Subject of the attention line shown while no miner can be asked."""


class ValidatorLoop:
    """A service. It ends after `limit` rounds (None: never), or with its source; a round begins every `interval`
    seconds.

    `is_scored(position)` decides, before a challenge is asked, whether its round counts towards scores.
    """

    def __init__(
        self,
        *,
        source: Source,
        selection: Selection,
        rounds: RoundRunner,
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
        """Unix time of the next round; None while a round is running."""

    async def run(self, started: Callable[[], None]) -> None:
        async with self._rounds.running():
            started()
            while not self._is_over:
                await self._unpaused.wait()
                began = time.monotonic()
                challenge = await anext(self._source, None)
                if challenge is None:
                    await self._rewind_source()
                    return
                cursor = self._source.cursor
                challenge = replace(challenge, scored=self._is_scored(cursor.position))
                miners = await self._wait_for_miners(cursor.position)
                left_out = self._selection.left_out(miners)
                judged = await self._rounds.run(challenge, miners, left_out=left_out, cursor=cursor)
                self._done += judged is not None
                await self._pace(began)

    @property
    def paused(self) -> bool:
        """Whether new rounds are on hold until `resume`."""
        return not self._unpaused.is_set()

    def pause(self) -> None:
        """Begin no new round until `resume`; the one in flight finishes."""
        self._unpaused.clear()

    def resume(self) -> None:
        """Begin rounds again after `pause`."""
        self._unpaused.set()

    @property
    def _is_over(self) -> bool:
        return self._limit is not None and self._done >= self._limit

    async def _rewind_source(self) -> None:
        """Let the next run begin the exhausted source again."""
        try:
            await self._rounds.catch_up()
            await self._store.set_cursor(self._source.cursor.name, 0)
        except StoreError as error:
            self._feed.raise_attention(
                "error", "store", f"the source was not rewound, so the next run starts at its end: {error}"
            )

    async def _wait_for_miners(self, turn: int) -> tuple[Candidate, ...]:
        """The miners for the challenge at `turn`, once the first availability sweep is over, some are available, and
        the loop is not paused."""
        began = time.monotonic()
        tell_next_at = began + NOBODY_TOLD_S
        while True:
            await self._unpaused.wait()
            now = time.monotonic()
            if self._selection.probed or now - began > NOBODY_PATIENCE_S:
                miners = self._selection.pick(turn)
                if miners:
                    self._feed.settle(NOBODY, "miners are available again")
                    return miners
            if now >= tell_next_at:
                tell_next_at = now + NOBODY_PATIENCE_S
                self._feed.hold_attention("warning", NOBODY, self._why_nobody())
            await asyncio.sleep(NOBODY_PAUSE_S)

    def _why_nobody(self) -> str:
        selection = self._selection
        if not selection.candidates:
            refused = in_short((hotkey, why) for hotkey, why in selection.refused.items())
            return f"no miner can be asked: {refused or 'none is serving on this subnet'}"
        said = (
            (f"uid {one.neuron.uid}", selection.why_not(hotkey) or "waiting for the first sweep to finish")
            for hotkey, one in selection.candidates.items()
        )
        return f"none of {len(selection.candidates)} miners can be asked now: {in_short(said)}"

    async def _pace(self, began: float) -> None:
        """Sleep for the rest of the interval that started at `began`, unless this was the last round."""
        if self._is_over:
            return
        rest = max(0.0, self._interval - (time.monotonic() - began))
        self.next_round_at = time.time() + rest
        await asyncio.sleep(rest)
        self.next_round_at = None
