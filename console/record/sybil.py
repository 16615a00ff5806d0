"""What the record says of suspects: sybil groups after the last round, and penalties by the journal."""

import logging

from engine.judge.memory import decode
from engine.store.record import Record
from engine.sybil.penalties import Penalty, Standing
from engine.sybil.suspects import Suspicions, suspicions
from engine.weights.plan import WeightPlan

log = logging.getLogger(__name__)


def last_suspicions(record: Record, netuid: int, profile: str) -> Suspicions:
    """What this profile learnt until the round that was recorded last: nothing is kept of what it knew before."""
    try:
        return suspicions(decode(record.carried.history(netuid, profile)).evidence)
    except ValueError as error:
        log.warning("what the profile %s learnt cannot be read: %s", profile, error)
        return Suspicions()


def penalties_set(plan: WeightPlan | None, known: Suspicions) -> dict[str, Penalty]:
    """By hotkey, what penalties took of the weights that `plan` set on chain."""
    rows = plan.rows if plan else ()
    return {
        row.hotkey: Penalty(
            hotkey=row.hotkey, suspicion=known.by_hotkey.get(row.hotkey, 0.0), takes=row.penalty, state="applied"
        )
        for row in rows
        if row.penalty
    }


def last_penalties(plan: WeightPlan | None, known: Suspicions, standings: dict[str, Standing]) -> tuple[Penalty, ...]:
    """The same, with those that were shown and not applied, and those that the operator held."""
    found = penalties_set(plan, known)
    for hotkey, standing in standings.items():
        suspicion = known.by_hotkey.get(hotkey, 0.0)
        if standing.held:
            found[hotkey] = Penalty(hotkey=hotkey, suspicion=suspicion, takes=0.0, state="held")
        elif hotkey not in found:
            found[hotkey] = Penalty(hotkey=hotkey, suspicion=suspicion, takes=0.0, state="shown")
    return tuple(found.values())
