"""The engine's store, as its users see it: each room gets what its own protocol asks for."""

import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.errors import StoreError
from engine.snapshot import CommandView
from engine.store.database import Database
from engine.store.record import Record
from engine.store.retention import EVERY_ROUND
from engine.sybil.penalties import Standing
from engine.transport.replay_guard import NoncesUnavailable
from engine.validator.round_log import Tally
from engine.values import Challenge, Likeness, Outcome, Round
from engine.weights.averages import Rule, Sample
from engine.weights.journal import JournalEntry
from engine.weights.plan import WeightPlan

DAY_S = 86400.0
HOUR_S = 3600.0
DAY_HOURS = 24.0
NEXT_PRUNE_S = HOUR_S
"""How far away the next prune may be: what would be too old by then goes now."""

MB = 1_000_000
"""Bytes, as limits on disk are set."""

MAX_NONCES = 500_000
"""Eight minutes of 256 hotkeys at the 240 challenges a minute that each may send; a nonce counts for two at most."""

SWEEP_EVERY = 1000
"""New nonces between two sweeps."""


class Store:
    """One data folder's database. The protocols under which others know it say what its methods do.

    Every method may raise `StoreError`; a write that does has written nothing.
    """

    def __init__(
        self, database: Database, *, retention_days: float, cap_mb: float = math.inf, users_hours: float = DAY_HOURS
    ) -> None:
        self._database = database
        self._users_s = users_hours * HOUR_S - NEXT_PRUNE_S
        self._cap_mb = cap_mb
        self._retention_s = retention_days * DAY_S
        self.journal = StoredJournal(database)
        self.nonces = StoredNonces(database)
        self.penalties = StoredStandings(database)

    @classmethod
    async def open(
        cls, path: Path, *, retention_days: float, cap_mb: float = math.inf, users_hours: float = DAY_HOURS
    ) -> "Store":
        """Create or migrate the database file `path`, in which users' words stay for `users_hours`.

        Raises StoreTooNew, StoreUnusable, StoreError.
        """
        database = await Database.open(path)
        return cls(database, retention_days=retention_days, cap_mb=cap_mb, users_hours=users_hours)

    async def close(self) -> None:
        """Close it, after all that was asked for before."""
        await self._database.close()

    # -- a validator's `RoundLog` ----------------------------------------------------------------------------------

    async def record(
        self, judged: Round, *, netuid: int, history: bytes | None, cursor: tuple[str, int] | None
    ) -> None:
        def change(record: Record) -> None:
            if record.rounds.add(judged, netuid):
                record.neurons.count(judged, netuid)
                if history is not None:
                    record.carried.keep_history(netuid, judged.judgement.profile, history)
                if cursor is not None:
                    record.carried.set_cursor(*cursor)

        await self._database.write(change)

    async def add_likeness(self, id: str, netuid: int, likeness: Likeness) -> None:
        await self._database.write(lambda record: record.rounds.add_likeness(id, netuid, likeness))

    async def has_round(self, id: str) -> bool:
        return await self._database.read(lambda record: record.rounds.has(id))

    async def count_rounds(self, netuid: int) -> int:
        return await self._database.read(lambda record: record.rounds.count(netuid))

    async def recent_rounds(self, netuid: int, limit: int) -> tuple[Round, ...]:
        return await self._database.read(lambda record: record.rounds.recent(netuid, limit))

    async def challenge_from_outside(self, netuid: int, lot: float) -> Challenge | None:
        # A user's words that are asked again live on for another half of their time: the first half is theirs.
        young = time.time() - self._users_s / 2
        return await self._database.read(lambda record: record.rounds.challenge_from_outside(netuid, lot, young))

    async def probes_asked(self, netuid: int, since: float, now: float) -> list[float]:
        return await self._database.read(lambda record: record.rounds.probes_asked(netuid, since, now))

    async def history(self, netuid: int, profile: str) -> bytes | None:
        return await self._database.read(lambda record: record.carried.history(netuid, profile))

    async def cursor(self, name: str) -> int | None:
        return await self._database.read(lambda record: record.carried.cursor(name))

    async def set_cursor(self, name: str, value: int) -> None:
        await self._database.write(lambda record: record.carried.set_cursor(name, value))

    async def set_score_rule(self, netuid: int, rule: Rule, profile: str) -> None:
        await self._database.write(lambda record: record.carried.set_score_rule(netuid, rule, profile))

    async def samples_by_hotkey(
        self, netuid: int, profile: str, since: float, per_hotkey: int
    ) -> dict[str, list[Sample]]:
        return await self._database.read(
            lambda record: record.replies.samples_by_hotkey(netuid, profile, since, per_hotkey)
        )

    async def answers_counted(self, netuid: int, since: float, now: float) -> dict[str, list[float]]:
        return await self._database.read(lambda record: record.replies.answers_counted(netuid, since, now))

    async def tallies(self, netuid: int) -> dict[str, Tally]:
        return await self._database.read(lambda record: record.neurons.tallies(netuid))

    # -- the operator's `CommandLog` -------------------------------------------------------------------------------

    async def log_command(self, at: float, name: str, detail: str, outcome: str, reason: str) -> None:
        await self._database.write(lambda record: record.commands.add(at, name, detail, outcome, reason))

    async def recent_commands(self, limit: int) -> tuple[CommandView, ...]:
        return await self._database.read(lambda record: record.commands.recent(limit))

    # -- a `NodeStore` ---------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._database.path.name

    @property
    def gone(self) -> str:
        return self._database.gone

    async def mend(self) -> str:
        return await self._database.mend()

    async def require_unlocked(self) -> None:
        await self._database.write(lambda _record: None)

    async def note_neurons(self, netuid: int, neurons: Iterable[tuple[str, str, int, str]], *, at: float) -> None:
        await self._database.write(lambda record: record.neurons.note(netuid, neurons, at=at))

    async def prune(self, now: float) -> int:
        await self.nonces.sweep(now)
        before = now - self._retention_s
        first_kept = await self._database.write(lambda record: record.retention.forget(before, now))
        asked, repeated = now - self._users_s, now - self._users_s / 2
        while await self._database.write(lambda record: record.retention.forget_users(asked, repeated)):
            pass
        pruned = 0
        while dropped := await self._drop_rounds(first_kept):
            pruned += dropped
        return pruned

    async def shrink(self) -> int:
        shrunk = 0
        while await self._database.read(lambda record: record.retention.size()) > self._cap_mb * MB:
            lost = await self._drop_texts() or await self._drop_rounds(EVERY_ROUND)
            if not lost:
                break
            shrunk += lost
        return shrunk

    async def _drop_texts(self) -> int:
        dropped = await self._database.write(lambda record: record.retention.drop_texts())
        await self._database.read(lambda record: record.retention.give_back())
        return dropped

    async def _drop_rounds(self, first_kept: int) -> int:
        dropped = await self._database.write(lambda record: record.retention.drop_rounds(first_kept))
        if dropped:
            await self._database.read(lambda record: record.retention.give_back())
        return dropped


