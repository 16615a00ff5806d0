"""Retention: old rounds are deleted in small transactions, and the file shrinks with them."""

import sys
from sqlite3 import Connection

from engine.store.round_table import NO_WORDS, TEXTS_DROPPED

ROUNDS_AT_ONCE = 20
PAGES_AT_ONCE = 2000
"""Deleted, and given back, in one transaction: a round that waits for the store must not wait long."""

EVERY_ROUND = sys.maxsize
"""As the first round to keep: keep none."""


class Retention:
    """The steps of it, each for one transaction except `give_back` and `size`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def forget(self, before: float, now: float) -> int:
        """Delete everything but rounds from before the unix time `before`. Returns the number of the first round to
        keep.

        Open entries of the journal stay, commits that wait to be revealed, and for each subnet the plan that the chain
        holds.
        """
        for statement in (_OLD_COMMANDS, _OLD_PLANS, _OLD_NEURONS):
            self._connection.execute(statement, (before,))
        [(first_kept,)] = self._connection.execute(_FIRST_KEPT, {"before": before, "now": now}).fetchall()
        return int(first_kept)

    def drop_rounds(self, first_kept: int) -> int:
        """Delete some of the oldest rounds before that number. Returns how many."""
        return self._connection.execute(_OLD_ROUNDS, (first_kept, ROUNDS_AT_ONCE)).rowcount

    def forget_users(self, asked_before: float, repeated_before: float) -> int:
        """Forget the words of some users' requests from before a unix time, and of the answers to them; those that
        were asked again, from before another. Their pages are overwritten; the log beside the file may hold older ones
        until SQLite reuses it. Returns the number of rounds."""
        self._connection.execute("PRAGMA secure_delete = ON")
        values = (NO_WORDS, asked_before, repeated_before, NO_WORDS, ROUNDS_AT_ONCE)
        rounds = self._connection.execute(_FORGET_QUESTIONS, values).fetchall()
        self._connection.executemany(_FORGET_ANSWERS, rounds)
        return len(rounds)

    def drop_texts(self) -> int:
        """Drop the texts of some of the oldest rounds that have any. Returns the number of rounds."""
        [(last, count)] = self._connection.execute(_NEXT_TEXTS, (TEXTS_DROPPED, ROUNDS_AT_ONCE)).fetchall()
        if last is None:
            return 0
        self._connection.execute(_DROP_TEXTS, {"last": last, "name": TEXTS_DROPPED})
        self._connection.execute("DELETE FROM likenesses WHERE round <= ?", (last,))
        self._connection.execute(_NOTE_DROPPED, (TEXTS_DROPPED, last))
        return int(count)

    def give_back(self) -> None:
        """Return some of the freed pages to the file system."""
        self._connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")

    def size(self) -> int:
        """The number of bytes in use, without freed pages."""
        [(size,)] = self._connection.execute(_SIZE).fetchall()
        return int(size)


_FIRST_KEPT = """
    SELECT coalesce(
        (SELECT min(number) FROM rounds WHERE at BETWEEN :before AND :now),
        (SELECT max(number) + 1 FROM rounds WHERE at < :before),
        0
    )
"""
"""Rounds are numbered in the order in which they came, whatever the clock said: those before the first that is young
enough are too old, also those from the future, and none after it is."""

_OLD_ROUNDS = "DELETE FROM rounds WHERE number IN (SELECT number FROM rounds WHERE number < ? ORDER BY number LIMIT ?)"
_NEXT_TEXTS = """
    SELECT max(number), count(*) FROM (
        SELECT number FROM rounds
        WHERE number > coalesce((SELECT value FROM cursors WHERE name = ?), 0) ORDER BY number LIMIT ?
    )
"""
_DROP_TEXTS = """
    UPDATE replies SET text = '', tool_calls = '[]', logprobs = 'null'
    WHERE round <= :last AND round > coalesce((SELECT value FROM cursors WHERE name = :name), 0)
"""
_FORGET_QUESTIONS = """
    UPDATE rounds SET request = ? WHERE number IN (
        SELECT number FROM rounds
        WHERE (source = 'organic' AND at < ? OR source = 'replay' AND at < ?) AND request != ? LIMIT ?
    ) RETURNING number
"""
_FORGET_ANSWERS = """
    UPDATE replies SET text = '', tool_calls = '[]', prompt = '', reasons = '[]', logprobs = 'null',
        reason = CASE status WHEN 'ok' THEN '' ELSE status END
    WHERE round = ?
"""
_NOTE_DROPPED = "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_OLD_COMMANDS = "DELETE FROM commands WHERE at < ?"
_OLD_PLANS = """
    DELETE FROM plans
    WHERE at < ? AND outcome NOT IN ('unknown', 'committed')
    AND id NOT IN (SELECT max(id) FROM plans WHERE outcome IN ('ok', 'applied') GROUP BY netuid)
"""
_OLD_NEURONS = "DELETE FROM neurons WHERE seen_at < ? AND NOT registered"
_SIZE = """
    SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
