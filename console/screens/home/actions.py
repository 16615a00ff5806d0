"""Actions of Home."""

from functools import partial

from console.actions.action import Action, Context, Level
from engine.commands import Acknowledge, BringBack
from engine.snapshot import Snapshot


def _nothing_to_acknowledge(snapshot: Snapshot) -> str:
    waiting = any(not attention.acknowledged for attention in snapshot.attention)
    return "" if waiting else "nothing needs attention"


def _nothing_acknowledged(snapshot: Snapshot) -> str:
    gone = any(attention.acknowledged for attention in snapshot.attention)
    return "" if gone else "no acknowledged line is left"


_home = partial(Action, group="act", level=Level.TOLD, why_not=_nothing_to_acknowledge)

ACTIONS = Context(
    "On Home",
    (
        _home(
            id="attention.ack",
            keys=("a",),
            label="acknowledge",
            about="Remove this line from the attention list.",
            footer=25,
        ),
        _home(
            id="attention.ack_all",
            keys=("A",),
            label="acknowledge all",
            about="Clear the attention list.",
            command=Acknowledge(),
        ),
        Action(
            id="attention.bring_back",
            keys=("u",),
            label="bring back",
            about="Show the line acknowledged last again.",
            group="act",
            level=Level.TOLD,
            why_not=_nothing_acknowledged,
            command=BringBack(),
        ),
        Action(
            id="home.turn",
            keys=("t",),
            label="turn",
            about="Show the other two panels if there is no room for all four.",
            group="view",
            footer=33,
        ),
    ),
)
