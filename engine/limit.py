"""A limit on events per period, counted in a rolling window."""

from collections import deque


class RollingLimit:
    """At most `limit` in any `period_s` seconds. It keeps the last `limit` times only."""

    def __init__(self, limit: int, period_s: float) -> None:
        self._period_s = period_s
        self._times: deque[float] = deque(maxlen=limit)

    def is_reached(self, at: float) -> bool:
        """Whether one more at `at` would be too many."""
        return len(self._times) == self._times.maxlen and self._times[0] > at - self._period_s

    def is_idle(self, at: float) -> bool:
        """Whether there was none in the period that ends `at`."""
        return not self._times or self._times[-1] <= at - self._period_s

    def add(self, at: float) -> None:
        """Count one; times come in order."""
        self._times.append(at)
