"""How the samples of a miner become its score: as an exponential average, or as the mean of the last few.

A sample is what a miner was paid for one reply that counts, with the time of its round: (at, emission).
"""

import math
from collections.abc import Iterable, Sequence

from msgspec import Struct

Sample = tuple[float, float]

NEGLIGIBLE = 1e-16
"""The weight below which a sample no longer changes a float."""


class Exponential(Struct, frozen=True, kw_only=True, tag="exponential"):
    """`alpha` of each new sample, the rest of what was; the first one starts it. Samples count for `window_s`."""

    alpha: float = 0.3
    window_s: float = 86400.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha is above 0 and at most 1, not {self.alpha}")
        _require_window(self.window_s)

    @property
    def depth(self) -> int:
        """How many samples decide: the n-th from the end weighs at most (1 - alpha)^n, 1e-16 for 104 at alpha 0.3."""
        return 1 if self.alpha == 1 else max(1, math.ceil(math.log(NEGLIGIBLE) / math.log(1 - self.alpha)))

    def fold(self, emissions: Sequence[float]) -> float | None:
        """The average of all of them, oldest first; None without any."""
        value: float | None = None
        for emission in emissions:
            value = emission if value is None else self._step(value, emission)
        return value

    def extend(self, before: float | None, samples: Sequence[Sample]) -> float:
        """The average with the last of `samples`, when it was `before` without."""
        newest = samples[-1][1]
        return newest if before is None else self._step(before, newest)

    def _step(self, value: float, emission: float) -> float:
        return self.alpha * emission + (1 - self.alpha) * value


class Windowed(Struct, frozen=True, kw_only=True, tag="windowed"):
    """The sum of the last `count` samples divided by `count`: those that are missing count as 0."""

    count: int = 10
    window_s: float = 86400.0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"at least 1 sample is averaged, not {self.count}")
        _require_window(self.window_s)

    @property
    def depth(self) -> int:
        """How many samples decide."""
        return self.count

    def fold(self, emissions: Sequence[float]) -> float | None:
        """The mean of the last of them; None without any."""
        return math.fsum(emissions[-self.count :]) / self.count if emissions else None

    def extend(self, before: float | None, samples: Sequence[Sample]) -> float:  # noqa: ARG002 as Exponential has it
        """The mean with the last of `samples`, of which there are at most `count`."""
        return math.fsum(emission for _, emission in samples) / self.count


Rule = Exponential | Windowed


def average(rule: Rule, samples: Iterable[Sample], now: float) -> float | None:
    """The score that `samples` make by `rule`, oldest first, over the window that ends `now`; None without any."""
    return rule.fold([emission for at, emission in samples if at > now - rule.window_s])


def _require_window(window_s: float) -> None:
    if not window_s > 0:
        raise ValueError(f"the window is longer than 0 s, not {window_s}")
