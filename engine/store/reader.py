"""The door for other processes: one consistent view of the database, read-only, row by row.

It works while the engine writes, and on what a killed engine left behind.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path

from engine.store.columns import BareReply, RoundRow, cells, fields
from engine.store.read_only import is_alone, read_only
from engine.store.retention import TEXTS_DROPPED
from engine.store.rows import (
    LIKENESS,
    SAMPLES,
    STANDINGS,
    appearance_of,
    clusters_of,
    entry_of,
    likeness_of,
    neuron_of,
    plan_of,
    round_of,
    rule_of,
    sample_of,
    standing_of,
    storable,
    stored_reply_of,
)
from engine.store.stored import Appearance, FoundRound, StoredNeuron, StoredPlan, StoredReply, StoredRound, Word
from engine.sybil.penalties import Standing
from engine.values import At
from engine.weights.averages import Rule, Sample
from engine.weights.plan import WeightPlan


@contextmanager
def open_reader(path: Path, *, brief: bool = False) -> Iterator["Reader"]:
    """Raises StoreUnusable, StoreTooNew and StoreError, on opening and while rows are read.

    A `brief` reader, gone again within moments, leaves no trace in the folder (see `read_only`).
    """
    with read_only(path, brief=brief) as connection:
        yield Reader(connection)


class Reader:
    """Rows as they were when the reader was opened; `since` is a unix time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rounds(self, since: float) -> Iterator[StoredRound]:
        """In the order in which they were recorded."""
        for row in self._connection.execute("SELECT * FROM rounds WHERE at >= ? ORDER BY number", (since,)):
            stored: RoundRow = fields(row, RoundRow)
            query = "SELECT uid, hotkey, status, ms FROM replies WHERE round = ? ORDER BY position"
            replies: list[BareReply] = [
                fields(reply, BareReply) for reply in self._connection.execute(query, (stored.number,))
            ]
            uids = {reply.hotkey: reply.uid for reply in replies}
            yield StoredRound(
                id=stored.id,
                at=stored.at,
                kind=stored.kind,
                source=stored.source,
                profile=stored.profile,
                asked=len(replies),
                answered=sum(reply.status == "ok" for reply in replies),
                winner_uid=uids.get(stored.winner or ""),
                winner_hotkey=stored.winner,
                agreement=stored.agreement,
                clusters=[[uids[hotkey] for hotkey in cluster] for cluster in clusters_of(stored, uids)],
                duration_ms=stored.duration_ms,
                encoder=stored.encoder,
            )

    def replies(self, since: float) -> Iterator[StoredReply]:
        """Round by round, in the order in which they were judged."""
        for row in self._connection.execute(_REPLIES, (since,)):
            yield stored_reply_of(row)

    def round(self, id: str) -> FoundRound | None:
        """The whole round under this id, as it was recorded."""
        row = self._connection.execute("SELECT * FROM rounds WHERE id = ?", (storable(id),)).fetchone()
        if row is None:
            return None
        query = "SELECT * FROM replies WHERE round = ? ORDER BY position"
        replies = self._connection.execute(query, (row["number"],)).fetchall()
        likeness = likeness_of(self._connection.execute(LIKENESS, (row["number"],)))
        where = "" if is_alone(self._connection, row["netuid"]) else " WHERE netuid = :netuid"
        where_it_is = {"netuid": row["netuid"], "number": row["number"]}
        place, total = self._connection.execute(_PLACE + where, where_it_is).fetchone()
        return FoundRound(round=round_of(row, replies, likeness), place=place, total=total, **where_it_is)

    def newest_subnet(self) -> int | None:
        """The netuid of the round that was recorded last; None: there is no round."""
        row = self._connection.execute("SELECT netuid FROM rounds ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else cells(row, int)[0]

    def ids(self, netuid: int, since: float) -> list[str]:
        """The ids of a subnet's rounds whose texts are kept, in the order in which they were recorded."""
        rows = self._connection.execute(_IDS_WITH_TEXTS, (netuid, since, TEXTS_DROPPED))
        return [cells(row, str)[0] for row in rows]

    def from_the_future(self, now: float) -> tuple[int, float]:
        """How many rounds were recorded by a clock that was ahead of `now`, and when the last of them, 0 for none."""
        query = "SELECT count(*), coalesce(max(at), 0.0) FROM rounds WHERE at > ?"
        count, last = cells(self._connection.execute(query, (now,)).fetchone(), int, At)
        return count, last

    def round_beside(self, id: str, steps: int) -> str | None:
        """The id of the round so many `steps` after this one, before it when negative, else the last that there is.

        None: there is no round under this id, or none on that side of it.
        """
        query = _AFTER if steps > 0 else _BEFORE
        row = self._connection.execute(query, {"id": storable(id), "steps": abs(steps)}).fetchone()
        return None if row is None else cells(row, str)[0]

    def newest_ids(self, limit: int) -> list[str]:
        """The ids of the rounds that were recorded last, newest first."""
        rows = self._connection.execute("SELECT id FROM rounds ORDER BY number DESC LIMIT ?", (limit,))
        return [cells(row, str)[0] for row in rows]

    def names(self, netuid: int) -> dict[str, str]:
        """The names of the neurons by hotkey; some have none."""
        query = "SELECT hotkey, name FROM neurons WHERE netuid = ? AND name <> ''"
        return dict(cells(row, Word, str) for row in self._connection.execute(query, (netuid,)))

    def appearances(self, netuid: int, hotkey: str, limit: int, *, until: float = inf) -> list[Appearance]:
        """The last rounds in which this hotkey was asked, newest first, `until` a unix time."""
        rows = self._connection.execute(_APPEARANCES, (hotkey, netuid, hotkey, until, limit))
        return [appearance_of(row) for row in rows]

    def samples_until(self, netuid: int, hotkey: str, profile: str, number: int, limit: int) -> list[Sample]:
        """The last samples (at, emission) of a hotkey by a profile up to this round, in the order of their rounds."""
        rows = self._connection.execute(_SAMPLES_UNTIL, (netuid, hotkey, profile, number, limit)).fetchall()
        return [sample_of(row) for row in reversed(rows)]

    def neurons(self) -> Iterator[StoredNeuron]:
        """Ordered by netuid and uid."""
        for row in self._connection.execute("SELECT * FROM neurons ORDER BY netuid, uid, registered DESC, hotkey"):
            yield neuron_of(row)

    def emissions(self, netuid: int, hotkey: str, profile: str, since: float, limit: int) -> list[Sample]:
        """The newest samples (at, emission) of this hotkey by this profile after `since`, in order of time."""
        rows = self._connection.execute(SAMPLES, (netuid, hotkey, profile, since, limit)).fetchall()
        return [sample_of(row) for row in reversed(rows)]

    def score_rule(self, netuid: int) -> Rule | None:
        """How the engine makes scores. None: it has scored nothing of this subnet yet."""
        row = self._connection.execute("SELECT rule FROM score_rules WHERE netuid = ?", (netuid,)).fetchone()
        return None if row is None else rule_of(row["rule"])

    def profile(self, netuid: int) -> str:
        """The scoring profile of which scores are made, "" before any."""
        row = self._connection.execute("SELECT profile FROM score_rules WHERE netuid = ?", (netuid,)).fetchone()
        return "" if row is None else cells(row, Word)[0]

    def plans(self, since: float) -> Iterator[StoredPlan]:
        """The journal, in its order."""
        for row in self._connection.execute("SELECT * FROM plans WHERE at >= ? ORDER BY id", (since,)):
            yield entry_of(row)

    def histories(self) -> list[tuple[int, str, bytes]]:
        """What each scoring profile learnt on each subnet, as (netuid, profile, history)."""
        query = "SELECT netuid, profile, CAST(value AS BLOB) FROM histories ORDER BY netuid, profile"
        return [cells(row, int, Word, bytes) for row in self._connection.execute(query)]

    def standings(self, netuid: int) -> dict[str, Standing]:
        """By hotkey, who is held back from a penalty, and since when whom it was shown for."""
        return dict(map(standing_of, self._connection.execute(STANDINGS, (netuid,))))

    def weights(self, netuid: int) -> WeightPlan | None:
        """What was last set on chain; while nothing was, the last plan to be sent."""
        row = self._connection.execute(_WEIGHTS, (netuid,)).fetchone()
        return None if row is None else plan_of(row["plan"])


_IDS_WITH_TEXTS = """
    SELECT id FROM rounds
    WHERE netuid = ? AND at >= ? AND number > coalesce((SELECT value FROM cursors WHERE name = ?), 0) ORDER BY number
"""
_REPLIES = """
    SELECT rounds.id AS round_id, rounds.at, replies.uid, replies.hotkey, replies.status, replies.ms, replies.quality,
        replies.cluster, replies.score, replies.emission, replies.counted, replies.profile, replies.reason,
        replies.reasons, replies.text
    FROM rounds CROSS JOIN replies ON replies.round = rounds.number
    WHERE rounds.at >= ? ORDER BY rounds.number, replies.position
"""
_PLACE = """
    SELECT count(*) FILTER (WHERE number <= :number) AS place, count(*) AS total FROM rounds
"""
"""Without a netuid, an index answers it."""

_AFTER = """
    WITH here AS (SELECT number, netuid FROM rounds WHERE id = :id)
    SELECT id FROM (
        SELECT rounds.id, rounds.number FROM rounds, here
        WHERE rounds.netuid = here.netuid AND rounds.number > here.number ORDER BY rounds.number LIMIT :steps
    ) ORDER BY number DESC LIMIT 1
"""
_BEFORE = """
    WITH here AS (SELECT number, netuid FROM rounds WHERE id = :id)
    SELECT id FROM (
        SELECT rounds.id, rounds.number FROM rounds, here
        WHERE rounds.netuid = here.netuid AND rounds.number < here.number ORDER BY rounds.number DESC LIMIT :steps
    ) ORDER BY number LIMIT 1
"""
_APPEARANCES = """
    SELECT rounds.id AS round_id, replies.at, rounds.kind, rounds.agreement, rounds.winner IS ? AS won, replies.status,
        replies.ms, replies.quality, replies.cluster, replies.score, replies.emission, replies.counted, replies.profile,
        replies.reason, replies.reasons
    FROM replies JOIN rounds ON rounds.number = replies.round
    WHERE replies.netuid = ? AND replies.hotkey = ? AND replies.at <= ? ORDER BY replies.round DESC LIMIT ?
"""
_SAMPLES_UNTIL = """
    SELECT at, emission FROM replies
    WHERE netuid = ? AND hotkey = ? AND profile = ? AND round <= ? AND counted = 'yes' ORDER BY round DESC LIMIT ?
"""
_WEIGHTS = """
    SELECT plan FROM plans WHERE id = (
        SELECT id FROM plans WHERE netuid = ? AND outcome <> 'skipped'
        ORDER BY outcome IN ('ok', 'applied') DESC, id DESC LIMIT 1
    )
"""
