"""Sybil groups and their penalties, as values of a Snapshot."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from engine.snapshot import MinerView, PenaltyView, SuspectsView, Suspicion, SybilView
from engine.sybil.penalties import Penalty
from engine.sybil.strength import VERDICT
from engine.sybil.suspects import Suspects, Suspicions


def sybil_view(known: Suspicions, decided: Sequence[Penalty], uids: Mapping[str, int]) -> SybilView:
    """The suspects among the hotkeys in `uids`, and their penalties; the caller sets the rule."""
    return SybilView(
        rounds=known.rounds,
        verdict=VERDICT,
        groups=tuple(_suspects_view(one, uids) for one in known.groups if uids.keys() & set(one.suspected)),
        pairs=tuple(_suspects_view(one, uids) for one in known.pairs if uids.keys() >= set(one.members)),
        suspicion={hotkey: value for hotkey, value in known.by_hotkey.items() if hotkey in uids},
        penalties=tuple(
            PenaltyView(hotkey=one.hotkey, uid=uids[one.hotkey], takes=one.takes, state=one.state)
            for one in decided
            if one.hotkey in uids
        ),
    )


def with_verdicts(miners: Sequence[MinerView], sybil: SybilView) -> tuple[MinerView, ...]:
    """The miners, with verdicts on sybil groups and copycats."""
    verdicts: dict[str, Suspicion] = {
        hotkey: "copies" if group.copied_uids else "as one" for group in sybil.groups for hotkey in group.hotkeys
    }
    return tuple(
        replace(miner, suspected=verdicts[miner.hotkey]) if miner.hotkey in verdicts else miner for miner in miners
    )


def _suspects_view(suspects: Suspects, uids: Mapping[str, int]) -> SuspectsView:
    suspected = tuple(hotkey for hotkey in suspects.suspected if hotkey in uids)
    copied = tuple(hotkey for hotkey in suspects.copied if hotkey in uids)
    return SuspectsView(
        hotkeys=suspected,
        uids=tuple(uids[hotkey] for hotkey in suspected),
        copied_uids=tuple(uids[hotkey] for hotkey in copied),
        suspicion=suspects.suspicion,
        evidence=suspects.evidence,
    )
