"""The engine's memory on disk: rounds, what is counted and carried on from them, and the command log.

The journal of weights and the nonces are `journal` and `nonces`, each under the protocol of the room that it serves.
Every method may raise `StoreError`; a write that does has written nothing.
"""

import math
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.errors import StoreError
from engine.snapshot import CommandView
from engine.store import retention
from engine.store.columns import Count, cells
from engine.store.database import Database
from engine.store.journal import PlanTable
from engine.store.nonces import NonceTable
from engine.store.penalties import PenaltyTable
from engine.store.rows import (
    HISTORY,
    LIKENESS,
    SAMPLES,
    challenge_of,
    command_of,
    history_of,
    likeness_of,
    neuron_of,
    reply_values,
    require_finite,
    round_of,
    round_values,
    rule_json,
    sample_of,
    storable,
    tally_values,
)
from engine.store.stored import Word
from engine.store.tally import Tally
from engine.values import At, Challenge, Round
from engine.weights.averages import Rule, Sample

__all__ = ["Store", "Tally"]

DAY_S = 86400.0
MB = 1_000_000

_INSERT_ROUND = """
    INSERT INTO rounds (id, netuid, at, duration_ms, block, kind, source, created_at, answer_type, truth,
        profile, encoder, consensus, agreement, winner, clusters, request, scored, lures)
    VALUES (:id, :netuid, :at, :duration_ms, :block, :kind, :source, :created_at, :answer_type, :truth,
        :profile, :encoder, :consensus, :agreement, :winner, :clusters, :request, :scored, :lures)
    RETURNING number
"""
_INSERT_REPLY = """
    INSERT INTO replies (round, position, netuid, at, uid, hotkey, coldkey, ip, status, ms, quality, score, emission,
        counted, profile, cluster, reason, finish_reason, parts, reasons, usage, tool_calls, text)
    VALUES (:round, :position, :netuid, :at, :uid, :hotkey, :coldkey, :ip, :status, :ms, :quality, :score, :emission,
        :counted, :profile, :cluster, :reason, :finish_reason, :parts, :reasons, :usage, :tool_calls, :text)
"""
_KEEP_LIKENESS = "INSERT INTO likenesses (round, value) VALUES (?, ?)"
_COUNT_REPLY = """
    INSERT INTO neurons (netuid, hotkey, coldkey, uid, seen_at, rounds, answered, failed, failures_in_a_row,
        last_answer_at, last_emission)
    VALUES (:netuid, :hotkey, :coldkey, :uid, :at, 1, :answered, :failed, :failed, :answered_at, :emission)
    ON CONFLICT DO UPDATE SET
        seen_at = max(seen_at, :at),
        rounds = rounds + 1,
        answered = answered + :answered,
        failed = failed + :failed,
        failures_in_a_row = iif(:answered, 0, failures_in_a_row + 1),
        last_answer_at = coalesce(:answered_at, last_answer_at),
        last_emission = :emission
"""
_NOTE_NEURON = """
    INSERT INTO neurons (netuid, hotkey, coldkey, uid, name, seen_at) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT DO UPDATE SET
        coldkey = excluded.coldkey,
        uid = excluded.uid,
        name = iif(excluded.name = '', name, excluded.name),
        registered = 1,
        seen_at = max(seen_at, excluded.seen_at)
"""
_KEEP_HISTORY = """
    INSERT INTO histories (netuid, profile, value) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET value = excluded.value
"""
_KEEP_CURSOR = "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_KEEP_RULE = """
    INSERT INTO score_rules (netuid, rule, profile) VALUES (?, ?, ?)
    ON CONFLICT DO UPDATE SET rule = excluded.rule, profile = excluded.profile
"""
_ANSWERS_COUNTED = """
    SELECT replies.hotkey, replies.at FROM rounds CROSS JOIN replies ON replies.round = rounds.number
    WHERE rounds.at > ? AND rounds.at <= ? AND rounds.netuid = ? AND replies.status = 'ok' AND replies.counted = 'yes'
    ORDER BY rounds.number
"""
_COUNT = "SELECT count(*) FROM rounds"
"""Without a netuid, an index answers it."""

_COUNT_OF_ONE = "SELECT count(*) FROM rounds WHERE netuid = :netuid"
_FROM_OUTSIDE = "FROM rounds WHERE netuid = ? AND source IN ('organic', 'file')"
_REPLIES_WITHOUT_TEXT = """
    SELECT uid, hotkey, coldkey, ip, status, ms, quality, score, emission, counted, cluster, reason, finish_reason,
        parts, reasons, usage, '[]' AS tool_calls, '' AS text
    FROM replies WHERE round = ? ORDER BY position
