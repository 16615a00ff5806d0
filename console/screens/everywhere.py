"""Actions of every screen: going places, help, the picture, leaving."""

from functools import partial

from console.screens.action import Action, Level
from console.screens.places import PLACES
from engine.commands import Pause, Resume
from engine.snapshot import Snapshot

_everywhere = partial(Action, context="everywhere")
_always = partial(Action, context="always")
"""Also while a dialog is open."""


MINER = "a miner asks no challenges"


def _unless_asking(snapshot: Snapshot) -> str:
    if snapshot.role == "miner":
        return MINER
    return "" if snapshot.paused else "challenges are being asked already"


def _unless_paused(snapshot: Snapshot) -> str:
    if snapshot.role == "miner":
        return MINER
    return "no challenges are being asked" if snapshot.paused else ""


ACTIONS = (
    *(
        _everywhere(
            id=f"go.{place.name}",
            keys=(str(digit),),
            label=place.title,
            about=f"Go to the screen {place.title}.",
            group="go",
        )
        for digit, place in enumerate(PLACES, 1)
    ),
    _everywhere(
        id="help", keys=("?", "f1"), label="help", about="Show the keys of this screen.", group="app", footer=1
    ),
    _everywhere(
        id="palette",
        keys=(":", "ctrl+p"),
        label="command",
        about="Find any action by its name, or type a command.",
        group="app",
        footer=2,
    ),
    _everywhere(
        id="actions",
        keys=("x",),
        label="actions",
        about="Show what can be done here, and why the rest cannot.",
        group="find",
        footer=30,
    ),
    _everywhere(
        id="nav.back",
        keys=("escape",),
        label="back",
        about="Clear the filter, then the marks, then the zoom; then go back.",
        group="go",
    ),
    _everywhere(id="nav.last", keys=("-",), label="last screen", about="Go to the screen before this one.", group="go"),
    _everywhere(id="focus.next", keys=("tab",), label="next pane", about="Go to the next pane.", group="move"),
    _everywhere(
        id="focus.previous", keys=("shift+tab",), label="previous pane", about="Go to the pane before.", group="move"
    ),
    _everywhere(
        id="view.pause",
        keys=("p",),
        label="pause",
        about="Freeze the picture; the engine goes on.",
        group="view",
        footer=35,
    ),
    _everywhere(
        id="view.zoom",
        keys=("z",),
        label="zoom",
        about="Give the whole screen to this pane, or take it back.",
        group="view",
    ),
    _everywhere(
        id="theme.pick", keys=("T",), label="theme", about="Choose a theme, with a preview.", group="app", footer=60
    ),
    _everywhere(
        id="app.mouse",
        keys=("m",),
        label="mouse",
        about="Leave the mouse to the terminal, to select text with it, or take it back.",
        group="app",
    ),
    _everywhere(
        id="export.screen",
        keys=("S",),
        label="picture of screen",
        about="Write the screen as a picture (SVG) and as text.",
        group="take",
    ),
    _always(id="app.redraw", keys=("ctrl+l", "ctrl+r"), label="redraw", about="Paint everything anew.", group="app"),
    _always(
        id="app.interrupt",
        keys=("ctrl+c",),
        label="interrupt",
        about="Once as q; twice stops the engine and leaves.",
        group="app",
    ),
    _everywhere(
        id="app.quit",
        keys=("q",),
        label="quit…",
        about="Go back; on Home, leave.",
        group="app",
        footer=90,
    ),
    _everywhere(
        id="engine.pause",
        keys=(),
        label="pause challenges",
        about="Ask no new challenges; the round in flight ends as usual.",
        group="act",
        level=Level.TOLD,
        why_not=_unless_paused,
        letter="p",
        command=Pause(),
    ),
    _everywhere(
        id="engine.resume",
        keys=(),
        label="resume challenges",
        about="Go on asking challenges.",
        group="act",
        level=Level.TOLD,
        why_not=_unless_asking,
        letter="r",
        command=Resume(),
    ),
)
