"""The tables rounds and likenesses: judged rounds, written whole and read by time, id, number or place."""

from collections.abc import Iterator
from sqlite3 import Connection, Row

import msgspec

from engine.errors import StoreError
from engine.store.columns import cell, cells, fields, storable, to_json, unpacked
from engine.store.round_rows import (
    BareReply,
    RoundRow,
    bare_round_of,
    challenge_of,
    clusters_of,
    reply_values,
    require_finite,
    round_of,
    round_values,
)
from engine.store.stored import FoundRound, RoundMark, StoredRound
from engine.values import At, Challenge, Likeness, Request, Round

NO_WORDS = to_json(msgspec.to_builtins(Request()))
"""A question that is no longer known."""

TEXTS_DROPPED = "texts dropped"
"""The cursor at the last round whose answers' texts were dropped for lack of space."""


class RoundTable:
    """The rounds of all subnets, numbered in the order in which they were recorded, whatever the clock said. Times are
    unix seconds. Reads raise BadRow."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # -- written ---------------------------------------------------------------------------------------------------

    def add(self, judged: Round, netuid: int) -> bool:
        """Write a round with its replies. False if it is there already; it then stays as it is.

        Raises StoreError for another round under the same id, ValueError for a number that is not finite.
        """
        require_finite(judged)
        values = round_values(judged, netuid)
        for (at,) in self._connection.execute("SELECT at FROM rounds WHERE id = ?", (values["id"],)):
            if at == judged.started_at:
                return False
            raise StoreError(f"another round is stored under the id {judged.challenge.id!r}")
        [(number,)] = self._connection.execute(_INSERT_ROUND, values).fetchall()
        self._connection.executemany(_INSERT_REPLY, reply_values(judged, netuid, number))
        if judged.likeness is not None:
            self._connection.execute(_INSERT_LIKENESS, (number, msgspec.msgpack.encode(judged.likeness)))
        return True

    def add_likeness(self, id: str, netuid: int, likeness: Likeness) -> None:
        """Write the likeness of a round that is there and has none."""
        found = self._connection.execute(_NUMBER, (storable(id), netuid)).fetchone()
        if found is not None and self._likeness(found[0]) is None:
            self._connection.execute(_INSERT_LIKENESS, (found[0], msgspec.msgpack.encode(likeness)))

    # -- single rounds ---------------------------------------------------------------------------------------------

    def has(self, id: str) -> bool:
        """Whether a round is stored under this id."""
        return self._connection.execute("SELECT 1 FROM rounds WHERE id = ?", (storable(id),)).fetchone() is not None

    def found(self, id: str) -> FoundRound | None:
        """The whole round under this id, as it was recorded."""
        row = self._connection.execute("SELECT * FROM rounds WHERE id = ?", (storable(id),)).fetchone()
        if row is None:
            return None
        where = {"netuid": row["netuid"], "number": row["number"]}
        only = "" if self._is_alone(where["netuid"]) else " WHERE netuid = :netuid"
        place, total = self._connection.execute(_PLACE + only, where).fetchone()
        replies = self._connection.execute(_REPLIES, (where["number"],)).fetchall()
        whole = round_of(row, replies, self._likeness(where["number"]))
        return FoundRound(round=whole, place=place, total=total, **where)

    def bare(self, number: int) -> Round | None:
        """One round as a table of rounds needs it, see `bare_round_of`."""
        row = self._connection.execute("SELECT * FROM rounds WHERE number = ?", (number,)).fetchone()
        return None if row is None else bare_round_of(row, self._connection.execute(_BARE, (number,)).fetchall())

    def beside(self, id: str, steps: int) -> str | None:
        """The id of the round `steps` after this one (before it if negative), or of the last one on that side.

        None if there is no such round, or none on that side.
        """
        query = _AFTER if steps > 0 else _BEFORE
        row = self._connection.execute(query, {"id": storable(id), "steps": abs(steps)}).fetchone()
        return None if row is None else str(cell(row, str))

    def challenge_from_outside(self, netuid: int, lot: float, young: float) -> Challenge | None:
        """An organic challenge since the unix time `young`, or one from a file; `lot`, from 0 to 1, picks one."""
        [(count,)] = self._connection.execute(f"SELECT count(*) {_FROM_OUTSIDE}", (netuid, young, NO_WORDS)).fetchall()
        query = f"SELECT * {_FROM_OUTSIDE} ORDER BY number LIMIT 1 OFFSET ?"
        row = self._connection.execute(query, (netuid, young, NO_WORDS, int(lot * count))).fetchone()
        return None if row is None else challenge_of(row)

    # -- many of them ----------------------------------------------------------------------------------------------

    def recent(self, netuid: int, limit: int) -> tuple[Round, ...]:
        """The newest rounds, newest first, without texts, tool calls and likeness."""
        query = "SELECT * FROM rounds WHERE netuid = ? ORDER BY number DESC LIMIT ?"
        rows = self._connection.execute(query, (netuid, limit)).fetchall()
        return tuple(round_of(row, self._connection.execute(_TEXTLESS, (row["number"],)).fetchall()) for row in rows)

    def since(self, since: float) -> Iterator[StoredRound]:
        """The rounds of all subnets since a unix time, in the order in which they were recorded."""
        for row in self._connection.execute("SELECT * FROM rounds WHERE at >= ? ORDER BY number", (since,)):
            stored: RoundRow = fields(row, RoundRow)
            replies = self._connection.execute(_BARE, (stored.number,))
            yield _summary(stored, [fields(reply, BareReply) for reply in replies])

    def marks(self, netuid: int, after: int) -> list[RoundMark]:
        """Number and time of each round after the number `after`, in the order in which they were recorded."""
        if after:
            query = "SELECT number, at FROM rounds WHERE number > ? AND netuid = ? ORDER BY number"
            return [_mark_of(row) for row in self._connection.execute(query, (after, netuid))]
        query = _MARKS if self._is_alone(netuid) else _MARKS_OF_ONE
        return sorted(_mark_of(row) for row in self._connection.execute(query, {"netuid": netuid}))

    def span(self, netuid: int) -> tuple[int, int] | None:
        """The numbers of the first and the last round that are kept."""
        numbers = []
        for query in (_OLDEST, _NEWEST):
            numbers += [number for (number,) in self._connection.execute(query, (netuid,))]
        return (numbers[0], numbers[1]) if numbers else None

    def count(self, netuid: int) -> int:
        """How many rounds of this subnet are kept."""
        query = _COUNT if self._is_alone(netuid) else _COUNT_OF_ONE
        [(count,)] = self._connection.execute(query, {"netuid": netuid}).fetchall()
        return int(count)

    def newest_subnet(self) -> int | None:
        """The netuid of the last recorded round, None if there is none."""
        row = self._connection.execute("SELECT netuid FROM rounds ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else int(cell(row, int))

    def newest_ids(self, limit: int) -> list[str]:
        """The ids of the latest rounds, newest first."""
        rows = self._connection.execute("SELECT id FROM rounds ORDER BY number DESC LIMIT ?", (limit,))
        return [cell(row, str) for row in rows]

    def ids(self, netuid: int, since: float) -> list[str]:
        """The ids of a subnet's rounds that still have their texts, in the order in which they were recorded."""
        return [cell(row, str) for row in self._connection.execute(_WITH_TEXTS, (netuid, since, TEXTS_DROPPED))]

    def probes_asked(self, netuid: int, since: float, now: float) -> list[float]:
        """The times, after `since` and up to `now`, of the challenges whose right answer was known, oldest first."""
        query = "SELECT at FROM rounds WHERE netuid = ? AND at > ? AND at <= ? AND truth IS NOT NULL ORDER BY at"
        return [cell(row, At) for row in self._connection.execute(query, (netuid, since, now))]

    def from_the_future(self, now: float) -> tuple[int, float]:
        """The number of rounds dated after `now`, and the latest of their times, 0 for none."""
        query = "SELECT count(*), coalesce(max(at), 0.0) FROM rounds WHERE at > ?"
        count, last = cells(self._connection.execute(query, (now,)).fetchone(), int, At)
        return count, last

    def _is_alone(self, netuid: int) -> bool:
        """Whether the store holds only this subnet, as it does unless a folder was used for two."""
        subnets = self._connection.execute("SELECT DISTINCT netuid FROM neurons")
        return [subnet for (subnet,) in subnets] == [netuid]

    def _likeness(self, number: int) -> Likeness | None:
        row = self._connection.execute("SELECT value FROM likenesses WHERE round = ?", (number,)).fetchone()
        return None if row is None else unpacked(row["value"], Likeness)


