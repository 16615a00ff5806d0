"""The table penalties: who is held back from a penalty, and since which window whom it was shown for."""

from collections.abc import Mapping
from sqlite3 import Connection

from engine.store.columns import Count, Flag, cells
from engine.store.stored import Word
from engine.sybil.penalties import Standing


class Standings:
    """Standings by hotkey, kept whole."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, netuid: int) -> dict[str, Standing]:
        """Raises BadRow."""
        rows = self._connection.execute("SELECT hotkey, held, shown FROM penalties WHERE netuid = ?", (netuid,))
        found = (cells(row, Word, Flag, Count | None) for row in rows)
        return {hotkey: Standing(bool(held), shown) for hotkey, held, shown in found}

    def replace(self, netuid: int, standings: Mapping[str, Standing]) -> None:
        """In place of all that were there."""
        self._connection.execute("DELETE FROM penalties WHERE netuid = ?", (netuid,))
        query = "INSERT INTO penalties (netuid, hotkey, held, shown) VALUES (?, ?, ?, ?)"
        rows = [(netuid, hotkey, standing.held, standing.shown) for hotkey, standing in standings.items()]
        self._connection.executemany(query, rows)
