"""Where the recorded rounds lie in time. Places count from 1, in the order in which the rounds were recorded."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from engine.store.stored import Mark


class Timeline:
    """The marks of one subnet's rounds, 16 bytes each; it grows at its end and is shortened at its beginning."""

    def __init__(self, marks: Iterable[Mark] = ()) -> None:
        self._numbers = array("q")
        self._times = array("d")
        self.extend(marks)

    def extend(self, marks: Iterable[Mark]) -> None:
        """Add rounds that were recorded since. A clock that was put back does not put a round before another."""
        for number, at in marks:
            self._numbers.append(number)
            self._times.append(max(at, self._times[-1]) if self._times else at)

    def forget_before(self, number: int) -> int:
        """Drop the rounds before one; how many those were."""
        gone = bisect_left(self._numbers, number)
        del self._numbers[:gone], self._times[:gone]
        return gone

    @property
    def total(self) -> int:
        return len(self._numbers)

    @property
    def newest(self) -> int:
        """The number of the last round, 0 without any."""
        return self._numbers[-1] if self._numbers else 0

    def number(self, place: int) -> int:
        return self._numbers[place - 1]

    def numbers(self, place: int, count: int) -> list[int]:
        """The numbers of the last `count` rounds up to a place, oldest first."""
        return list(self._numbers[max(0, place - count) : place])

    def time(self, place: int) -> float:
        """When the round at a place was asked."""
        return self._times[place - 1]

    def place_at(self, at: float) -> int:
        """The place of the last round until `at`; 0: none was asked yet."""
        return bisect_right(self._times, at)
