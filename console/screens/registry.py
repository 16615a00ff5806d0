"""The one registry of what an operator can do.

Keys, footer, help, palette, the menu on `x`, the documentation's table and the keymap file are all made from it. A
screen's engineer adds a module of actions here, names its tuple in `ACTIONS`, and says in `SCREENS` which contexts the
screen has.
"""

from collections.abc import Iterator

from console.screens import everywhere, lists, tables, travel
from console.screens.action import Action
from console.screens.challenge import actions as challenge
from console.screens.home import actions as home
from console.screens.logs import actions as logs
from console.screens.places import PLACES
from console.screens.server import actions as server
from console.screens.setup import actions as setup
from console.screens.suspects import actions as suspects
from console.screens.weights import actions as weights
from console.screens.weights import chain_actions as chain

ACTIONS: dict[str, Action] = {
    action.id: action
    for action in (
        *everywhere.ACTIONS,
        *lists.ACTIONS,
        *tables.ACTIONS,
        *home.ACTIONS,
        *challenge.ACTIONS,
        *suspects.ACTIONS,
        *chain.ACTIONS,
        *weights.ACTIONS,
        *server.ACTIONS,
        *logs.ACTIONS,
        *setup.ACTIONS,
        *travel.ACTIONS,
    )
}

GROUPS = {
    "act": "Act",
    "go": "Go",
    "find": "Find",
    "view": "View",
    "time": "Time",
    "take": "Take along",
    "move": "Move",
    "app": "Program",
}
"""The groups of actions, as the help orders them."""

SCREENS: dict[str, tuple[str, ...]] = {
    "home": ("home", "chain", "table", "list", "time", "everywhere", "always"),
    "challenges": ("table", "list", "time", "everywhere", "always"),
    "challenge": ("challenge", "table", "list", "time", "everywhere", "always"),
    "miner": ("table", "list", "time", "everywhere", "always"),
    "miners": ("miners", "table", "list", "time", "everywhere", "always"),
    "suspects": ("suspects", "table", "list", "time", "everywhere", "always"),
    "weights": ("weights", "chain", "table", "list", "time", "everywhere", "always"),
    "commands": ("table", "list", "time", "everywhere", "always"),
    "server": ("server", "chain", "table", "list", "time", "everywhere", "always"),
    "logs": ("logs", "list", "time", "everywhere", "always"),
    "setup": ("setup", "table", "list", "time", "everywhere", "always"),
    "dialog": ("dialog", "list", "always"),
}
"""The contexts of each screen; dialogs, pickers and overlays share one entry."""


def actions_of(screen: str) -> Iterator[Action]:
    """The actions of a screen, those of its own contexts first."""
    for context in SCREENS[screen]:
        for action in ACTIONS.values():
            if action.context == context:
                yield action


__all__ = ["ACTIONS", "GROUPS", "PLACES", "SCREENS", "Action", "actions_of"]
