"""Penalties for suspects: shown first, applied from the next window on, unless the operator waives them.

Nobody is penalised whom the operator could not have seen suspected in an earlier window, and never more at once than
a share of the serving miners, however strong the suspicion is.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from engine.snapshot import PenaltyRule, PenaltyState
from engine.sybil.strength import CLEARED, VERDICT
from engine.weights.plan import HotkeyScore

KEPT = 0.2
"""What every penalty leaves of a score, as the Loosh validator does."""


class Standing(Struct, frozen=True):
    """What is kept of a hotkey: whether its penalty is waived (`held`), and the window in which it was first shown."""

    held: bool = False
    shown: int | None = None


class Penalty(Struct, frozen=True, kw_only=True):
    """One suspect: `takes` is the share of its score that the penalty takes, or would take."""

    hotkey: str
    suspicion: float
    takes: float
    state: PenaltyState


def penalty_of_each(
    scores: Sequence[HotkeyScore],
    suspicion: Mapping[str, float],
    standings: Mapping[str, Standing],
    *,
    rule: PenaltyRule,
    share: float,
    serving: int,
    window: int,
) -> tuple[Penalty, ...]:
    """The penalty of each hotkey suspected beyond a hint (`suspicion` holds only those), the worst first.

    Of `serving` miners at most this `share`, and at least one, is penalised; the others are spared. Those held (waived)
    stay among them until they are reinstated, even when they are no longer suspected.
    """
    earned = {entry.hotkey: entry.score for entry in scores}
    held = {hotkey for hotkey, standing in standings.items() if standing.held}
    free = (hotkey for hotkey, score in earned.items() if score > 0 and hotkey in suspicion and hotkey not in held)
    worst = sorted(free, key=lambda hotkey: -suspicion[hotkey])
    bound = max(1, int(share * serving))
    penalised, spared = frozenset(worst[:bound]), frozenset(worst[bound:])
    suspected = {**dict.fromkeys(held, 0.0), **suspicion}
    return tuple(
        Penalty(
            hotkey=hotkey,
            suspicion=suspected[hotkey],
            takes=1 - max(1 - suspected[hotkey], KEPT) if hotkey in penalised else 0.0,
            state=_state(rule, standings.get(hotkey, Standing()), window, spared=hotkey in spared),
        )
        for hotkey in sorted(suspected, key=lambda hotkey: (-suspected[hotkey], hotkey))
    )


def apply_penalties(scores: Sequence[HotkeyScore], penalties: Sequence[Penalty]) -> tuple[HotkeyScore, ...]:
    """The scores less what the penalties that apply take."""
    taken = {penalty.hotkey: penalty.takes for penalty in penalties if penalty.state == "applied"}
    return tuple(
        replace(entry, score=entry.score * (1 - taken[entry.hotkey]), penalty=taken[entry.hotkey])
        if entry.hotkey in taken
        else entry
        for entry in scores
    )


def next_standings(
    standings: Mapping[str, Standing], suspicion: Mapping[str, float], rule: PenaltyRule, window: int
) -> dict[str, Standing]:
    """The standings once these suspicions are shown in this window.

    Who was shown from VERDICT on is not shown anew before the suspicion has been below CLEARED: one that hovers around
    the verdict would begin with each window again.
    """
    known = {hotkey: Standing(held=True) for hotkey, standing in standings.items() if standing.held}
    for hotkey, value in suspicion.items() if rule != "off" else ():
        before = standings.get(hotkey, Standing())
        if before.shown is not None and value >= CLEARED:
            known[hotkey] = before
        elif value >= VERDICT:
            known[hotkey] = replace(before, shown=window)
    return known


def _state(rule: PenaltyRule, standing: Standing, window: int, *, spared: bool) -> PenaltyState:
    if standing.held:
        return "held"
    if rule == "off":
        return "off"
    if spared:
        return "spared"
    if rule == "show":
        return "shown"
    return "applied" if standing.shown is not None and standing.shown < window else "planned"
