"""Which chain a command works on: for now the embedded one alone."""

from console.errors import ConsoleError
from engine.redaction import url_shown
from engine.settings import Settings

EMBEDDED = "embedded"


def require_embedded(settings: Settings) -> None:
    """Raises ConsoleError for any other network."""
    if settings.network != EMBEDDED:
        network = url_shown(settings.network)
        raise ConsoleError(f"network {network!r} cannot be driven yet: leave --network out, or say --network embedded")