class StoredJournal:
    """A `PlanLog`. An intent is synced to disk before `intend` returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def intend(self, plan: WeightPlan) -> int:
        return await self._database.write(lambda record: record.plans.add(plan, "unknown", ""), durable=True)

    async def skip(self, plan: WeightPlan) -> None:
        await self._database.write(lambda record: record.plans.add(plan, "skipped", plan.skipped))

    async def settle(self, entry: int, outcome: Outcome) -> None:
        await self._database.write(lambda record: record.plans.settle(entry, outcome))

    async def open_entries(self) -> tuple[JournalEntry, ...]:
        return await self._database.read(lambda record: record.plans.with_outcome("unknown"))

    async def committed_entries(self) -> tuple[JournalEntry, ...]:
        return await self._database.read(lambda record: record.plans.with_outcome("committed"))

    async def recent(self, netuid: int, limit: int) -> tuple[JournalEntry, ...]:
        return await self._database.read(lambda record: record.plans.recent(netuid, limit))

    async def profile_on_chain(self, netuid: int) -> str:
        plan = await self._database.read(lambda record: record.plans.on_chain(netuid))
        return plan.profile if plan else ""


class StoredNonces:
    """A `NonceStore`. When it is full of valid nonces, it refuses new ones rather than forget any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._room = 0

    async def remember(self, key: str, *, until: float) -> bool:
        try:
            if self._room <= 0:
                await self.sweep(time.time())
            if self._room <= 0:
                raise NoncesUnavailable(f"{MAX_NONCES} nonces are remembered, none of them old enough to forget")
            self._room -= 1
            return await self._database.write(lambda record: record.nonces.add(key, until))
        except StoreError as error:
            raise NoncesUnavailable(f"a nonce could not be stored: {error}") from error

    async def sweep(self, now: float) -> None:
        """Forget expired nonces, and count how many new ones fit before the next sweep."""
        count = await self._database.write(lambda record: record.nonces.sweep(now))
        self._room = min(SWEEP_EVERY, MAX_NONCES - count)


class StoredStandings:
    """A `StandingTable`: saving replaces all standings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, netuid: int) -> dict[str, Standing]:
        return await self._database.read(lambda record: record.standings.of(netuid))

    async def save(self, netuid: int, standings: Mapping[str, Standing]) -> None:
        await self._database.write(lambda record: record.standings.replace(netuid, standings))
