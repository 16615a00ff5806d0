"""Instants as people write them: a time of day, a date, an age."""

import re
from datetime import datetime, timedelta, tzinfo

FORMS = "14:05, 14:05:30, 2026-01-31 14:05, 2026-01-31T14:05:00Z, 10m, -10m, -2h, -3d or now"
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LATEST = 253402300799.0
"""The last second of the year 9999."""

_AGE = re.compile(r"-?(\d{1,9})([smhd])")
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")


def instant(text: str, *, now: float, base: float | None = None, zone: tzinfo | None = None) -> float:
    """The unix time that `text` means, for someone who stands at `base` (at `now` unless it is said).

    An age counts back from there, and a time of day is of that day, or of the day before when it is yet to come. What
    names no offset is in `zone`, the local one unless it is said. Raises ValueError with all forms that there are.
    """
    try:
        found = _instant(text, now, now if base is None else base, zone)
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{text[:40]!r} is no time: say {FORMS}") from None
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
