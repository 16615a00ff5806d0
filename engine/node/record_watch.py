"""Looks after what the engine keeps on disk: a record that is gone is said within seconds, what waits is stored."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from engine.errors import StoreError
from engine.feed import Feed
from engine.patience import impatience
from engine.store.errors import StoreGone
from engine.store.store import Store

LOOK_S = 1.0
SILENT_S = 6.0
"""A disk that works answers in milliseconds; longer than the store waits for another process that keeps its log."""

DATA_FOLDER = "data folder"
SLOW = "slow store"
SILENT = f"the store has not answered for {SILENT_S:g} s: its disk is slow, or hangs"


class Keeping:
    """A service. `gone` says by subject what was deleted or replaced, "" for nothing; `retries` store what waits."""

    def __init__(
        self,
        feed: Feed,
        store: Store,
        gone: Mapping[str, Callable[[], str]],
        retries: Sequence[Callable[[], Awaitable[None]]],
    ) -> None:
        self._feed = feed
        self._store = store
        self._gone = gone
        self._retries = retries
        self._told: dict[str, str] = {}

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            self.look()
            try:
                with impatience(self._feed, SLOW, SILENT, "the store answers again", after=SILENT_S):
                    if mended := await self._store.mend():
                        self._feed.raise_attention("warning", "store", mended)
            except StoreGone:
                self.look()
            except StoreError as error:
                self._tell("store", str(error))
            else:
                self._tell("store", "", "it can be read again")
            for retry in self._retries:
                with suppress(StoreError):  # told of by whoever has something that waits
                    await retry()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Tell of what is gone, and of what is there again. With the data folder all that lies in it is gone."""
        for subject, find in self._gone.items():
            wrong = find()
            self._tell(subject, wrong)
            if wrong and subject == DATA_FOLDER:
                return

    def _tell(self, subject: str, wrong: str, over: str = "it is there again") -> None:
        if wrong and self._told.get(subject) != wrong:
            self._feed.hold_attention("error", subject, wrong)
        elif not wrong and self._told.get(subject):
            self._feed.settle(subject, over)
        self._told[subject] = wrong


def all_gone(gone: Mapping[str, Callable[[], str]]) -> str:
    """Everything that is gone, in one line."""
    return "; ".join(dict.fromkeys(said for find in gone.values() if (said := find())))
