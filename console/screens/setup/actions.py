"""Actions on the screen Setup."""

from console.screens.action import Action

ACTIONS = (
    Action(
        id="doctor.run",
        keys=("r",),
        label="look again",
        about="Let the doctor look at everything again.",
        group="view",
        context="setup",
        footer=3,
    ),
)
