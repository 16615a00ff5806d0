"""Forgetting: old rounds and what belongs to them go in small transactions, and the file gives the space back."""

from engine.store.database import Database

ROUNDS_AT_ONCE = 20
PAGES_AT_ONCE = 2000

_OLD_ROUNDS = "DELETE FROM rounds WHERE number IN (SELECT number FROM rounds WHERE at < ? ORDER BY at LIMIT ?)"
_OLD_COMMANDS = "DELETE FROM commands WHERE at < ?"
_OLD_PLANS = """
    DELETE FROM plans
    WHERE at < ? AND outcome NOT IN ('unknown', 'committed')
    AND id NOT IN (SELECT max(id) FROM plans WHERE outcome IN ('ok', 'applied') GROUP BY netuid)
"""
_OLD_NEURONS = "DELETE FROM neurons WHERE seen_at < ? AND NOT registered"


async def prune(database: Database, *, before: float) -> int:
    """Delete what is from before the unix time `before`. Returns how many rounds went.

    Open entries of the journal stay, commits that wait to be revealed, and for each subnet the plan that the chain
    holds.
    """
    async with database.write() as connection:
        for statement in (_OLD_COMMANDS, _OLD_PLANS, _OLD_NEURONS):
            await connection.execute(statement, (before,))
    pruned = 0
    while deleted := await _prune_rounds(database, before):
        pruned += deleted
    return pruned


async def _prune_rounds(database: Database, before: float) -> int:
    async with database.write() as connection:
        deleted = (await connection.execute(_OLD_ROUNDS, (before, ROUNDS_AT_ONCE))).rowcount
    if deleted:
        async with database.read() as connection:
            await connection.executescript(f"PRAGMA incremental_vacuum({PAGES_AT_ONCE})")
    return deleted
