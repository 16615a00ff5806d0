"""Penalties for suspects: shown first, applied from the next window on, unless the operator holds them.

Nobody is penalised whom the operator could not have seen suspected in an earlier window, and never more at once than
a share of the serving miners, however strong the suspicion is.
"""

import math
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from engine.snapshot import PenaltyRule, PenaltyState
from engine.sybil.strength import CLEARED, VERDICT
from engine.weights.plan import HotkeyScore


class Standing(Struct, frozen=True):
    """What is kept of a hotkey: whether its penalty is held, and the window in which it was first shown."""

    held: bool = False
    shown: int | None = None


class Penalty(Struct, frozen=True, kw_only=True):
    """One suspect: `takes` is the share of its score that the penalty takes, or would take."""

    hotkey: str
    suspicion: float
    takes: float
    state: PenaltyState


def penalties(
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

    Those held stay among them until they are released, even when they are no longer suspected.
    """
    earned = {entry.hotkey: entry.score for entry in scores}
    held = {hotkey for hotkey, standing in standings.items() if standing.held}
    free = {hotkey: value for hotkey, value in suspicion.items() if hotkey not in held}
    done = penalise(earned, free, serving, share=share, hard=math.inf)
    spared = frozenset(done.spared)
    found = []
    suspected = {**dict.fromkeys(held, 0.0), **suspicion}
    for hotkey in sorted(suspected, key=lambda hotkey: (-suspected[hotkey], hotkey)):
        standing = standings.get(hotkey, Standing())
        state = _state(rule, standing, window, spared=hotkey in spared)
        score = earned.get(hotkey, 0.0)
        takes = 1 - done.scores[hotkey] / score if score > 0 else 0.0
        found.append(Penalty(hotkey=hotkey, suspicion=suspected[hotkey], takes=takes, state=state))
    return tuple(found)


def lowered(scores: Sequence[HotkeyScore], decided: Sequence[Penalty]) -> tuple[HotkeyScore, ...]:
    """The scores less what the penalties that apply take."""
    taken = {penalty.hotkey: penalty.takes for penalty in decided if penalty.state == "applied"}
    return tuple(
        replace(entry, score=entry.score * (1 - taken[entry.hotkey]), penalty=taken[entry.hotkey])
        if entry.hotkey in taken
        else entry
        for entry in scores
    )


def after(
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


SUSPECTED, HARD, SOFT_SHARE, KEPT = 0.1, 0.60, 0.33, 0.2
"""The Loosh validator's bounds (facts: loosh, sybil penalties): the suspicion from which a penalty begins and from
which no share bounds it, the share of serving miners that may meet a lesser one, and what each keeps of its score."""


class Penalties(Struct, frozen=True):
    """`scores` after the penalty, of all miners; who was penalised, and whom only the bound spared, worst first."""

    scores: dict[str, float]
    penalised: tuple[str, ...]
    spared: tuple[str, ...]


def penalise(
    scores: Mapping[str, float],
    suspicion: Mapping[str, float],
    serving: int,
    *,
    share: float = SOFT_SHARE,
    hard: float = HARD,
) -> Penalties:
    """Penalise by `suspicion`, 0..1 by hotkey; who is not in it, or with what is no number, is not suspected.

    Of `serving` miners at most this `share`, and at least one, is penalised for a suspicion below `hard`.
    """
    suspected = {hotkey: suspicion.get(hotkey, 0.0) for hotkey, score in scores.items() if score > 0}
    worst = sorted(
        (hotkey for hotkey, level in suspected.items() if SUSPECTED <= level < math.inf),
        key=lambda hotkey: -suspected[hotkey],
    )
    certain = sum(suspected[hotkey] >= hard for hotkey in worst)
    bound = certain + max(1, int(share * serving))
    lowered = {hotkey: scores[hotkey] * max(1 - suspected[hotkey], KEPT) for hotkey in worst[:bound]}
    return Penalties({**scores, **lowered}, tuple(lowered), tuple(worst[bound:]))
