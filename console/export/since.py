"""`--since`: an age such as 24h, or a date."""

from datetime import UTC

from console.errors import ConsoleError
from console.instants import instant


def since_time(text: str, now: float) -> float:
    """The unix time that `text` means; a date without an offset is UTC. Raises ConsoleError."""
    try:
        return instant(text, now=now, zone=UTC)
    except ValueError:
        raise ConsoleError(
            f"--since {text!r} is no time: say 90m, 24h, 7d or a date such as 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from None