def _mark_of(row: Row) -> RoundMark:
    return RoundMark(*cells(row, int, At))


def _summary(stored: RoundRow, replies: list[BareReply]) -> StoredRound:
    uids = {reply.hotkey: reply.uid for reply in replies}
    return StoredRound(
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


_INSERT_ROUND = """
    INSERT INTO rounds (id, netuid, at, duration_ms, block, kind, source, created_at, answer_type, truth,
        profile, encoder, consensus, agreement, winner, clusters, request, scored, lures)
    VALUES (:id, :netuid, :at, :duration_ms, :block, :kind, :source, :created_at, :answer_type, :truth,
        :profile, :encoder, :consensus, :agreement, :winner, :clusters, :request, :scored, :lures)
    RETURNING number
"""
_INSERT_REPLY = """
    INSERT INTO replies (round, position, netuid, at, uid, hotkey, coldkey, ip, status, ms, quality, score, emission,
        counted, profile, cluster, reason, finish_reason, dialect, prompt, parts, reasons, usage, tool_calls,
        logprobs, text)
    VALUES (:round, :position, :netuid, :at, :uid, :hotkey, :coldkey, :ip, :status, :ms, :quality, :score, :emission,
        :counted, :profile, :cluster, :reason, :finish_reason, :dialect, :prompt, :parts, :reasons, :usage, :tool_calls,
        :logprobs, :text)
"""
_NUMBER = "SELECT number FROM rounds WHERE id = ? AND netuid = ?"
_INSERT_LIKENESS = "INSERT INTO likenesses (round, value) VALUES (?, ?)"

_REPLIES = "SELECT * FROM replies WHERE round = ? ORDER BY position"
_BARE = "SELECT uid, hotkey, status, ms FROM replies WHERE round = ? ORDER BY position"
_TEXTLESS = """
    SELECT uid, hotkey, coldkey, ip, status, ms, quality, score, emission, counted, cluster, reason, finish_reason,
        dialect, '' AS prompt, parts, reasons, usage, '[]' AS tool_calls, 'null' AS logprobs,
        '' AS text
    FROM replies WHERE round = ? ORDER BY position
"""
_FROM_OUTSIDE = "FROM rounds WHERE netuid = ? AND (source = 'file' OR source = 'organic' AND at > ? AND request != ?)"
_MARKS = "SELECT number, at FROM rounds INDEXED BY rounds_by_time"
_MARKS_OF_ONE = "SELECT number, at FROM rounds WHERE netuid = :netuid"
_OLDEST = "SELECT number FROM rounds WHERE netuid = ? ORDER BY number LIMIT 1"
_NEWEST = "SELECT number FROM rounds WHERE netuid = ? ORDER BY number DESC LIMIT 1"
_COUNT = "SELECT count(*) FROM rounds"
"""Without a netuid, an index answers it."""

_COUNT_OF_ONE = "SELECT count(*) FROM rounds WHERE netuid = :netuid"
_PLACE = """
    SELECT count(*) FILTER (WHERE number <= :number) AS place, count(*) AS total FROM rounds
"""
"""Without a netuid, an index answers it."""

_WITH_TEXTS = """
    SELECT id FROM rounds
    WHERE netuid = ? AND at >= ? AND number > coalesce((SELECT value FROM cursors WHERE name = ?), 0) ORDER BY number
"""
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
