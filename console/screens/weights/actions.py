"""Actions on the Weights screen, and which of those on the chain are offered there."""

from console.actions.action import Action, Context
from console.actions.chain import CHAIN
from engine.snapshot import Snapshot


def _no_plan(snapshot: Snapshot) -> str:
    return "no weights are planned here" if snapshot.role in ("miner", "watch") else ""


ACTIONS = Context(
    "On Weights",
    (
        Action(
            id="weights.diff",
            keys=("d",),
            label="only changes",
            about="Show only the miners whose weight would change, or all of them.",
            group="view",
            why_not=_no_plan,
            footer=32,
        ),
    ),
)


def lettered_now(snapshot: Snapshot) -> list[Action]:
    """Those with a letter, without that of switching on what is on, or off what is off."""
    idle = "chain.auto_on" if snapshot.auto_weights else "chain.auto_off"
    return [action for action in CHAIN.actions if action.letter and action.id != idle]
