"""Opening the backends, and resetting their peaks."""

from console.actions.action import Action, Context, Level
from engine.commands import ResetPeaks
from engine.snapshot import Snapshot


def _no_backend(snapshot: Snapshot) -> str:
    return "" if snapshot.role == "miner" else "only a miner has backends"


OPENS = Action(
    id="backends.open",
    keys=("B",),
    label="backends",
    about="Show the backends: their speed, how full their caches are, and the GPUs.",
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
            about="Reset the peak values of the backends and GPUs.",
            group="act",
            level=Level.TOLD,
            why_not=_no_backend,
            command=ResetPeaks(),
            footer=26,
        ),
    ),
)
