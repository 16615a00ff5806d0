"""Actions of Setup."""

from console.screens.action import Action, Context

ACTIONS = Context(
    "On Setup",
    (
        Action(
            id="doctor.run",
            keys=("r",),
            label="check again",
            about="Have the doctor check everything again.",
            group="view",
            footer=3,
        ),
    ),
)
