"""Going through the recorded rounds: the whole screen shows an earlier instant."""

from functools import partial

from console.screens.action import Action
from engine.snapshot import Snapshot

_time = partial(Action, context="time", group="time")


def _unless_miner(snapshot: Snapshot) -> str:
    return "a miner records no rounds" if snapshot.role == "miner" else ""


def _in_the_past(snapshot: Snapshot) -> str:
    return "" if snapshot.replay else "this is the present: go back a round first"


_step = partial(_time, why_not=_unless_miner)

ACTIONS = (
    _step(id="time.back", keys=("[",), label="older", about="Show everything as it was a recorded round earlier."),
    _step(id="time.forward", keys=("]",), label="newer", about="Show everything as it was a round later."),
    _step(id="time.back_ten", keys=("{",), label="ten older", about="Go back ten rounds."),
    _step(id="time.forward_ten", keys=("}",), label="ten newer", about="Go forward ten rounds."),
    _step(id="time.first", keys=("(",), label="first", about="Go to the first round that is recorded."),
    _step(id="time.last", keys=(")",), label="last", about="Go to the last round that is recorded."),
    _step(id="time.at", keys=(), label="at…", about="Go to an instant, as in :at 14:05 or :at -10m."),
    _step(id="time.live", keys=(), label="live", about="Back to the present; in a replay, to the last round."),
    _time(
        id="time.play",
        keys=(".",),
        label="play",
        about="Go on by itself from round to round, or stop.",
        why_not=_in_the_past,
    ),
    _time(id="time.pace", keys=("+",), label="pace", about="Play at 1x, 4x, 16x or max.", why_not=_in_the_past),
)
