"""The scoring history as a frozen value: which known answers each miner met or missed, and who copied whom."""

from typing import Self, TypeVar

from msgspec import Struct, structs

from engine.values import Finite

MAX_HOTKEYS = 4_096
"""Sixteen times a subnet's 256 uids, so that a hotkey that returns after many others is still known."""

MAX_OUTCOMES = 32
"""Known answers remembered per hotkey: older ones have faded to half (.98^32), and newer ones tell more."""


class Copying(Struct, frozen=True):
    """What speaks for it that a miner copies another, each as the logarithm of how much likelier that makes it than
    chance does: that it repeats the other after it (`odds`), and that it uses single words in which the other was asked
    (`hints`). `proofs` counts answers that are the other's by their wording; it fades."""

    odds: Finite = 0.0
    hints: Finite = 0.0
    proofs: Finite = 0.0


class TrackRecord(Struct, frozen=True):
    """What is known about one hotkey.

    `outcomes` are its last rounds with a known answer as (round, outcome), oldest first: 0 is right, 1 is no answer,
    anything else the digest of its wrong answer. `open_outcomes` are the same for open text, which sums say little
    about. `copies` is by the hotkey that was copied.
    """

    seen: int = 0
    outcomes: tuple[tuple[int, int], ...] = ()
    copies: dict[str, Copying] = {}
    open_outcomes: tuple[tuple[int, int], ...] = ()


class History(Struct, frozen=True):
    """Records by hotkey after `rounds` judged rounds."""

    rounds: int = 0
    records: dict[str, TrackRecord] = {}

    def of(self, hotkey: str) -> TrackRecord:
        return self.records.get(hotkey, TrackRecord())

    def after(self, changed: dict[str, TrackRecord]) -> Self:
        """The history one round later; beyond MAX_HOTKEYS, the hotkeys last seen longest ago are forgotten."""
        records = {**self.records, **changed}
        if len(records) > MAX_HOTKEYS:
            kept = sorted(records, key=lambda hotkey: (records[hotkey].seen, hotkey))[-MAX_HOTKEYS:]
            records = {hotkey: records[hotkey] for hotkey in kept}
        return structs.replace(self, rounds=self.rounds + 1, records=records)


AnyHistory = TypeVar("AnyHistory", bound=History)
"""A history, or a subclass that carries more than scoring needs."""
