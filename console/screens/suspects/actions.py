"""Actions on a suspect: waiving its penalty, and reinstating it."""

from functools import partial

from console.actions.action import Action, Context, Level, known, unless_read_only
from console.present import formats
from console.present.text import Line, line
from console.screens.suspects import content
from engine.commands import HoldPenalty
from engine.snapshot import PenaltyState, Snapshot


def nobody_compares(snapshot: Snapshot) -> str:
    """Why there are no suspects at all; "" when there may be."""
    return "" if snapshot.sybil else "only a validator compares miners"


def _impossible(snapshot: Snapshot) -> str:
    return unless_read_only(snapshot) or nobody_compares(snapshot)


def _state(snapshot: Snapshot, hotkey: str) -> PenaltyState | None:
    penalties = snapshot.sybil.penalties if snapshot.sybil else ()
    return next((penalty.state for penalty in penalties if penalty.hotkey == hotkey), None)


def _cannot_waive(snapshot: Snapshot, hotkey: str) -> str:
    state = _state(snapshot, hotkey)
    if state is None:
        return "has no penalty"
    return "is already waived" if state == "held" else ""


def _cannot_reinstate(snapshot: Snapshot, hotkey: str) -> str:
    return "" if _state(snapshot, hotkey) == "held" else "is not waived"


def _who(snapshot: Snapshot, hotkey: str) -> list[Line]:
    """The miner, its penalty, and the evidence against it."""
    said = content.of_miner(snapshot, hotkey)
    miner = next((miner for miner in snapshot.miners if miner.hotkey == hotkey), None)
    who = f"uid {miner.uid}  {miner.name}".rstrip() if miner else formats.hotkey(hotkey, 17)
    return known((("miner", line(who)), ("hotkey", line(hotkey)), *([("suspect", said)] if said else ())))


_suspect = partial(Action, group="act", level=Level.ASKED, why_not=_impossible, dry_run=_who)

ACTIONS = Context(
    "Among suspects",
    (
        _suspect(
            id="penalty.hold",
            keys=("b",),
            label="waive…",
            about="Waive this miner's penalty until you reinstate it, even across restarts.",
            why_not_row=_cannot_waive,
            order=lambda _asked_of, hotkey: HoldPenalty(hotkey, held=True),
            footer=25,
        ),
        _suspect(
            id="penalty.release",
            keys=("u",),
            label="reinstate…",
            about="Let this miner's penalty apply again.",
            why_not_row=_cannot_reinstate,
            order=lambda _asked_of, hotkey: HoldPenalty(hotkey, held=False),
            footer=26,
        ),
    ),
)
