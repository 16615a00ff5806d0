"""Actions of Miners."""

from console.actions.action import Action, Context
from console.screens.suspects.actions import nobody_compares

ACTIONS = Context(
    "On Miners",
    (
        Action(
            id="miners.suspects",
            keys=("a",),
            label="sybil groups",
            about="Show sybil groups, with the evidence and what a penalty would take.",
            group="go",
            why_not=nobody_compares,
            footer=25,
            opens="suspects",
        ),
    ),
)
