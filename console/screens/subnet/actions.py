"""How to get to the subnet."""

from console.actions.action import Action, Context
from engine.snapshot import Snapshot


def _not_here(snapshot: Snapshot) -> str:
    if snapshot.role == "watch":
        return "Miners and Weights show it already"
    return "" if snapshot.subnet is not None else "the chain has not been read yet"


OPENS = Action(
    id="subnet.open",
    keys=("n",),
    label="subnet",
    about="Show every neuron on chain: incentive, place, immunity, price, and which validator is out of line.",
    group="go",
    why_not=_not_here,
    footer=46,
    opens="subnet",
)
ON_MINERS = Context("The whole subnet", (OPENS,))
