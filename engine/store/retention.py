"""Forgetting: old rounds and what belongs to them go in small transactions, and the file gives the space back."""

import sys

from engine.store.database import Database

ROUNDS_AT_ONCE = 20
PAGES_AT_ONCE = 2000

TEXTS_DROPPED = "texts dropped"
"""The cursor that stands at the last round whose answers' texts went for want of space."""

_FIRST_KEPT = """
    SELECT coalesce(
        (SELECT min(number) FROM rounds WHERE at BETWEEN :before AND :now),
        (SELECT max(number) + 1 FROM rounds WHERE at < :before),
        0
    )
"""
"""Rounds are numbered in the order in which they came, whatever the clock said: those before the first that is young
enough are too old, also those from the future, and none after it is."""

_ROUNDS_BEFORE = (
    "DELETE FROM rounds WHERE number IN (SELECT number FROM rounds WHERE number < ? ORDER BY number LIMIT ?)"
)
_NEXT_TEXTS = """
    SELECT max(number), count(*) FROM (
        SELECT number FROM rounds
        WHERE number > coalesce((SELECT value FROM cursors WHERE name = ?), 0) ORDER BY number LIMIT ?
    )
"""
_DROP_TEXTS = """
    UPDATE replies SET text = '', tool_calls = '[]'
    WHERE round <= :last AND round > coalesce((SELECT value FROM cursors WHERE name = :name), 0)
"""
_DROP_LIKENESSES = "DELETE FROM likenesses WHERE round <= ?"
_NOTE_DROPPED = "INSERT INTO cursors (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
_OLD_COMMANDS = "DELETE FROM commands WHERE at < ?"
_OLD_PLANS = """
    DELETE FROM plans
    WHERE at < ? AND outcome NOT IN ('unknown', 'committed')
    AND id NOT IN (SELECT max(id) FROM plans WHERE outcome IN ('ok', 'applied') GROUP BY netuid)
"""
_OLD_NEURONS = "DELETE FROM neurons WHERE seen_at < ? AND NOT registered"


async def prune(database: Database, *, before: float, now: float) -> int:
    """Delete what is from before the unix time `before`. Returns how many rounds went.

    Open entries of the journal stay, commits that wait to be revealed, and for each subnet the plan that the chain
    holds.
    """
    async with database.write() as connection:
        for statement in (_OLD_COMMANDS, _OLD_PLANS, _OLD_NEURONS):
            await connection.execute(statement, (before,))
        [(first_kept,)] = await connection.execute_fetchall(_FIRST_KEPT, {"before": before, "now": now})
    pruned = 0
    while deleted := await _prune_rounds(database, first_kept):
        pruned += deleted
    return pruned


async def shrink(database: Database, *, cap: int) -> int:
    """While the database takes more than `cap` bytes, drop the oldest answers' texts, which take the most of it, and
    when none is left the oldest rounds. Returns how many rounds lost their texts, or went."""
    shrunk = 0
    while await _size(database) > cap:
        lost = await _drop_texts(database) or await _prune_rounds(database, first_kept=sys.maxsize)
        await _give_back(database)
        if not lost:
            break
        shrunk += lost
    return shrunk


async def _drop_texts(database: Database) -> int:
    """Of the oldest rounds that have texts; how many those were."""
    async with database.write() as connection:
        [(last, count)] = await connection.execute_fetchall(_NEXT_TEXTS, (TEXTS_DROPPED, ROUNDS_AT_ONCE))
        if last is None:
            return 0
        await connection.execute(_DROP_TEXTS, {"last": last, "name": TEXTS_DROPPED})
        await connection.execute(_DROP_LIKENESSES, (last,))
        await connection.execute(_NOTE_DROPPED, (TEXTS_DROPPED, last))
    return int(count)


async def _prune_rounds(database: Database, first_kept: int) -> int:
    async with database.write() as connection:
        deleted = (await connection.execute(_ROUNDS_BEFORE, (first_kept, ROUNDS_AT_ONCE))).rowcount
    if deleted:
        await _give_back(database)
    return deleted


async def _give_back(database: Database) -> None:
    async with database.read() as connection:
        await connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")


async def _size(database: Database) -> int:
    """How many bytes are in use, those that were freed and not given back yet not counted."""
    async with database.read() as connection:
        [(size,)] = await connection.execute_fetchall(
            "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count,"
            " pragma_page_size"
        )
        return int(size)
