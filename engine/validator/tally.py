"""What is counted for each hotkey, for as long as it is known."""

from msgspec import Struct

from engine.snapshot import MinerState
from engine.values import At, Finite

STALE_AFTER_S = 3 * 3600.0
SILENT_AFTER_FAILURES = 5
"""So many failures in a row make a miner silent."""


class Tally(Struct, frozen=True, kw_only=True):
    """How often a hotkey was asked (`rounds`) and how that went. Times are None while there was none.

    Replies that we cancelled ourselves are not counted.
    """

    rounds: int = 0
    answered: int = 0
    failed: int = 0
    failures_in_a_row: int = 0
    last_answer_at: At | None = None
    last_emission: Finite | None = None

    def state(self, now: float) -> MinerState:
        """Of a registered miner at the unix time `now`.

        `silent` never answered, or failed the last five times; `stale` has not answered for three hours.
        """
        if self.last_answer_at is None or self.failures_in_a_row >= SILENT_AFTER_FAILURES:
            return "silent"
        return "stale" if now - self.last_answer_at > STALE_AFTER_S else "active"
