"""The hours of the day in which only errors may wake somebody."""

import time
from typing import Self

from msgspec import Struct


class QuietHours(Struct, frozen=True):
    """From one minute of the local day to another, which may be on the next one. The same twice is the whole day."""

    begin: int
    end: int

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From `22:00-07:00`; None from ""."""
        if not text:
            return None
        begin, _, end = text.partition("-")
        return cls(_minute(begin), _minute(end))

    def hold(self, at: float) -> bool:
        """Whether they are now, at this unix time."""
        now = time.localtime(at)
        minute = now.tm_hour * 60 + now.tm_min
        if self.begin < self.end:
            return self.begin <= minute < self.end
        return minute >= self.begin or minute < self.end


def _minute(text: str) -> int:
    hour, _, minute = text.partition(":")
    return int(hour) * 60 + int(minute)
