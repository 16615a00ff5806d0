"""The averages of all miners, kept by hotkey while rounds come in."""

import math
from collections import deque

from engine.weights.averages import Rule, Sample, average

HISTORY_KEPT = 20
MANY_HOTKEYS = 1024


class _Track:
    """One hotkey's last samples in the order of their rounds, their average, and its last averages."""

    __slots__ = ("average", "averages", "samples")

    def __init__(self, depth: int) -> None:
        self.samples: deque[Sample] = deque(maxlen=depth)
        self.average: float | None = None
        self.averages: deque[float] = deque(maxlen=HISTORY_KEPT)


class AverageBook:
    """The averages by one rule.

    It holds what the store holds: fed with the stored samples of one window in order, it goes on where it was. A sample
    costs one step of the average; all are folded again only when one has left the window.
    """

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self._tracks: dict[str, _Track] = {}

    def add(self, hotkey: str, at: float, emission: float) -> None:
        """Count one sample; `at` is unix seconds. Raises `ValueError` for NaN and inf."""
        if not math.isfinite(emission):
            raise ValueError(f"an emission is a finite number, not {emission}")
        track = self._tracks.get(hotkey) or self._begin(hotkey, at)
        if self._has_expired(track, at):
            oldest = at - self._rule.window_s
            track.samples = deque((sample for sample in track.samples if sample[0] > oldest), self._rule.depth)
            track.average = average(self._rule, track.samples, at)
        track.samples.append((at, emission))
        track.average = self._rule.extend(track.average, track.samples)
        track.averages.append(track.average)

    def value(self, hotkey: str, now: float) -> float | None:
        """The average over the window that ends `now`; None when nothing in it is known."""
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
        """The track of a hotkey whose first sample comes, in place of those that are over if there are many."""
        if len(self._tracks) >= MANY_HOTKEYS:
            self._drop_before(at - self._rule.window_s)
        track = self._tracks[hotkey] = _Track(self._rule.depth)
        return track

    def _drop_before(self, oldest: float) -> None:
        """Forget hotkeys without a sample since then; the table stays bounded by who is asked within one window."""
        self._tracks = {hotkey: track for hotkey, track in self._tracks.items() if track.samples[-1][0] > oldest}
