"""The table nonces: those that were seen, until nobody would accept them any more."""

from sqlite3 import Connection

CLOCK_STEP_S = 3600.0
"""A nonce is kept for so long after its end: a clock that jumps ahead and back must not bring it to life again."""


class Nonces:
    """Each until its end, a unix time."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, key: str, until: float) -> bool:
        """False: it is there already."""
        query = "INSERT INTO nonces (key, until) VALUES (?, ?) ON CONFLICT DO NOTHING"
        return self._connection.execute(query, (key, until)).rowcount == 1

    def sweep(self, now: float) -> int:
        """Forget those that are over, and count those that are left."""
        self._connection.execute("DELETE FROM nonces WHERE until < ?", (now - CLOCK_STEP_S,))
        [(count,)] = self._connection.execute("SELECT count(*) FROM nonces").fetchall()
        return int(count)
