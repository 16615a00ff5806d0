"""What a validator needs from a store. The engine's own uses SQLite; another one may replace it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from engine.snapshot import MinerState
from engine.sybil.service import StandingTable
from engine.values import At, Challenge, Finite, Likeness, ReplyStatus, Round
from engine.weights.averages import Rule, Sample
from engine.weights.journal import PlanLog

STALE_AFTER_S = 3 * 3600.0
"""Without a good answer for this long a miner is stale: its score no longer counts for weights (`FRESH_FOR_S`)."""

SILENT_AFTER_FAILURES = 5
"""Consecutive failures that make a miner silent."""


class Tally(Struct, frozen=True, kw_only=True):
    """How often a hotkey was asked (`rounds`), and with what result. Times are None before the first.

    Replies that we cancelled are not counted.
    """

    rounds: int = 0
    answered: int = 0
    failed: int = 0
    failures_in_a_row: int = 0
    last_answer_at: At | None = None
    last_emission: Finite | None = None

    def after(self, status: ReplyStatus, emission: float, at: float) -> "Tally":
        """The tally once a reply of this status has earned `emission` in a round asked at the unix time `at`."""
        if status == "cancelled":
            return self
        answered = status == "ok"
        return Tally(
            rounds=self.rounds + 1,
            answered=self.answered + answered,
            failed=self.failed + (not answered),
            failures_in_a_row=0 if answered else self.failures_in_a_row + 1,
            last_answer_at=at if answered else self.last_answer_at,
            last_emission=emission,
        )

    def state(self, now: float) -> MinerState:
        """The state of a registered miner at the unix time `now`.

        `silent` never answered, or failed the last five times; `stale` has not answered for three hours.
        """
        if self.last_answer_at is None or self.failures_in_a_row >= SILENT_AFTER_FAILURES:
            return "silent"
        return "stale" if now - self.last_answer_at > STALE_AFTER_S else "active"


class RoundLog(Protocol):
    """Rounds, and the state carried between them. Times are unix seconds.

    Every method may raise `StoreError`, having written nothing: `StoreGone` if the file was deleted or replaced,
    `StoreLocked` if another process holds it.
    """

    @property
    def gone(self) -> str:
        """Why the record is no longer the one that was opened, or "" if it still is."""
        ...

    async def record(
        self, judged: Round, *, netuid: int, history: bytes | None, cursor: tuple[str, int] | None
    ) -> None:
        """Store a round, the scoring history after it and the cursor of its source: all or nothing.

        A round already stored is left alone, so that a write of unknown outcome may be repeated. A different round
        under the same id raises StoreError; a judgement with a non-finite number raises ValueError.
        """
        ...

    async def add_likeness(self, id: str, netuid: int, likeness: Likeness) -> None:
        """Store how alike the answers of a stored round are, if it is there and has none yet."""
        ...

    async def has_round(self, id: str) -> bool:
        """Whether a round is stored under this id."""
        ...

    async def count_rounds(self, netuid: int) -> int:
        """How many rounds of this subnet are kept."""
        ...

    async def recent_rounds(self, netuid: int, limit: int) -> tuple[Round, ...]:
        """The latest rounds, newest first, without texts, tool calls and similarities."""
        ...

    async def challenge_from_outside(self, netuid: int, lot: float) -> Challenge | None:
        """A challenge that came from outside, organic or from a file; `lot`, from 0 to 1, picks one."""
        ...

    async def probes_asked(self, netuid: int, since: float, now: float) -> list[float]:
        """When challenges with a known right answer were asked, after `since` and up to `now`, oldest first."""
        ...

    async def history(self, netuid: int, profile: str) -> bytes | None:
        """The scoring history of this profile after its last recorded round."""
        ...

    async def cursor(self, name: str) -> int | None:
        """The position of the source called `name`; None if there is none."""
        ...

    async def set_cursor(self, name: str, value: int) -> None:
        """Store the position of a source."""
        ...

    async def set_score_rule(self, netuid: int, rule: Rule, profile: str) -> None:
        """Store the rule that turns emissions into scores, for readers of the record."""
        ...

    async def samples_by_hotkey(
        self, netuid: int, profile: str, since: float, per_hotkey: int
    ) -> Mapping[str, Sequence[Sample]]:
        """By hotkey, the latest samples (at, emission) of this profile after `since`, in round order."""
        ...

    async def answers_counted(self, netuid: int, since: float, now: float) -> Mapping[str, Sequence[float]]:
        """By hotkey, when its answers counted, after `since` and up to `now`, in round order.

        Leaves out counted failures, and entries that a fast clock has dated in the future.
        """
        ...

    async def tallies(self, netuid: int) -> Mapping[str, Tally]:
        """By hotkey, for every miner ever asked."""
        ...


class ValidatorStore(RoundLog, Protocol):
    """Everything that a validator keeps."""

    @property
    def journal(self) -> PlanLog:
        """The journal of weights."""
        ...

    @property
    def penalties(self) -> StandingTable:
        """Which penalties are on hold, and when each suspect was first shown."""
        ...
