"""Looks after the engine's files: reports what is gone or locked, stores pending data, drops old data."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress

from engine.chain.client import ChainClient
from engine.errors import TOLD_ELSEWHERE, StoreError, StoreGone
from engine.feed import Feed
from engine.node.node_store import NodeStore
from engine.patience import impatience
from engine.snapshot import About
from engine.values import Metagraph

LOOK_S = 1.0
"""How long the loss of the record may go unnoticed: a look is one stat of its file."""

SILENT_S = 6.0
"""A working disk answers in milliseconds; this exceeds the store's wait for a process that keeps its log locked."""

PRUNE_EVERY_S = 3600.0
SHRINK_EVERY_S = 60.0
"""Old rounds go by the day, so once an hour is enough; a size limit can be passed within minutes."""

DATA_FOLDER = "data folder"
SLOW = "slow store"
SILENT = f"the store has not answered for {SILENT_S:g} s: its disk is slow, or hangs"


class RecordWatch:
    """A service. `missing` says, by subject, what was deleted or replaced, or ""; `retries` store pending data."""

    def __init__(
        self,
        feed: Feed,
        store: NodeStore,
        missing: Mapping[str, Callable[[], str]],
        retries: Sequence[Callable[[], Awaitable[None]]],
    ) -> None:
        self._feed = feed
        self._store = store
        self._missing = missing
        self._retries = retries
        self._told: dict[str, str] = {}

    @property
    def gone(self) -> str:
        """Everything that is currently gone, in one line."""
        return "; ".join(dict.fromkeys(said for find in self._missing.values() if (said := find())))

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await self.look()
            for retry in self._retries:
                with suppress(StoreError), self._impatience():  # whoever has pending data reports the error
                    await retry()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Report what is gone or locked and what is back, and repair what can be repaired."""
        self._tell_of_missing()
        try:
            with self._impatience():
                mended = await self._store.mend()
            if mended:
                self._feed.raise_attention("warning", "store", mended, About("setup"))
            with self._impatience():
                await self._store.require_unlocked()
        except StoreGone:
            self._tell_of_missing()
        except StoreError as error:
            self._tell("store", str(error))
        else:
            self._tell("store", "", "it can be read and written again")

    def _impatience(self) -> AbstractContextManager[None]:
        """Reports a store that is silent, and when it answers again."""
        return impatience(self._feed, SLOW, SILENT, "the store answers again", after=SILENT_S)

    def _tell_of_missing(self) -> None:
        """If the data folder is gone, so is everything in it: one cause, one line."""
        for subject, find in self._missing.items():
            wrong = find()
            self._tell(subject, wrong)
            if wrong and subject == DATA_FOLDER:
                return

    def _tell(self, subject: str, wrong: str, over: str = "restored") -> None:
        if wrong and self._told.get(subject) != wrong:
            self._feed.hold_attention("error", subject, wrong, About("setup"))
        elif not wrong and self._told.get(subject):
            self._feed.settle(subject, over)
        self._told[subject] = wrong


class Housekeeping:
    """A service that keeps the store's list of neurons up to date, and drops data that is too old or too much."""

    def __init__(self, feed: Feed, store: NodeStore, chain: ChainClient, names: Mapping[str, str]) -> None:
        self._feed = feed
        self._store = store
        self._chain = chain
        self._names = names

    async def run(self, started: Callable[[], None]) -> None:
        started()
        noted = Metagraph(netuid=self._chain.netuid, block=0)
        pruned_at = shrunk_at = -math.inf
        ahead_of_monotonic = time.time() - time.monotonic()  # a clock that jumps ahead makes no record old
        while True:
            metagraph = self._chain.seen.metagraph
            try:
                if metagraph is not noted and metagraph.neurons:
                    await self._note(metagraph)
                    noted = metagraph
                if time.monotonic() - shrunk_at > SHRINK_EVERY_S:
                    await self._shrink()
                    shrunk_at = time.monotonic()
                if time.monotonic() - pruned_at > PRUNE_EVERY_S:
                    await self._store.prune(min(time.time(), ahead_of_monotonic + time.monotonic()))
                    pruned_at = time.monotonic()
            except TOLD_ELSEWHERE:
                pass
            except StoreError as error:
                self._feed.raise_attention("error", "store", str(error), About("setup"))
            await asyncio.sleep(1.0)

    async def _shrink(self) -> None:
        if rounds := await self._store.shrink():
            text = f"store_cap_mb is reached: the texts of {rounds} more of the oldest rounds were dropped"
            self._feed.raise_attention("warning", "store size", text, About("setting", "store_cap_mb"))

    async def _note(self, metagraph: Metagraph) -> None:
        await self._store.note_neurons(
            metagraph.netuid,
            [(one.hotkey, one.coldkey, one.uid, self._names.get(one.hotkey, "")) for one in metagraph.neurons],
            at=time.time(),
        )
