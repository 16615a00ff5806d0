"""What earlier rounds taught, as a frozen value: known answers met or missed, copies, wording, kinship."""

import msgspec
from msgspec import Struct, structs

from engine.scoring.kinship.tallies import Kinship
from engine.values import Finite

MAX_HOTKEYS = 4_096
MAX_OUTCOMES = 32
MAX_ANSWERS = 24


class Copying(Struct, frozen=True):
    """How often a miner came with another's words after it, against how often it could have. Both fade."""

    hits: Finite = 0.0
    chances: Finite = 0.0


class Record(Struct, frozen=True):
    """What is known of one hotkey.

    `outcomes` are its last known-answer rounds as (round, outcome), oldest first: 0 is right, 1 no answer, anything
    else the digest of the wrong answer that it gave. `answers` are the digests of its last answers that can be
    compared as values, known or not, as (round, digest). `copies` is by the hotkey that was first.
    """

    seen: int = 0
    outcomes: tuple[tuple[int, int], ...] = ()
    answers: tuple[tuple[int, int], ...] = ()
    copies: dict[str, Copying] = {}


class History(Struct, frozen=True):
    """Records by hotkey after `rounds` judged rounds, and who resembles whom."""

    rounds: int = 0
    records: dict[str, Record] = {}
    kinship: Kinship = Kinship()

    def of(self, hotkey: str) -> Record:
        return self.records.get(hotkey, Record())

    def after(self, changed: dict[str, Record]) -> "History":
        """The history one round later; beyond MAX_HOTKEYS the hotkeys seen longest ago are forgotten."""
        records = {**self.records, **changed}
        if len(records) > MAX_HOTKEYS:
            kept = sorted(records, key=lambda hotkey: (records[hotkey].seen, hotkey))[-MAX_HOTKEYS:]
            records = {hotkey: records[hotkey] for hotkey in kept}
        return structs.replace(self, rounds=self.rounds + 1, records=records)


_DECODER = msgspec.msgpack.Decoder(History)


def encode(history: History) -> bytes:
    return msgspec.msgpack.encode(history)


def decode(raw: bytes | None) -> History:
    """The history in `raw`; an empty one for None. Raises ValueError when it is none of ours."""
    try:
        history = _DECODER.decode(raw) if raw else History()
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ValueError(f"not a scoring history ({error})") from error
    if not {hotkey for both in history.kinship.by_both() for hotkey in both} <= history.kinship.miners.keys():
        raise ValueError("not a scoring history (it has pairs of miners that it does not know)")
    return history
