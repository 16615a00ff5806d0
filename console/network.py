"""Which chain a command works on: for now the embedded one alone."""

from console.errors import ConsoleError
from engine.settings import Settings

EMBEDDED = "embedded"


def require_embedded(settings: Settings) -> None:
    """Raises ConsoleError for any other network."""
    if settings.network != EMBEDDED:
        raise ConsoleError(
            f"network {settings.network!r} cannot be driven yet: leave --network out, or say --network embedded"
        )
