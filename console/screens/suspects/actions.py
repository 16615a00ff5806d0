"""Actions on suspects: opening their screen, and holding or releasing the penalty of a member."""

from functools import partial

from console.screens.action import Action, Level
from console.screens.weights.chain_actions import READ_ONLY
from engine.commands import HoldPenalty
from engine.snapshot import PenaltyState, Snapshot

_suspect = partial(Action, context="suspects", group="act", level=Level.ASKED)


def _no_suspects(snapshot: Snapshot) -> str:
    return "" if snapshot.sybil else "only a validator compares miners"


def _writable(snapshot: Snapshot) -> str:
    return READ_ONLY if snapshot.read_only else _no_suspects(snapshot)


def _state(snapshot: Snapshot, hotkey: str) -> PenaltyState | None:
    penalties = snapshot.sybil.penalties if snapshot.sybil else ()
    return next((penalty.state for penalty in penalties if penalty.hotkey == hotkey), None)


def _can_hold(snapshot: Snapshot, hotkey: str) -> str:
    state = _state(snapshot, hotkey)
    if state is None:
        return "has no penalty"
    return "is already held" if state == "held" else ""


def _can_release(snapshot: Snapshot, hotkey: str) -> str:
    return "" if _state(snapshot, hotkey) == "held" else "is not held"


ACTIONS = (
    Action(
        id="miners.suspects",
        keys=("a",),
        label="sybil groups",
        about="Show sybil groups, with the evidence and what a penalty would take.",
        group="go",
        context="miners",
        why_not=_no_suspects,
        footer=25,
    ),
    _suspect(
        id="penalty.hold",
        keys=("b",),
        label="hold…",
        about="Hold this miner's penalty until it is released, even across restarts.",
        why_not=_writable,
        row=_can_hold,
        order=lambda _asked_of, hotkey: HoldPenalty(hotkey, held=True),
        footer=25,
    ),
    _suspect(
        id="penalty.release",
        keys=("u",),
        label="release…",
        about="Release this miner's penalty.",
        why_not=_writable,
        row=_can_release,
        order=lambda _asked_of, hotkey: HoldPenalty(hotkey, held=False),
        footer=26,
    ),
)
