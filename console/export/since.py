"""`--since`: an age such as 24h, or a date."""

import re
from datetime import UTC, datetime

from console.errors import ConsoleError

SECONDS = {"m": 60, "h": 3600, "d": 86400}
_AGE = re.compile(r"(\d{1,9})([mhd])")


def since_time(text: str, now: float) -> float:
    """The unix time that `text` means; a date without an offset is UTC. Raises ConsoleError."""
    if age := _AGE.fullmatch(text):
        return now - int(age[1]) * SECONDS[age[2]]
    try:
        date = datetime.fromisoformat(text)
    except ValueError:
        raise ConsoleError(
            f"--since {text!r} is no time: say 90m, 24h, 7d or a date such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
