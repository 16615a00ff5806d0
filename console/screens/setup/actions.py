"""Actions of Setup."""

from console.actions.action import Action, Context

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
