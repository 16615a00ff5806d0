"""Actions of Home."""

from functools import partial

from console.screens.action import Action, Level
from engine.commands import Acknowledge
from engine.snapshot import Snapshot

_home = partial(Action, context="home", group="act")


def _nothing_to_acknowledge(snapshot: Snapshot) -> str:
    waiting = any(not attention.acknowledged for attention in snapshot.attention)
    return "" if waiting else "nothing needs attention"


ACTIONS = (
    _home(
        id="attention.ack",
        keys=("a",),
        label="acknowledge",
        about="Take this line off the attention list.",
        level=Level.TOLD,
        why_not=_nothing_to_acknowledge,
        footer=25,
    ),
    _home(
        id="attention.ack_all",
        keys=("A",),
        label="acknowledge all",
        about="Take every line off the attention list.",
        level=Level.TOLD,
        why_not=_nothing_to_acknowledge,
        command=Acknowledge(),
    ),
)
