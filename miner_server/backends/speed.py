"""How fast a backend answers: what was measured of its last answers, and the most there was since the last reset."""

import time
from bisect import bisect_left
from collections import deque

from msgspec import Struct

KEPT = 1000
ANSWERS = 200
"""How many answers the speed in tokens is an average of."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""The bounds of what is counted for Prometheus: from a token of a small model to the first of a cold one."""


class ServerTimes(Struct, frozen=True):
    """What a server says of one answer, in seconds: until its first token, and from each to the next."""

    first_s: float | None = None
    between_s: float | None = None


class Peaks:
    """The highest value of each name since `since` (unix seconds)."""

    def __init__(self) -> None:
        self.reset()

    def note(self, name: str, value: float | None) -> None:
        if value is not None and value > self.most.get(name, 0.0):
            self.most[name] = value

    def reset(self) -> None:
        self.since = time.time()
        self.most: dict[str, float] = {}


class Durations:
    """The last ones, and how many there were of each length, in seconds."""

    def __init__(self) -> None:
        self.last: deque[float] = deque(maxlen=KEPT)
        self.counts = [0] * (len(SECONDS) + 1)  # by the first bound that is not exceeded; the last is for the rest
        self.total = 0.0

    def add(self, seconds: float) -> None:
        self.last.append(seconds)
        self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds


class Speed:
    """Of one backend. Each answer is measured from `begin` on."""

    def __init__(self) -> None:
        self.first = Durations()
        self.between = Durations()
        self.peaks = Peaks()
        self.running = 0
        self.tokens = 0
        self._answers: deque[tuple[int, float]] = deque()
        self._spoken = 0
        self._worked_s = 0.0
        self._since = 0.0

    @property
    def tokens_per_s(self) -> float | None:
        """What it generates in a second in which it works, over its last answers; None before the first."""
        return self._spoken / self._worked_s if self._worked_s > 0 else None

    def begin(self) -> "Measuring":
        now = time.monotonic()
        if not self.running:
            self._since = now
        self.running += 1
        self.peaks.note("running", self.running)
        return Measuring(self, now)

    def ended(self, tokens: int) -> None:
        """An answer of `tokens` tokens has ended; 0 for one that failed."""
        now = time.monotonic()
        self.running -= 1
        worked, self._since = now - self._since, now
        self._answers.append((tokens, worked))
        self._spoken += tokens
        self._worked_s += worked
        self.tokens += tokens
        if len(self._answers) > ANSWERS:
            old_tokens, old_s = self._answers.popleft()
            self._spoken -= old_tokens
            self._worked_s -= old_s
        if tokens:
            self.peaks.note("tokens_per_s", self.tokens_per_s)


class Measuring:
    """One answer while it is made: a context, in which each piece is `heard`."""

    __slots__ = ("_began", "_heard", "_heard_at", "_speed", "_tokens")

    def __init__(self, speed: Speed, began: float) -> None:
        self._speed = speed
        self._began = began
        self._heard_at = began
        self._heard = False
        self._tokens = 0

    def __enter__(self) -> "Measuring":
        return self

    def __exit__(self, *_: object) -> None:
        self._speed.ended(self._tokens)

    def heard(self) -> None:
        """A piece of the answer has come."""
        now = time.monotonic()
        since, self._heard_at = now - self._heard_at, now
        if self._heard:
            self._speed.between.add(since)
        else:
            self._first(since)

    def answered(self, tokens: int, said: ServerTimes | None = None) -> None:
        """It has ended well. What the server says counts where it came in one piece."""
        self._tokens = tokens
        if self._heard or said is None:
            return
        if said.first_s is not None:
            self._first(said.first_s)
        if said.between_s is not None:
            self._speed.between.add(said.between_s)

    def _first(self, seconds: float) -> None:
        self._heard = True
        self._speed.first.add(seconds)
        self._speed.peaks.note("first_s", seconds)
