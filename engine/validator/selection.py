"""Which miners are asked: those that serve and report as available, each with a fair share of the challenges.

A busy miner (HTTP 429) is left alone for a while and excused, but only so far that refusing does not pay: a miner must
not gain by answering 429 to challenges that it would get wrong. At most a tenth of its challenges are excused, never
three in a row; any other refusal is scored as a failure.
"""

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence

from msgspec import Struct

from engine.transport.addresses import refuse_address
from engine.transport.dialect import Availability, Caller
from engine.values import Metagraph, Neuron, Peer

log = logging.getLogger(__name__)

LOOK_S = 0.5
AVAILABLE_AGAIN_S = 30.0
UNAVAILABLE_AGAIN_S = 5.0
PROBE_TIMEOUT_S = 3.0
SWEEP_PARALLEL = 20
"""A sweep asks for availability: one that is available every 30 s, any other every 5 s, twenty at a time, so that 256
silent ones take 40 s."""

REMEMBERED = 100
"""How many of a miner's last challenges are considered; a tenth of them may be refused."""

SHARE = 0.1
SPARE = 2
"""Refusals that are always excused: a tenth of a few challenges would be none."""

IN_A_ROW = 3
FIRST_REST_S = 5.0
LONGEST_REST_S = 60.0
"""Miners in the field limit callers per minute. With longer rests, a miner could keep its score by not being asked."""


