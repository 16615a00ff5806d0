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
from engine.transport.replay import NoncesUnavailable
from engine.validator.round_log import Tally
from engine.values import Challenge, Outcome, Round
from engine.weights.averages import Rule, Sample
from engine.weights.journal import JournalEntry
from engine.weights.plan import WeightPlan

DAY_S = 86400.0
MB = 1_000_000

MAX_NONCES = 500_000
SWEEP_EVERY = 1000
"""New nonces between two sweeps."""


class Store:
    """One data folder's database.

    Every method may raise `StoreError`; a write that does has written nothing.
    """

    def __init__(self, database: Database, *, retention_days: float, cap_mb: float = math.inf) -> None:
        self._database = database
        self._cap_mb = cap_mb
        self._retention_s = retention_days * DAY_S
        self.journal = StoredJournal(database)
        self.nonces = StoredNonces(database)
        self.penalties = StoredStandings(database)

    @classmethod
    async def open(cls, path: Path, *, retention_days: float, cap_mb: float = math.inf) -> "Store":
        """Create or migrate the database file `path`. Raises StoreTooNew, StoreUnusable, StoreError."""
        return cls(await Database.open(path), retention_days=retention_days, cap_mb=cap_mb)

    async def close(self) -> None:
        """Close it, after all that was asked for before."""
        await self._database.close()

    # -- a validator's `RoundLog` ----------------------------------------------------------------------------------

    async def record(
        self, judged: Round, *, netuid: int, history: bytes | None, cursor: tuple[str, int] | None
    ) -> None:
        """Store a round, the scoring history after it and the cursor of its source: all or nothing.

        A round that is there already is left alone, so that a write of unknown outcome may be repeated. Raises
        StoreError for another round under the same id, ValueError for a judgement with a number that is not finite.
        """

        def change(record: Record) -> None:
            if record.rounds.add(judged, netuid):
                record.neurons.count(judged, netuid)
                if history is not None:
                    record.carried.keep_history(netuid, judged.judgement.profile, history)
                if cursor is not None:
                    record.carried.set_cursor(*cursor)

        await self._database.write(change)

    async def has_round(self, id: str) -> bool:
        """Whether a round is stored under this id."""
        return await self._database.read(lambda record: record.rounds.has(id))

    async def count_rounds(self, netuid: int) -> int:
        """How many rounds of this subnet are kept."""
        return await self._database.read(lambda record: record.rounds.count(netuid))

    async def recent_rounds(self, netuid: int, limit: int) -> tuple[Round, ...]:
        """The newest rounds, newest first, without texts, tool calls and likeness."""
        return await self._database.read(lambda record: record.rounds.recent(netuid, limit))

    async def recorded_challenge(self, netuid: int, lot: float) -> Challenge | None:
        """A challenge that came from outside, organic or from a file; `lot`, 0 to 1, says which of them."""
        return await self._database.read(lambda record: record.rounds.challenge_from_outside(netuid, lot))

    async def probes_asked(self, netuid: int, since: float, now: float) -> list[float]:
        """When challenges were asked after `since` and by `now` whose right answer was known, oldest first."""
        return await self._database.read(lambda record: record.rounds.probes_asked(netuid, since, now))

    async def history(self, netuid: int, profile: str) -> bytes | None:
        """What this scoring profile carries from round to round, as it was recorded with the last one."""
        return await self._database.read(lambda record: record.carried.history(netuid, profile))

    async def cursor(self, name: str) -> int | None:
        """How far the source of challenges called `name` has come."""
        return await self._database.read(lambda record: record.carried.cursor(name))

    async def set_cursor(self, name: str, value: int) -> None:
        """Remember how far it has come."""
        await self._database.write(lambda record: record.carried.set_cursor(name, value))

    async def set_score_rule(self, netuid: int, rule: Rule, profile: str) -> None:
        """Remember how this engine makes scores from what the profile pays, for exports."""
        await self._database.write(lambda record: record.carried.set_score_rule(netuid, rule, profile))

    async def emissions(self, netuid: int, profile: str, since: float, per_hotkey: int) -> dict[str, list[Sample]]:
        """By hotkey, the newest samples (at, emission) of this profile after `since`, in the order of their rounds."""
        return await self._database.read(
            lambda record: record.replies.samples_by_hotkey(netuid, profile, since, per_hotkey)
        )

    async def answers_counted(self, netuid: int, since: float, now: float) -> dict[str, list[float]]:
        """By hotkey, when its answers counted after `since` and by `now`, in the order of their rounds."""
        return await self._database.read(lambda record: record.replies.answers_counted(netuid, since, now))

    async def tallies(self, netuid: int) -> dict[str, Tally]:
        """By hotkey, for everyone who was ever asked."""
        return await self._database.read(lambda record: record.neurons.tallies(netuid))

    # -- the operator's `CommandLog` -------------------------------------------------------------------------------

    async def log_command(self, at: float, name: str, detail: str, outcome: str, reason: str) -> None:
        """Record the outcome of a command at the unix time `at`."""
        await self._database.write(lambda record: record.commands.add(at, name, detail, outcome, reason))

    async def recent_commands(self, limit: int) -> tuple[CommandView, ...]:
        """The newest lines of the command log, newest first."""
        return await self._database.read(lambda record: record.commands.recent(limit))

    # -- a `NodeStore` ---------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """The name of the file."""
        return self._database.path.name

    @property
    def gone(self) -> str:
        """What became of the file that was opened, if it is no longer there; "" while it is."""
        return self._database.gone

    async def mend(self) -> str:
        """If a file beside the database was lost, write its content to the database; returns what was mended."""
        return await self._database.mend()

    async def note_neurons(self, netuid: int, neurons: Iterable[tuple[str, str, int, str]], *, at: float) -> None:
        """Note that these (hotkey, coldkey, uid, name), and nobody else, are registered at `at`. An empty name keeps
        the old one."""
        await self._database.write(lambda record: record.neurons.note(netuid, neurons, at=at))

    async def prune(self, now: float) -> int:
        """Delete what is older than the retention period, in small transactions. Returns how many rounds went."""
        await self.nonces.sweep(now)
        before = now - self._retention_s
        first_kept = await self._database.write(lambda record: record.retention.forget(before, now))
        pruned = 0
        while dropped := await self._drop_rounds(first_kept):
            pruned += dropped
        return pruned

    async def shrink(self) -> int:
        """While the file exceeds its cap, drop the oldest answers' texts, which take the most space, and once none is
        left, the oldest rounds. Returns the number of rounds that lost their texts or were deleted."""
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
        """Record what is about to be sent; returns the entry's id."""
        return await self._database.write(lambda record: record.plans.add(plan, "unknown", ""), durable=True)

    async def skip(self, plan: WeightPlan) -> None:
        """Record a plan that is not sent, with its reason."""
        await self._database.write(lambda record: record.plans.add(plan, "skipped", plan.skipped))

    async def settle(self, entry: int, outcome: Outcome) -> None:
        """Record the outcome of an open entry or of a commit; a settled one stays as it is."""
        await self._database.write(lambda record: record.plans.settle(entry, outcome))

    async def open_entries(self) -> tuple[JournalEntry, ...]:
        """Entries whose outcome is not known, oldest first."""
        return await self._database.read(lambda record: record.plans.with_outcome("unknown"))

    async def committed_entries(self) -> tuple[JournalEntry, ...]:
        """Commits that wait to be revealed, oldest first."""
        return await self._database.read(lambda record: record.plans.with_outcome("committed"))

    async def recent(self, netuid: int, limit: int) -> tuple[JournalEntry, ...]:
        """The newest entries, newest first, skipped plans among them."""
        return await self._database.read(lambda record: record.plans.recent(netuid, limit))

    async def profile_on_chain(self, netuid: int) -> str:
        """The profile whose weights are on chain; "" if there are none, or if it was not recorded."""
        plan = await self._database.read(lambda record: record.plans.on_chain(netuid))
        return plan.profile if plan else ""


class StoredNonces:
    """A `NonceStore`. When it is full of valid nonces, it refuses new ones rather than forget any."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._room = 0

    async def remember(self, key: str, *, until: float) -> bool:
        """Whether `key` is new. It is remembered at least until the unix time `until`, even across a crash.

        Raises NoncesUnavailable.
        """
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
        """By hotkey."""
        return await self._database.read(lambda record: record.standings.of(netuid))

    async def save(self, netuid: int, standings: Mapping[str, Standing]) -> None:
        """Raises StoreError, and then the old standings are kept."""
        await self._database.write(lambda record: record.standings.replace(netuid, standings))
