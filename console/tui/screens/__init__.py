"""One module a screen: which panes it has, and what it shows of a picture. Each is loaded when it is first made."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.tui.screens.base import ConsoleScreen

SCREENS = {
    "home": "HomeScreen",
    "challenges": "ChallengesScreen",
    "miners": "MinersScreen",
    "weights": "WeightsScreen",
    "server": "ServerScreen",
    "logs": "LogsScreen",
    "setup": "SetupScreen",
}
"""The screens that have a digit, by their names in `console.screens.places`, which are those of their modules."""

OVER = ("console.tui.overlays", "console.tui.widgets.log_drawer")
"""What opens over any screen."""


def screen_of(name: str) -> "ConsoleScreen":
    """A new screen of that name."""
    screen: ConsoleScreen = getattr(import_module(f"{__name__}.{name}"), SCREENS[name])()
    return screen


def load_all() -> None:
    """Load the modules of all screens, and what opens over them, so that the first way there is as short as any."""
    for module in (*(f"{__name__}.{name}" for name in SCREENS), *OVER):
        import_module(module)
