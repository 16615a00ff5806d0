"""The exponential moving average of a miner's emissions, by hotkey: the first value starts it, misses cost nothing."""

import math
from collections import deque
from collections.abc import Iterable

HISTORY_KEPT = 20
NEGLIGIBLE = 1e-16
"""The weight below which a sample no longer changes a float."""

MANY_HOTKEYS = 1024


def ema(samples: Iterable[float], alpha: float) -> float | None:
    """`alpha` of each new sample, the rest of what was; None without samples. Raises `ValueError` for NaN and inf."""
    value: float | None = None
    for sample in samples:
        if not math.isfinite(sample):
            raise ValueError(f"an emission is a finite number, not {sample}")
        value = sample if value is None else alpha * sample + (1 - alpha) * value
    return value


def samples_that_matter(alpha: float) -> int:
    """How many samples decide the average.

    The n-th from the end weighs at most (1 - alpha)^n, so folding ceil(log(1e-16) / log(1 - alpha)) of them, 104 at
    alpha 0.3, comes out within rounding of folding all.
    """
    return 1 if alpha == 1 else max(1, math.ceil(math.log(NEGLIGIBLE) / math.log(1 - alpha)))


class _Track:
    """One hotkey's last samples as (at, emission), in the order of their rounds, and its last averages."""

    __slots__ = ("averages", "samples")

    def __init__(self, samples_kept: int) -> None:
        self.samples: deque[tuple[float, float]] = deque(maxlen=samples_kept)
        self.averages: deque[float] = deque(maxlen=HISTORY_KEPT)


class EmaBook:
    """The averages of all hotkeys over the last `window_s` seconds.

    It holds what the store holds: fed with the stored emissions of one window in order, it goes on where it was.
    """

    def __init__(self, alpha: float = 0.3, window_s: float = 86400.0) -> None:
        if not 0 < alpha <= 1:
            raise ValueError(f"alpha is above 0 and at most 1, not {alpha}")
        if not window_s > 0:
            raise ValueError(f"the window is longer than 0 s, not {window_s}")
        self._alpha = alpha
        self._window_s = window_s
        self._samples_kept = samples_that_matter(alpha)
        self._tracks: dict[str, _Track] = {}

    def add(self, hotkey: str, at: float, emission: float) -> None:
        """Count one round's emission; `at` is unix seconds. Raises `ValueError` for NaN and inf."""
        if not math.isfinite(emission):
            raise ValueError(f"an emission is a finite number, not {emission}")
        if hotkey not in self._tracks and len(self._tracks) >= MANY_HOTKEYS:
            self._drop_before(at - self._window_s)
        track = self._tracks.setdefault(hotkey, _Track(self._samples_kept))
        track.samples.append((at, emission))
        average = self.value(hotkey, at)
        if average is not None:
            track.averages.append(average)

    def value(self, hotkey: str, now: float) -> float | None:
        """The average over the window that ends `now`; None when nothing in it is known."""
        track = self._tracks.get(hotkey)
        if track is None:
            return None
        return ema((emission for at, emission in track.samples if at > now - self._window_s), self._alpha)

    def history(self, hotkey: str) -> tuple[float, ...]:
        """The averages after each of the last 20 rounds, newest last."""
        track = self._tracks.get(hotkey)
        return tuple(track.averages) if track else ()

    def _drop_before(self, oldest: float) -> None:
        """Forget hotkeys without a sample since then; the table stays bounded by who is asked within one window."""
        self._tracks = {hotkey: track for hotkey, track in self._tracks.items() if track.samples[-1][0] > oldest}
