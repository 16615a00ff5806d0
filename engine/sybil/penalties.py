"""Penalties for suspects: shown first, applied from the next window on, unless the operator waives them.

No miner is penalised unless the operator could see it suspected in an earlier window, and never more than a share of
the serving miners at once, however strong the suspicion.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from engine.snapshot import PenaltyRule, PenaltyState
from engine.sybil.strength import CLEARED, VERDICT
from engine.weights.plan import HotkeyScore

KEPT = 0.2
"""The share of a score that every penalty leaves, as in the Loosh validator."""


class Standing(Struct, frozen=True):
    """What is stored about a hotkey: whether its penalty is waived (`held`), and the window in which it was first
    shown."""

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
    """The penalty of each hotkey suspected beyond a hint (`suspicion` holds only those), the most suspected first.

    At most this `share` of the `serving` miners, and at least one, is penalised; the others are spared. Waived (held)
    hotkeys stay listed until they are reinstated, even if they are no longer suspected.
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
    """The scores, minus what the applied penalties take."""
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

    A hotkey that reached VERDICT counts as shown until its suspicion falls below CLEARED: one that hovers around the
    verdict would otherwise start over in each window.
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
