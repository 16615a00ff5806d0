"""Sybil groups and their penalties."""

from typing import Literal

from msgspec import Struct

PenaltyRule = Literal["off", "show", "apply"]
PenaltyState = Literal["off", "shown", "planned", "applied", "held", "spared"]
"""What becomes of a suspect: nothing; shown and no more; planned from the next window on; in this one's weights; held
back by the operator; spared by the bound."""


class SuspectsView(Struct, frozen=True, kw_only=True):
    """A sybil group or a pair of suspects, with the evidence in words. Those copied are not suspected."""

    hotkeys: tuple[str, ...]
    uids: tuple[int, ...]
    copied_uids: tuple[int, ...] = ()
    suspicion: float
    evidence: tuple[str, ...]


class PenaltyView(Struct, frozen=True, kw_only=True):
    """What becomes of one suspect: `takes` is the share of its score that the penalty takes, or would take."""

    hotkey: str
    uid: int
    takes: float
    state: PenaltyState


class SybilView(Struct, frozen=True, kw_only=True):
    """Sybil groups after `rounds` rounds, the most suspect first; `pairs` hold hints as well.

    `suspicion` is by hotkey, 0..1; from `verdict` on there is a penalty in question, of at most a `share` of the miners
    at once. In a record nobody knows the `rule` and the share, and of what was known before its last round only the
    penalties that were set on chain: `rounds` is 0 then.
    """

    rule: PenaltyRule | None = None
    share: float = 0.0
    rounds: int
    verdict: float
    groups: tuple[SuspectsView, ...] = ()
    pairs: tuple[SuspectsView, ...] = ()
    suspicion: dict[str, float] = {}
    penalties: tuple[PenaltyView, ...] = ()
