"""Who is held back from a penalty, and since which window whom it was shown for."""

from collections.abc import Mapping

from engine.store.database import Database
from engine.store.rows import STANDINGS, standing_of
from engine.sybil.penalties import Standing

_INSERT = "INSERT INTO penalties (netuid, hotkey, held, shown) VALUES (?, ?, ?, ?)"


class PenaltyTable:
    """Standings by hotkey, kept whole: a save replaces what was there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, netuid: int) -> dict[str, Standing]:
        """Raises StoreError."""
        async with self._database.read() as connection:
            return dict(map(standing_of, await connection.execute_fetchall(STANDINGS, (netuid,))))

    async def save(self, netuid: int, standings: Mapping[str, Standing]) -> None:
        """Raises StoreError, and then what was there is there still."""
        rows = [(netuid, hotkey, standing.held, standing.shown) for hotkey, standing in standings.items()]
        async with self._database.write() as connection:
            await connection.execute("DELETE FROM penalties WHERE netuid = ?", (netuid,))
            await connection.executemany(_INSERT, rows)
