"""The alerts that a run's settings ask for, as a part of its node."""

import shlex
import shutil
from urllib.parse import urlsplit

from console.errors import ConsoleError
from engine.alerts.alerts import SUBJECT, Alerts, Rules
from engine.alerts.quiet_hours import QuietHours
from engine.alerts.ways import SCHEMES, way_of
from engine.feed import Feed
from engine.node.part import Part
from engine.settings import Settings
from engine.text import safe


def alerting(settings: Settings, feed: Feed) -> Part:
    """The service that sends alerts, nothing without a recipient. Raises ConsoleError for one that cannot be."""
    recipient = str(settings.on_attention)
    if not recipient:
        return Part()
    _require_possible(recipient)
    rules = Rules(settings.on_attention_level, settings.on_attention_per_hour, QuietHours.read(settings.quiet_hours))
    alerts = Alerts(feed, way_of(recipient, str(settings.on_attention_secret)), rules)
    return Part(services={SUBJECT: lambda: alerts})


def _require_possible(recipient: str) -> None:
    if urlsplit(recipient).scheme.lower() in SCHEMES:
        return
    try:
        words = shlex.split(recipient)
    except ValueError as error:
        raise ConsoleError(f"on_attention cannot be read as a command: {error}") from None
    if not words or shutil.which(words[0]) is None:
        raise ConsoleError(f"on_attention: there is no program {safe(words[0] if words else recipient, 60)!r} to run")
