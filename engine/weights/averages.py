"""Turns a miner's samples into its score: an exponential average, or the mean of the last few.

A sample is what a miner was paid for one counted reply, with the time of its round: (at, emission).
"""

import math
from collections import deque
from collections.abc import Iterable, Sequence

from msgspec import Struct

Sample = tuple[float, float]

NEGLIGIBLE = 1e-16
"""The weight below which a sample no longer changes a float."""


class Exponential(Struct, frozen=True, kw_only=True, tag="exponential"):
    """A new sample weighs `alpha` and the previous average the rest. Samples expire after `window_s` seconds."""

    alpha: float = 0.3
    window_s: float = 86400.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise ValueError(f"alpha must be above 0 and at most 1, not {self.alpha}")
        _require_window(self.window_s)

    @property
    def depth(self) -> int:
        """How many samples matter: the n-th from the end weighs at most (1 - alpha)^n, 1e-16 for 104 at alpha 0.3."""
        return 1 if self.alpha == 1 else max(1, math.ceil(math.log(NEGLIGIBLE) / math.log(1 - self.alpha)))

    def fold(self, emissions: Sequence[float]) -> float | None:
        """The average of all `samples`, oldest first; None if there are none."""
        value: float | None = None
        for emission in emissions:
            value = emission if value is None else self._step(value, emission)
        return value

    def extend(self, before: float | None, samples: Sequence[Sample]) -> float:
        """The average including the last of `samples`; `before` is the average without it."""
        newest = samples[-1][1]
        return newest if before is None else self._step(before, newest)

    def _step(self, value: float, emission: float) -> float:
        return self.alpha * emission + (1 - self.alpha) * value


class Windowed(Struct, frozen=True, kw_only=True, tag="windowed"):
    """The sum of the last `count` samples divided by `count`, so that missing ones count as 0."""

    count: int = 10
    window_s: float = 86400.0

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"count must be at least 1, not {self.count}")
        _require_window(self.window_s)

    @property
    def depth(self) -> int:
        """How many samples matter."""
        return self.count

    def fold(self, emissions: Sequence[float]) -> float | None:
        """The mean of the last `count` samples; None if there are none."""
        return math.fsum(emissions[-self.count :]) / self.count if emissions else None

    def extend(self, before: float | None, samples: Sequence[Sample]) -> float:  # noqa: ARG002 as in Exponential
        """The mean including the last of `samples`, of which there are at most `count`."""
        return math.fsum(emission for _, emission in samples) / self.count


Rule = Exponential | Windowed


def average(rule: Rule, samples: Iterable[Sample], now: float) -> float | None:
    """The score of `samples`, oldest first, by `rule` over the window that ends `now`; None if there are none."""
    return rule.fold([emission for at, emission in samples if at > now - rule.window_s])


def _require_window(window_s: float) -> None:
    if not window_s > 0:
        raise ValueError(f"window_s must be positive, not {window_s}")


HISTORY_KEPT = 20
MANY_HOTKEYS = 1024
"""Scores kept for a miner's trend, and hotkeys from which those long gone are dropped: four subnets of 256."""


class _Track:
    """One hotkey's recent samples in round order, their average, and its recent averages."""

    __slots__ = ("average", "averages", "samples")

    def __init__(self, depth: int) -> None:
        self.samples: deque[Sample] = deque(maxlen=depth)
        self.average: float | None = None
        self.averages: deque[float] = deque(maxlen=HISTORY_KEPT)


class AverageBook:
    """The averages of all hotkeys under one rule.

    It mirrors the store: fed the stored samples of one window in order, it resumes where it left off. A sample costs
    one step of the average; everything is folded again only after a sample has left the window.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._tracks: dict[str, _Track] = {}

    def add(self, hotkey: str, at: float, emission: float) -> None:
        """Count one sample; `at` is unix seconds. Raises `ValueError` for NaN and inf."""
        if not math.isfinite(emission):
            raise ValueError(f"an emission must be finite, not {emission}")
        track = self._tracks.get(hotkey) or self._begin(hotkey, at)
        if self._has_expired(track, at):
            oldest = at - self._rule.window_s
            track.samples = deque((sample for sample in track.samples if sample[0] > oldest), self._rule.depth)
            track.average = average(self._rule, track.samples, at)
        track.samples.append((at, emission))
        track.average = self._rule.extend(track.average, track.samples)
        track.averages.append(track.average)

    def value(self, hotkey: str, now: float) -> float | None:
        """The average over the window that ends `now`; None if it holds no samples."""
        track = self._tracks.get(hotkey)
        if track is None:
            return None
        return average(self._rule, track.samples, now) if self._has_expired(track, now) else track.average

    def history(self, hotkey: str) -> tuple[float, ...]:
        """The averages after each of the last 20 samples, newest last."""
        track = self._tracks.get(hotkey)
        return tuple(track.averages) if track else ()

    def _has_expired(self, track: _Track, now: float) -> bool:
        """Whether the window that ends `now` begins after the oldest sample."""
        return bool(track.samples) and track.samples[0][0] <= now - self._rule.window_s

    def _begin(self, hotkey: str, at: float) -> _Track:
        """Start the track of a new hotkey; drops expired tracks if there are many."""
        if len(self._tracks) >= MANY_HOTKEYS:
            self._drop_before(at - self._rule.window_s)
        track = self._tracks[hotkey] = _Track(self._rule.depth)
        return track

    def _drop_before(self, oldest: float) -> None:
        """Forget hotkeys without a sample since then, which bounds the table by the hotkeys asked within one window."""
        self._tracks = {hotkey: track for hotkey, track in self._tracks.items() if track.samples[-1][0] > oldest}