"""


class Store:
    """One data folder's database. A room gets it whole or only the part that it needs."""

    def __init__(self, database: Database, *, retention_days: float, cap_mb: float = math.inf) -> None:
        self._database = database
        self._cap_mb = cap_mb
        self._retention_s = retention_days * DAY_S
        self.journal = PlanTable(database)
        self.nonces = NonceTable(database)
        self.penalties = PenaltyTable(database)

    @classmethod
    async def open(cls, path: Path, *, retention_days: float, cap_mb: float = math.inf) -> "Store":
        """Create or migrate the database file `path`. Raises StoreTooNew, StoreUnusable, StoreError."""
        return cls(await Database.open(path), retention_days=retention_days, cap_mb=cap_mb)

    @property
    def gone(self) -> str:
        """Whether the file is not what was opened any more, in words; "" while all is well."""
        return self._database.gone

    async def mend(self) -> str:
        """As `Database.mend`."""
        return await self._database.mend()

    async def close(self) -> None:
        await self._database.close()

    async def record(
        self, judged: Round, *, netuid: int, history: bytes | None, cursor: tuple[str, int] | None
    ) -> None:
        """Store a round, the scoring history after it and the cursor of its source: all or nothing.

        A round that is there already is left alone, so that a write of unknown outcome may be repeated. Another round
        under the same id is a StoreError, a judgement with a number that is not finite a ValueError.
        """
        require_finite(judged)
        values = round_values(judged, netuid)
        async with self._database.write() as connection:
            for (at,) in await connection.execute_fetchall("SELECT at FROM rounds WHERE id = ?", (values["id"],)):
                if at == judged.started_at:
                    return
                raise StoreError(f"another round is stored under the id {judged.challenge.id!r}")
            [(number,)] = await connection.execute_fetchall(_INSERT_ROUND, values)
            await connection.executemany(_INSERT_REPLY, reply_values(judged, netuid, number))
            await connection.executemany(_COUNT_REPLY, tally_values(judged, netuid))
            if judged.likeness is not None:
                await connection.execute(_KEEP_LIKENESS, (number, msgspec.msgpack.encode(judged.likeness)))
            if history is not None:
                await connection.execute(_KEEP_HISTORY, (netuid, judged.judgement.profile, history))
            if cursor is not None:
                await connection.execute(_KEEP_CURSOR, cursor)

    async def round(self, id: str) -> Round | None:
        """The whole round, as it was recorded."""
        async with self._database.read() as connection:
            for row in await connection.execute_fetchall("SELECT * FROM rounds WHERE id = ?", (storable(id),)):
                replies = await connection.execute_fetchall(
                    "SELECT * FROM replies WHERE round = ? ORDER BY position", (row["number"],)
                )
                likeness = likeness_of(await connection.execute_fetchall(LIKENESS, (row["number"],)))
                return round_of(row, list(replies), likeness)
        return None

    async def has_round(self, id: str) -> bool:
        async with self._database.read() as connection:
            return bool(await connection.execute_fetchall("SELECT 1 FROM rounds WHERE id = ?", (storable(id),)))

    async def recorded_challenge(self, netuid: int, lot: float) -> Challenge | None:
        """A challenge that came from outside, organic or from a file; `lot`, 0 to 1, says which of them."""
        async with self._database.read() as connection:
            [(count,)] = await connection.execute_fetchall(f"SELECT count(*) {_FROM_OUTSIDE}", (netuid,))
            query = f"SELECT * {_FROM_OUTSIDE} ORDER BY number LIMIT 1 OFFSET ?"
            for row in await connection.execute_fetchall(query, (netuid, int(lot * count))):
                return challenge_of(row)
        return None

    async def probes_asked(self, netuid: int, since: float, now: float) -> list[float]:
        """When challenges were asked after `since` and by `now` whose right answer was known, oldest first."""
        async with self._database.read() as connection:
            query = "SELECT at FROM rounds WHERE netuid = ? AND at > ? AND at <= ? AND truth IS NOT NULL ORDER BY at"
            return [cells(row, At)[0] for row in await connection.execute_fetchall(query, (netuid, since, now))]

    async def count_rounds(self, netuid: int) -> int:
        """How many rounds of this subnet are kept."""
        async with self._database.read() as connection:
            subnets = await connection.execute_fetchall("SELECT DISTINCT netuid FROM neurons")
            query = _COUNT if [tuple(row) for row in subnets] == [(netuid,)] else _COUNT_OF_ONE
            [(count,)] = await connection.execute_fetchall(query, {"netuid": netuid})
            return int(count)

    async def recent_rounds(self, netuid: int, limit: int) -> tuple[Round, ...]:
        """The newest rounds, newest first, without texts, tool calls and likeness."""
        async with self._database.read() as connection:
            rounds = []
            query = "SELECT * FROM rounds WHERE netuid = ? ORDER BY number DESC LIMIT ?"
            for row in await connection.execute_fetchall(query, (netuid, limit)):
                replies = await connection.execute_fetchall(_REPLIES_WITHOUT_TEXT, (row["number"],))
                rounds.append(round_of(row, list(replies)))
            return tuple(rounds)

    async def cursor(self, name: str) -> int | None:
        """How far the source of challenges called `name` has come."""
        async with self._database.read() as connection:
            for row in await connection.execute_fetchall("SELECT value FROM cursors WHERE name = ?", (name,)):
                [position] = cells(row, Count)
                return int(position)
        return None

    async def set_cursor(self, name: str, value: int) -> None:
        async with self._database.write() as connection:
            await connection.execute(_KEEP_CURSOR, (name, value))

    async def history(self, netuid: int, profile: str) -> bytes | None:
        """What this scoring profile carries from round to round, as it was recorded with the last one."""
        async with self._database.read() as connection:
            for row in await connection.execute_fetchall(HISTORY, (netuid, profile)):
                return history_of(row)
        return None

    async def emissions(self, netuid: int, profile: str, since: float, per_hotkey: int) -> dict[str, list[Sample]]:
        """By hotkey, the newest samples (at, emission) after `since`, in the order of their rounds.

        Which replies are samples, `Round.counted` says. Those of rounds that another profile judged are on another
        scale, and not among them.
        """
        emissions = {}
        async with self._database.read() as connection:
            for row in await connection.execute_fetchall("SELECT hotkey FROM neurons WHERE netuid = ?", (netuid,)):
                [hotkey] = cells(row, Word)
                newest = await connection.execute_fetchall(SAMPLES, (netuid, hotkey, profile, since, per_hotkey))
                if samples := list(map(sample_of, newest)):
                    emissions[hotkey] = samples[::-1]
        return emissions

    async def answers_counted(self, netuid: int, since: float, now: float) -> dict[str, list[float]]:
        """By hotkey, when its answers counted after `since`, in the order of their rounds.

        Failures that count are not among them, nor what a clock that was ahead has put into the future.
        """
        times: dict[str, list[float]] = {}
        async with self._database.read() as connection:
            for row in await connection.execute_fetchall(_ANSWERS_COUNTED, (since, now, netuid)):
                hotkey, at = cells(row, Word, At)
                times.setdefault(hotkey, []).append(at)
        return times

    async def tallies(self, netuid: int) -> dict[str, Tally]:
        """By hotkey, for everyone who was ever asked."""
        async with self._database.read() as connection:
            rows = await connection.execute_fetchall(
                "SELECT * FROM neurons WHERE netuid = ? AND rounds != 0", (netuid,)
            )
            return {neuron.hotkey: neuron.tally for neuron in map(neuron_of, rows)}

    async def note_neurons(self, netuid: int, neurons: Iterable[tuple[str, str, int, str]], *, at: float) -> None:
        """These (hotkey, coldkey, uid, name) are registered at `at`, and nobody else. An empty name changes none."""
        async with self._database.write() as connection:
            await connection.execute("UPDATE neurons SET registered = 0 WHERE netuid = ?", (netuid,))
            await connection.executemany(
                _NOTE_NEURON,
                ((netuid, hotkey, coldkey, uid, storable(name), at) for hotkey, coldkey, uid, name in neurons),
            )

    async def set_score_rule(self, netuid: int, rule: Rule, profile: str) -> None:
        """Keep the rule by which this engine makes scores of what the profile pays, for exports."""
        async with self._database.write() as connection:
            await connection.execute(_KEEP_RULE, (netuid, rule_json(rule), profile))

    async def log_command(self, at: float, name: str, detail: str, outcome: str, reason: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(
                "INSERT INTO commands (at, name, detail, outcome, reason) VALUES (?, ?, ?, ?, ?)",
                (at, name, storable(detail), outcome, storable(reason)),
            )

    async def recent_commands(self, limit: int) -> tuple[CommandView, ...]:
        """The newest lines of the command log, newest first."""
        async with self._database.read() as connection:
            query = "SELECT at, name, detail, outcome, reason FROM commands ORDER BY id DESC LIMIT ?"
            return tuple(map(command_of, await connection.execute_fetchall(query, (limit,))))

    async def prune(self, now: float) -> int:
        """Delete what is older than the retention, in small transactions. Returns how many rounds went."""
        await self.nonces.sweep(now)
        return await retention.prune(self._database, before=now - self._retention_s, now=now)

    async def shrink(self) -> int:
        """Drop the oldest answers' texts while the file is larger than its cap. Returns how many rounds lost theirs."""
        return 0 if math.isinf(self._cap_mb) else await retention.shrink(self._database, cap=int(self._cap_mb * MB))
