"""What an operator is asked before an action that writes to the chain: the dry run in lines, and what to type."""

from collections.abc import Callable

from msgspec import Struct

from console.actions import ACTIONS
from console.actions.action import Level
from console.present import formats
from console.present.text import BLANK, Line, Span, fit, line
from engine.snapshot import MinerView, Snapshot

EMBEDDED = "embedded"
CHANGES_SHOWN = 8


class Question(Struct, frozen=True):
    """`typed` is what has to be typed before the action can be taken, "" for nothing."""

    title: str
    lines: tuple[Line, ...]
    yes: str
    typed: str = ""


def question(action_id: str, snapshot: Snapshot) -> Question:
    """What to ask before an action."""
    action, chain = ACTIONS[action_id], snapshot.chain
    dry_run = DRY_RUNS.get(action_id)
    where = f"{chain.network} netuid {chain.netuid} as {formats.hotkey(snapshot.hotkey, 17)}"
    lines = (line(Span(action.about)), line(Span(where, "muted")), *(dry_run(snapshot) if dry_run else ()))
    real = action.level is Level.TYPED and chain.network != EMBEDDED
    return Question(action.label.rstrip("…").capitalize(), lines, "Do it", str(chain.netuid) if real else "")


def weights_to_set(snapshot: Snapshot) -> list[Line]:
    """How the planned weights differ from those on chain, the largest change first."""
    changes = sorted(snapshot.miners, key=lambda miner: -abs(miner.planned - miner.weight))
    total = sum(abs(miner.planned - miner.weight) for miner in changes)
    paid = sum(miner.planned > 0 for miner in changes)
    head = line(f"{paid} miners get weight; all changes together {total:.4f}")
    return [
        BLANK,
        head,
        line(Span("UID  ON CHAIN     PLAN    CHANGE", "muted")),
        *map(_change, changes[:CHANGES_SHOWN]),
    ]


def _change(miner: MinerView) -> Line:
    change = miner.planned - miner.weight
    sign = Span("▲", "ok") if change > 0 else Span("▼", "warn") if change < 0 else Span("=", "muted")
    return line(
        f"{miner.uid:>3}    {miner.weight:.4f}   {miner.planned:.4f}   ",
        Span(f"{sign.text} {abs(change):.4f}", sign.tone),
        f"  {fit(miner.name, 14)}",
    )


DRY_RUNS: dict[str, Callable[[Snapshot], list[Line]]] = {"chain.set_weights": weights_to_set}
"""By action, what it would change."""
