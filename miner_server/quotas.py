"""How many challenges each validator gets, counted like the subnet template's managing service does.

A validator's share of the stake is its share of a period's challenges: `max(1, int(total * share))`, or 0 if its stake
has no share. Periods are aligned to the unix clock, so that both ends agree on them.
"""

import time
from collections import Counter
from collections.abc import Callable

from engine.transport.errors import Refusal
from miner_server.allowlist import AllowList

TOTAL = 256
"""Challenges per period from all validators together (the template's RATE_LIMIT_MAX_REQUESTS)."""

PERIOD_S = 600.0
"""The template's EPOCH_INTERVAL."""


class Quotas:
    """The challenges consumed in this period, by hotkey. With `applied`, requests beyond the quota are refused.

    Hotkeys let in by the operator or listed by the Challenge API, whose stake gives them no share, have no quota: they
    are welcome all the same.
    """

    def __init__(
        self,
        allow: AllowList,
        *,
        total: int = TOTAL,
        period: float = PERIOD_S,
        applied: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._allow = allow
        self._total = total
        self._period = period
        self._applied = applied
        self._clock = clock
        self._counted_in = 0
        self._consumed: Counter[str] = Counter()

    def quota(self, hotkey: str) -> int | None:
        """Challenges per period; None for a caller without a quota."""
        share = self._allow.share(hotkey)
        if share:
            return max(1, int(self._total * share))
        return None if self._allow.is_named(hotkey) else 0

    def consumed(self, hotkey: str) -> int:
        """Challenges in this period so far."""
        self._turn()
        return self._consumed[hotkey]

    def weight(self, hotkey: str) -> float:
        """How often a caller gets a turn, relative to others, under contention. At least 1."""
        return max(1.0, TOTAL * self._allow.share(hotkey))

    def may(self, hotkey: str) -> None:
        """Refuses a hotkey that has consumed its quota, if quotas are applied."""
        if not self._applied:
            return
        quota, consumed = self.quota(hotkey), self.consumed(hotkey)
        if quota is not None and consumed >= quota:
            left = self._period - self._clock() % self._period
            raise Refusal(429, f"{consumed} of the {quota} challenges that its stake gives it", retry_after=left)

    def consume(self, hotkey: str) -> None:
        """A challenge that this hotkey has proven to be its own. Refused as by `may`: others have come meanwhile."""
        self.may(hotkey)
        self._turn()
        self._consumed[hotkey] += 1

    def _turn(self) -> None:
        """Reset the counts at each new period."""
        number = int(self._clock() // self._period)
        if number != self._counted_in:
            self._counted_in = number
            self._consumed.clear()
