"""The one table of screens, and of what can be done on them.

Digits, tabs, keys, footer, help, palette, the menu on `x`, the page of keys and the keymap file follow from it.
The screen NAME is `console/screens/NAME/`: `content.py` has what it shows, `actions.py` its own actions, if any, and
`screen.py` the class `NameScreen` (of `two_words`, `TwoWordsScreen`), which says where all that stands.
"""

from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from console.actions.action import Action, Context
from console.actions.chain import CHAIN
from console.actions.stake import STAKE
from console.screens.backends import actions as backends
from console.screens.challenge import actions as challenge
from console.screens.common import ALWAYS, DIALOGS, EVERYWHERE, LISTS, TABLES, TIME
from console.screens.gateway import actions as gateway
from console.screens.home import actions as home
from console.screens.logs import actions as logs
from console.screens.miners import actions as miners
from console.screens.server import actions as server
from console.screens.setup import actions as setup
from console.screens.subnet import actions as subnet
from console.screens.suspects import actions as suspects
from console.screens.weights import actions as weights
from engine.snapshot import Snapshot


class ScreenSpec(Struct, frozen=True, kw_only=True):
    """A screen: the name of its folder, the title of its tab, and the actions of its own.

    One `under` another has no digit and no tab: that of the other is lit.
    """

    name: str
    title: str = ""
    under: str = ""
    actions: tuple[Context, ...] = ()
    has_tables: bool = True

    @property
    def class_name(self) -> str:
        """The class in the folder's `screen.py`."""
        return "".join(word.title() for word in self.name.split("_")) + "Screen"


SCREENS = {
    screen.name: screen
    for screen in (
        ScreenSpec(name="home", title="Home", actions=(home.ACTIONS, CHAIN)),
        ScreenSpec(name="challenges", title="Challenges"),
        ScreenSpec(name="miners", title="Miners", actions=(miners.ACTIONS, subnet.ON_MINERS)),
        ScreenSpec(name="weights", title="Weights", actions=(weights.ACTIONS, CHAIN, STAKE)),
        ScreenSpec(
            name="server", title="Server", actions=(server.ACTIONS, backends.ON_SERVER, gateway.ON_SERVER, CHAIN)
        ),
        ScreenSpec(name="logs", title="Logs", actions=(logs.ACTIONS,), has_tables=False),
        ScreenSpec(name="setup", title="Setup", actions=(setup.ACTIONS,)),
        ScreenSpec(name="challenge", under="challenges", actions=(challenge.ACTIONS,)),
        ScreenSpec(name="miner", under="miners"),
        ScreenSpec(name="subnet", under="miners"),
        ScreenSpec(name="suspects", under="miners", actions=(suspects.ACTIONS,)),
        ScreenSpec(name="commands", under="weights"),
        ScreenSpec(name="backends", under="server", actions=(backends.ACTIONS,)),
        ScreenSpec(name="gateway", under="server", actions=(gateway.ACTIONS,)),
    )
}

PLACES = tuple(screen for screen in SCREENS.values() if not screen.under)
"""The screens that have a digit, in the order of their digits, from 1."""

WATCHED = ("miners", "weights")
"""The places that somebody without a key has."""


def _not_watched(place: str, snapshot: Snapshot) -> str:
    return "watch has Miners and Weights only" if snapshot.role == "watch" and place not in WATCHED else ""


GO = Context(
    EVERYWHERE.heading,
    tuple(
        Action(
            id=f"go.{place.name}",
            keys=(str(digit),),
            label=place.title,
            about=f"Go to the screen {place.title}.",
            group="go",
            why_not=partial(_not_watched, place.name),
            opens=place.name,
        )
        for digit, place in enumerate(PLACES, 1)
    ),
)

DIALOG = "dialog"
"""Every dialog, picker and overlay, where a screen is asked for by its name."""


def contexts_of(screen: str) -> tuple[Context, ...]:
    """Where the actions of a screen come from, those of its own first."""
    if screen == DIALOG:
        return (DIALOGS, LISTS, ALWAYS)
    known = SCREENS[screen]
    return (*known.actions, *([TABLES] if known.has_tables else ()), LISTS, TIME, GO, EVERYWHERE, ALWAYS)


CONTEXTS = tuple(
    dict.fromkeys(
        (
            *(GO, EVERYWHERE, ALWAYS, TIME, LISTS, TABLES),
            *(context for screen in SCREENS.values() for context in screen.actions),
            DIALOGS,
        )
    )
)
"""All of them once, in the order of the page of keys."""

ACTIONS = {action.id: action for context in CONTEXTS for action in context.actions}


def actions_of(screen: str) -> Iterator[Action]:
    """The actions of a screen, those of its own contexts first."""
    for context in contexts_of(screen):
        yield from context.actions


IN_DIALOGS = frozenset(action.id for action in actions_of(DIALOG))
"""Actions of the dialog that is open, not of the screen behind it."""
