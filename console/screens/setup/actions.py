"""Actions of Setup."""

from console.screens.action import Action, Context

ACTIONS = Context(
    "On Setup",
    (
        Action(
            id="doctor.run",
            keys=("r",),
            label="check again",
            about="Run all checks again.",
            group="view",
            footer=3,
        ),
    ),
)
