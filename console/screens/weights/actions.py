"""Actions of the Weights screen."""

from console.screens.action import Action

ACTIONS = (
    Action(
        id="weights.diff",
        keys=("d",),
        label="only changes",
        about="Show only the miners whose weight the plan would change, or all of them.",
        group="view",
        context="weights",
        footer=32,
    ),
)
