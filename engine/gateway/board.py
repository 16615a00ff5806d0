"""What a validator tells processes beside it of its miners: which there are, what they earn, who may be asked."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from engine.gateway.messages import MINERS, KnownMiner, read_miners, write
from engine.gateway.organic import Earnings
from engine.streams.interface import Streams, StreamsGone
from engine.validator.selection import Candidate, Selection

log = logging.getLogger(__name__)

EVERY_S = 1.0
KEPT_S = 30.0
"""A validator that starts anew is back by then; its miners may be asked meanwhile."""


class Pinner:
    """A service of the validator: pins a value every second, if Redis is there."""

    def __init__(self, streams: Streams, name: str, value: Callable[[], bytes]) -> None:
        self._streams = streams
        self._name = name
        self._value = value

    async def run(self, started: Callable[[], None]) -> None:
        started()
        was_away = False
        while True:
            try:
                await self._streams.pin(self._name, self._value(), KEPT_S)
                was_away = False
            except StreamsGone as gone:
                if not was_away:
                    log.warning("%s are not told to other processes: %s", self._name, gone)
                was_away = True
            await asyncio.sleep(EVERY_S)


def pinned_miners(selection: Selection, scores: Earnings, dialect_of: Callable[[Candidate], str]) -> bytes:
    """All miners of a validator, as it pins them."""
    now = time.time()
    return write(
        [
            KnownMiner(
                candidate=one,
                ema=scores.ema(hotkey, now),
                why_not=selection.why_not(hotkey),
                dialect=dialect_of(one),
            )
            for hotkey, one in selection.candidates.items()
        ]
    )


class Chooser(Protocol):
    """What asks peers in the dialects that are chosen for them."""

    def choose(self, dialects: Mapping[str, str]) -> None:
        """Ask these hotkeys in these dialects from now on."""
        ...


class PinnedMiners:
    """The miners of a validator elsewhere, as it told last: `Miners` and `Earnings`, and the service that looks."""

    def __init__(self, streams: Streams, chooser: Chooser) -> None:
        self._streams = streams
        self._chooser = chooser
        self._known: dict[str, KnownMiner] = {}
        self._told_at = -KEPT_S

    @property
    def candidates(self) -> Mapping[str, Candidate]:
        return {hotkey: one.candidate for hotkey, one in self._known.items()}

    @property
    def willing(self) -> tuple[Candidate, ...]:
        return tuple(one.candidate for one in self._known.values() if not one.why_not)

    def ema(self, hotkey: str, now: float) -> float:  # noqa: ARG002 told a second ago
        known = self._known.get(hotkey)
        return known.ema if known else 0.0

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """See what is pinned. What was told last holds for a while, if Redis is away or has forgotten it."""
        try:
            pinned = await self._streams.look(MINERS)
            if pinned is None and time.monotonic() - self._told_at < KEPT_S:
                return
            told = () if pinned is None else read_miners(pinned)
        except StreamsGone:
            return
        except msgspec.DecodeError as error:
            log.error("what the validator tells of its miners cannot be read: %s", error)
            return
        self._known, self._told_at = {one.candidate.peer.hotkey: one for one in told}, time.monotonic()
        self._chooser.choose({hotkey: one.dialect for hotkey, one in self._known.items() if one.dialect})
