"""A journal in memory and a chain that fails on purpose, for the tests of setting weights."""

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from engine.chain.embedded import EmbeddedChain
from engine.chain.interface import ChainUnavailable, Look
from engine.errors import StoreError
from engine.values import Level, Outcome, OutcomeStatus
from engine.weights.journal import JournalEntry, WeightJournal
from engine.weights.plan import Basis, HotkeyScore, WeightPlan, plan_weights
from engine.weights.setter import WeightSetter
from tests.unit.chain_helpers import client_of, key
from tests.unit.engine_helpers import a_feed, named


class Crash(Exception):
    """The process dies here."""


class Faults:
    """The fault that comes next. Each happens once, at the place that it is named after."""

    def __init__(self) -> None:
        self.next = ""

    def strikes(self, name: str) -> bool:
        if self.next != name:
            return False
        self.next = ""
        return True

    def crash(self, name: str) -> None:
        if self.strikes(f"crash {name}"):
            raise Crash(name)


class MemoryJournal:
    """A `WeightJournal` that outlives the setters of a test."""

    def __init__(self, faults: Faults | None = None) -> None:
        self.plans: list[WeightPlan] = []
        self.skipped: list[WeightPlan] = []
        self.outcomes: dict[int, Outcome] = {}
        self._faults = faults or Faults()

    async def intend(self, plan: WeightPlan) -> int:
        self._faults.crash("before intent")
        if self._faults.strikes("full at intent"):
            raise StoreError("disk full")
        self.plans.append(plan)
        self._faults.crash("after intent")
        return len(self.plans) - 1

    async def skip(self, plan: WeightPlan) -> None:
        self.skipped.append(plan)

    async def settle(self, entry: int, outcome: Outcome) -> None:
        self._faults.crash("before settling")
        if self._faults.strikes("full at settling"):
            raise StoreError("disk full")
        self.outcomes[entry] = outcome
        self._faults.crash("after settling")

    async def open_entries(self) -> tuple[JournalEntry, ...]:
        return self._entries("unknown")

    async def committed_entries(self) -> tuple[JournalEntry, ...]:
        return self._entries("committed")

    def _entries(self, status: OutcomeStatus) -> tuple[JournalEntry, ...]:
        unknown = Outcome(status="unknown")
        return tuple(
            JournalEntry(id=entry, at=0.0, plan=plan, block=self.outcomes.get(entry, unknown).block)
            for entry, plan in enumerate(self.plans)
            if self.outcomes.get(entry, unknown).status == status
        )


class FaultyChain:
    """A `Chain` over the embedded one, on which what was sent may be late, or be answered never."""

    endpoint = network = "faulty"
    block_time = 0.01
    mortality = 2

    def __init__(self, inner: EmbeddedChain, faults: Faults | None = None) -> None:
        self.inner = inner
        self.faults = faults or Faults()
        self.landed: Counter[int] = Counter()
        self.sent = 0
        self._pool: list[tuple[int, Callable[[], Any]]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def tick(self) -> None:
        """One block, and what was on its way to it."""
        block = await self.inner.tick()
        for due, land in tuple(self._pool):
            if due <= block:
                self._pool.remove((due, land))
                await land()

    async def block(self) -> int:
        return await self.inner.block()

    async def look(self, netuid: int, *, hotkey: str = "", coldkey: str = "") -> Look:
        if self.faults.strikes("outage"):
            raise ChainUnavailable("no answer")
        return await self.inner.look(netuid, hotkey=hotkey, coldkey=coldkey)

    async def set_weights(self, netuid: int, **call: Any) -> Outcome:
        return await self._sent(netuid, lambda: self.inner.set_weights(netuid, **call))

    async def commit_weights(self, netuid: int, **call: Any) -> Outcome:
        return await self._sent(netuid, lambda: self.inner.commit_weights(netuid, **call))

    async def commit_timelocked(self, netuid: int, **call: Any) -> Outcome:
        return await self._sent(netuid, lambda: self.inner.commit_timelocked(netuid, **call))

    async def _sent(self, netuid: int, call: Callable[[], Awaitable[Outcome]]) -> Outcome:
        self.sent += 1

        async def land() -> Outcome:
            window = (await self.inner.look(netuid)).next_epoch
            outcome = await call()
            self.landed[window] += outcome.ok
            return outcome

        faults = self.faults
        faults.crash("before sending")
        if faults.strikes("silence before"):
            raise TimeoutError
        if faults.strikes("cut before"):
            raise ChainUnavailable("connection cut")
        for blocks in (1, 2):
            if faults.strikes(f"late by {blocks}"):
                self._pool.append((await self.inner.block() + blocks, land))
                raise TimeoutError
            if faults.strikes(f"crash late by {blocks}"):
                self._pool.append((await self.inner.block() + blocks, land))
                raise Crash
        outcome = await land()
        faults.crash("after sending")
        if faults.strikes("silence after"):
            raise TimeoutError
        if faults.strikes("cut after"):
            raise ChainUnavailable("connection cut")
        return outcome


FAULTS = (
    "crash before intent",
    "crash after intent",
    "crash before sending",
    "crash after sending",
    "crash before settling",
    "crash after settling",
    "crash late by 1",
    "crash late by 2",
    "silence before",
    "silence after",
    "cut before",
    "cut after",
    "late by 1",
    "late by 2",
    "full at intent",
    "full at settling",
    "outage",
)


class Recorder:
    """A `Planner` that remembers what it hears, and the feed of its setter."""

    def __init__(self) -> None:
        self.plans: list[tuple[WeightPlan, Outcome | None]] = []
        self.feed = a_feed()
        self.scores: Callable[[], Sequence[HotkeyScore]] = lambda: scored(1.0, 0.5)
        self.basis: Callable[[], Basis] = Basis

    def plan(self, look: Look) -> WeightPlan:
        return plan_weights(look, self.scores(), now=time.time(), basis=self.basis())

    def note(self, plan: WeightPlan, outcome: Outcome | None) -> None:
        self.plans.append((plan, outcome))

    @property
    def attention(self) -> list[tuple[Level, str]]:
        told = named(self.feed, "attention")
        assert {one["subject"] for one in told} <= {"weights"}
        return [(one["level"], one["text"]) for one in told]

    @property
    def outcomes(self) -> list[str]:
        return [outcome.status if outcome else "skipped" for _, outcome in self.plans]


def setter_on(
    chain: EmbeddedChain | FaultyChain,
    journal: WeightJournal,
    recorder: Recorder | None = None,
    scores: Callable[[], Sequence[HotkeyScore]] | None = None,
    basis: Callable[[], Basis] = Basis,
) -> WeightSetter:
    """A setter for the hotkey "validator"."""
    recorder = recorder or Recorder()
    recorder.scores, recorder.basis = scores or recorder.scores, basis
    return WeightSetter(
        chain=client_of(chain), signer=key("validator"), journal=journal, planner=recorder, feed=recorder.feed
    )


def scored(*values: float) -> tuple[HotkeyScore, ...]:
    """Scores of "miner1", "miner2", …, all fresh for ever."""
    return tuple(
        HotkeyScore(hotkey=key(f"miner{number}").ss58_address, score=value, last_answer_at=1e10)
        for number, value in enumerate(values, 1)
    )
