"""The application for somebody without a key."""

from typing import Any, ClassVar

from console.screens.registry import WATCHED
from console.tui.app import ConsoleApp


class WatchApp(ConsoleApp):
    """The read-only screens for any subnet, without a key."""

    MODES: ClassVar[dict[str, Any]] = {place: ConsoleApp.MODES[place] for place in WATCHED}
    DEFAULT_MODE = WATCHED[0]
