"""How to get to the backends, and looking for their peaks anew."""

from console.actions.action import Action, Context, Level
from engine.commands import ResetPeaks
from engine.snapshot import Snapshot


def _no_backend(snapshot: Snapshot) -> str:
    return "" if snapshot.role == "miner" else "only a miner has backends"


OPENS = Action(
    id="backends.open",
    keys=("B",),
    label="backends",
    about="Show what answers: how fast each backend is, how full its caches, and the GPUs.",
    group="go",
    why_not=_no_backend,
    footer=46,
    opens="backends",
)
ON_SERVER = Context("The backends", (OPENS,))

ACTIONS = Context(
    "On Backends",
    (
        Action(
            id="backends.reset",
            keys=("0",),
            label="reset peaks",
            about="Look for the highest values of the backends and GPUs anew.",
            group="act",
            level=Level.TOLD,
            why_not=_no_backend,
            command=ResetPeaks(),
            footer=26,
        ),
    ),
)
