"""A snapshot in which three miners are a sybil group, two of them copy a fourth, and two others are a hint."""

from typing import Any

from msgspec.structs import replace

from engine.snapshot import PenaltyState, PenaltyView, Snapshot, SuspectsView, SybilView
from tests.unit.tui_helpers import miner, snapshot

WORDING = "same wording in 41 of 52 texts"


def hotkey(uid: int) -> str:
    return miner(uid).hotkey


def found(*uids: int, copied: tuple[int, ...] = (), suspicion: float = 0.9, **changes: Any) -> SuspectsView:
    usual = SuspectsView(
        hotkeys=tuple(map(hotkey, uids)),
        uids=uids,
        copied_uids=copied,
        suspicion=suspicion,
        evidence=(WORDING, "same coldkey"),
    )
    return replace(usual, **changes)


def suspecting(*states: PenaltyState, **changes: Any) -> Snapshot:
    """`states` are those of uid 1 and 2."""
    hint = found(4, 5, suspicion=0.4, evidence=("same wrong answer in 8 of 9 mistakes",))
    sybil = SybilView(
        rule="apply",
        share=0.33,
        rounds=120,
        verdict=0.6,
        groups=(found(1, 2, copied=(3,)),),
        pairs=(found(1, 2), found(2, copied=(3,)), hint),
        suspicion={hotkey(1): 0.9, hotkey(2): 0.8, hotkey(4): 0.4, hotkey(5): 0.4},
        penalties=tuple(
            PenaltyView(hotkey=hotkey(uid), uid=uid, takes=0.8, state=state) for uid, state in enumerate(states, 1)
        ),
    )
    return snapshot(miners=tuple(map(miner, range(1, 7))), **({"sybil": sybil} | changes))
