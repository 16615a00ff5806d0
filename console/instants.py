"""Instants, ages and durations as people write them."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

from console.errors import ConsoleError

FORMS = "14:05, 14:05:30, 2026-01-31 14:05, 2026-01-31T14:05:00Z, 10m, -10m, -2h, -3d or now"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LATEST = 253402300799.0
"""The last second of the year 9999."""

UNITS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))
_AGE = re.compile(r"-?(\d{1,9})([smhd])")
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def instant(text: str, *, now: float, base: float | None = None, zone: tzinfo | None = None) -> float:
    """The unix time that `text` means as seen from `base` (default: `now`).

    An age counts back from there; a time of day is on that day, or on the day before if it would be later than `base`.
    A time without an offset is in `zone`, by default the local one. Raises ValueError that lists all accepted forms.
    """
    try:
        found = _instant(text, now, now if base is None else base, zone)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is not a time: use {FORMS}") from None
    if not 0 <= found <= LATEST:
        raise ValueError(f"{text[:40]!r} is not between 1970 and 9999")
    return found


def _instant(text: str, now: float, base: float, zone: tzinfo | None) -> float:
    if text == "now":
        return now
    if age := _AGE.fullmatch(text):
        return base - int(age[1]) * SECONDS[age[2]]
    if time_of_day := _TIME_OF_DAY.fullmatch(text):
        hour, minute, second = (int(part or 0) for part in time_of_day.groups())
        day = datetime.fromtimestamp(base, zone)
        wanted = day.replace(hour=hour, minute=minute, second=second, microsecond=0)
        return (wanted if wanted.timestamp() <= now else wanted - timedelta(days=1)).timestamp()
    date = datetime.fromisoformat(text)
    return (date if date.tzinfo else date.replace(tzinfo=zone)).timestamp()


def since_time(text: str, now: float) -> float:
    """The unix time of a --since value; a date without an offset is UTC. Raises ConsoleError."""
    try:
        return instant(text, now=now, zone=UTC)
    except ValueError:
        raise ConsoleError(
            f"--since {text!r} is not a time: use 90m, 24h, 7d or a date such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None


def duration(seconds: float) -> str:
    """Two units at most, without spaces: "12s", "4h12m", "3d4h"."""
    left = int(max(0.0, seconds))
    for index, (unit, size) in enumerate(UNITS):
        if left >= size:
            count, rest = divmod(left, size)
            if index + 1 == len(UNITS):
                return f"{count}{unit}"
            smaller, smaller_size = UNITS[index + 1]
            return f"{count}{unit}{rest // smaller_size:02d}{smaller}"
    return "0s"