class Refusals:
    """Refusals by hotkey. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._accounts: dict[str, _Account] = {}

    def rest_of(self, hotkey: str, now: float) -> float:
        """Seconds until this miner may be asked again; 0 if it may be asked now."""
        account = self._accounts.get(hotkey)
        return max(0.0, account.rests_until - now) if account else 0.0

    def note_reply(self, hotkey: str, *, answered: bool) -> None:
        """Record an answer, or a failure other than a refusal."""
        account = self._accounts.setdefault(hotkey, _Account())
        account.refused.append(False)
        if answered:
            account.in_a_row = 0

    def note_refusal(self, hotkey: str, now: float, retry_after: float | None) -> str | None:
        """Record a refusal, with the seconds of its Retry-After. None if it is excused, else the reason why not."""
        account = self._accounts.setdefault(hotkey, _Account())
        account.refused.append(True)
        account.in_a_row += 1
        usual = FIRST_REST_S if account.in_a_row == 1 else account.rest * 2
        account.rest = min(usual if retry_after is None else retry_after, LONGEST_REST_S)
        account.rests_until = now + account.rest
        if account.in_a_row >= IN_A_ROW:
            return f"refused {account.in_a_row} times in a row"
        if sum(account.refused) > max(SPARE, SHARE * len(account.refused)):
            return f"refused {sum(account.refused)} of the last {len(account.refused)} challenges"
        return None

    def keep(self, hotkeys: Collection[str]) -> None:
        """Forget all other hotkeys."""
        self._accounts = {hotkey: account for hotkey, account in self._accounts.items() if hotkey in hotkeys}


class _Account:
    def __init__(self) -> None:
        self.refused: deque[bool] = deque(maxlen=REMEMBERED)
        self.in_a_row = 0
        self.rest = 0.0
        self.rests_until = 0.0


class Candidate(Struct, frozen=True):
    """A miner that may be asked, and its address."""

    neuron: Neuron
    peer: Peer


class Selection:
    """Chooses the miners for each challenge and counts how often each hotkey was asked.

    The least asked come first and ties are broken at random, so that over time every miner gets the same number of
    questions. A new hotkey starts at the lowest count of the others, so that it is not flooded to catch up.
    """

    def __init__(
        self,
        *,
        own_hotkey: str,
        sample: int,
        seed: int,
        allow_private: bool,
        extra: Sequence[Peer] = (),
        refusals: Refusals | None = None,
    ) -> None:
        self._own_hotkey = own_hotkey
        self._sample = sample
        self._seed = seed
        self._allow_private = allow_private
        self._extra = {peer.hotkey: peer for peer in extra}
        self.refusals = refusals or Refusals()
        self._asked: dict[str, int] = {}
        self._candidates: dict[str, Candidate] = {}
        self._refused: dict[str, str] = {}
        self._availability: dict[str, Availability] = {}

    @property
    def candidates(self) -> Mapping[str, Candidate]:
        """All miners whose address may be called, by hotkey."""
        return self._candidates

    @property
    def refused(self) -> Mapping[str, str]:
        """Why an announced address is not called, by hotkey."""
        return self._refused

    @property
    def probed(self) -> bool:
        """Whether there are candidates and the availability of each is known."""
        return bool(self._candidates) and all(hotkey in self._availability for hotkey in self._candidates)

    def availability(self, hotkey: str) -> Availability | None:
        """The last availability of a candidate; None before its first check."""
        return self._availability.get(hotkey)

    def why_not(self, hotkey: str) -> str:
        """Why a candidate is not asked now; "" if it may be."""
        found = self._availability.get(hotkey)
        if found is None:
            return "availability not checked yet"
        if not found.available:
            return found.reason
        rest = self.refusals.rest_of(hotkey, time.monotonic())
        return f"busy, not asked again for {rest:.0f} s" if rest else ""

    @property
    def willing(self) -> tuple[Candidate, ...]:
        """The candidates that may be asked now."""
        return tuple(one for hotkey, one in self._candidates.items() if not self.why_not(hotkey))

    def left_out(self, miners: Collection[Candidate]) -> list[tuple[Candidate, str]]:
        """The candidates that are not among these, each with the reason."""
        asked = {one.neuron.hotkey for one in miners}
        others = (one for hotkey, one in self._candidates.items() if hotkey not in asked)
        return [(one, self.why_not(one.neuron.hotkey) or "not drawn this time") for one in others]

    def see(self, metagraph: Metagraph) -> None:
        """Update the candidates from a metagraph, and forget hotkeys that left."""
        self._candidates, self._refused = {}, {}
        own = metagraph.by_hotkey(self._own_hotkey)
        own_addresses = frozenset({(own.ip, own.port)} if own and own.serving else ())
        for neuron in metagraph.neurons:
            peer = self._extra.get(neuron.hotkey) or Peer(neuron.hotkey, neuron.ip, neuron.port)
            if neuron.hotkey == self._own_hotkey or not (neuron.serving or neuron.hotkey in self._extra):
                continue
            reason = refuse_address(peer.host, peer.port, allow_private=self._allow_private, own=own_addresses)
            if reason is None:
                self._candidates[neuron.hotkey] = Candidate(neuron, peer)
            else:
                self._refused[neuron.hotkey] = reason
        floor = min((self._asked[hotkey] for hotkey in self._candidates if hotkey in self._asked), default=0)
        self._asked = {hotkey: self._asked.get(hotkey, floor) for hotkey in self._candidates}
        self._availability = {
            hotkey: found for hotkey, found in self._availability.items() if hotkey in self._candidates
        }
        self.refusals.keep(self._candidates.keys())

    def note(self, hotkey: str, availability: Availability) -> None:
        """Record the result of a check."""
        if hotkey in self._candidates:
            self._availability[hotkey] = availability

    def pick(self, turn: int) -> tuple[Candidate, ...]:
        """The miners for one challenge, ordered by uid. `turn` and the seed break ties.

        A busy miner is left alone for a while and skips its turn: it is not asked more often later to make up for it.
        """
        lots = random.Random(f"{self._seed}:{turn}")
        now = time.monotonic()
        available = sorted(
            hotkey
            for hotkey in self._candidates
            if (found := self._availability.get(hotkey)) is not None and found.available
        )
        lots.shuffle(available)
        chosen: list[str] = []
        passed: list[str] = []
        for hotkey in sorted(available, key=lambda hotkey: self._asked[hotkey]):
            if len(chosen) < self._sample:
                (passed if self.refusals.rest_of(hotkey, now) else chosen).append(hotkey)
        for hotkey in (*chosen, *passed) if chosen else ():
            self._asked[hotkey] += 1
        return tuple(sorted((self._candidates[hotkey] for hotkey in chosen), key=lambda one: one.neuron.uid))


class Sweeper:
    """A service: checks the availability of all candidates, more often of those that are unavailable."""

    def __init__(self, selection: Selection, caller: Caller) -> None:
        self._selection = selection
        self._caller = caller
        self._probed_at: dict[str, float] = {}

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await self.sweep()
            await asyncio.sleep(LOOK_S)

    async def sweep(self) -> None:
        """Check the candidates that are due."""
        now = time.monotonic()
        due = [one for one in self._selection.candidates.values() if self._due_at(one.peer.hotkey) <= now]
        self._probed_at = {
            hotkey: at for hotkey, at in self._probed_at.items() if hotkey in self._selection.candidates
        } | {one.peer.hotkey: now for one in due}
        turnstile = asyncio.Semaphore(SWEEP_PARALLEL)

        async def probe(candidate: Candidate) -> None:
            async with turnstile:
                found = await self._available(candidate)
            self._selection.note(candidate.peer.hotkey, found)

        await asyncio.gather(*(probe(candidate) for candidate in due))

    async def _available(self, candidate: Candidate) -> Availability:
        """The availability of a peer. An unexpected error with one peer does not stop the sweep."""
        try:
            return await self._caller.available(candidate.peer, timeout=PROBE_TIMEOUT_S)
        except Exception as error:
            log.exception("availability check of uid %d failed", candidate.neuron.uid)
            return Availability(False, f"malformed: {type(error).__name__} while reading the reply")

    def _due_at(self, hotkey: str) -> float:
        if hotkey not in self._probed_at:
            return 0.0
        found = self._selection.availability(hotkey)
        if found is not None and found.available:
            return self._probed_at[hotkey] + AVAILABLE_AGAIN_S
        wished = found.retry_after if found is not None and found.retry_after is not None else 0.0
        return self._probed_at[hotkey] + min(max(wished, UNAVAILABLE_AGAIN_S), LONGEST_REST_S)
