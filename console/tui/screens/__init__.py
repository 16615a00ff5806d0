"""One module a screen: which panes it has, and what it shows of a picture. Each is loaded when it is first made."""

from importlib import import_module
from typing import TYPE_CHECKING

from console.screens.registry import PLACES

if TYPE_CHECKING:
    from console.tui.screens.base import ConsoleScreen

OVER = ("console.tui.overlays", "console.tui.widgets.log_drawer")
"""What opens over any screen."""


def screen_of(name: str, *subject: str) -> "ConsoleScreen":
    """A new screen of that name, of `console.screens.registry.SCREENS`; `subject` is what it is about."""
    screen: ConsoleScreen = getattr(import_module(f"{__name__}.{name}"), f"{name.title()}Screen")(*subject)
    return screen


def load_all() -> None:
    """Load the modules of all places, and what opens over them, so that the first way there is as short as any."""
    for module in (*(f"{__name__}.{place.name}" for place in PLACES), *OVER):
        import_module(module)
