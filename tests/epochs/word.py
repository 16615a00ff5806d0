"""The journal's word on each submission, held against what the chain did with it."""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from engine.chain.interface import Sealed
from engine.store.plan_table import PlanTable
from engine.store.schema import FILE_NAME
from engine.weights.journal import JournalEntry
from tests.epochs.verdict import Verdict
from tests.fake_node.chain import FakeChain, address

OPEN = ("unknown", "committed")
TOLD_WITHIN = 2
"""Windows after which the outcome of a submission is in the journal: it lands in one, and is revealed in the next."""

WEIGHTS = ("set_weights", "commit_timelocked_weights")


class Landed(NamedTuple):
    """A submission of weights that went well: its call's arguments, by whom, and where it was born and landed."""

    hotkey: str
    given: dict[str, Any]
    birth: int
    block: int

    @property
    def identity(self) -> object:
        """What the journal knows it by: the hash of a commit, or the block and the values of plain weights."""
        if sealed := self.commit:
            return Sealed(commit=sealed, reveal_round=0, version=0).hash
        return (self.birth, tuple(self.given["dests"]), tuple(self.given["weights"]))

    @property
    def commit(self) -> bytes:
        """The sealed weights; empty for plain ones."""
        return bytes.fromhex(self.given.get("commit", "0x")[2:])


def landed(chain: FakeChain, hotkey: str, opened: int) -> list[Landed]:
    """This hotkey's submissions of weights that went well after the block `opened`, oldest first."""
    return [
        Landed(hotkey, given, one.born(block.state.block)[0], block.state.block)
        for block in chain.blocks[opened + 1 :]
        for one, error in zip(block.extrinsics, block.results, strict=True)
        if error is None and address(one) == hotkey
        for name, given in [chain.call(one.call)]
        if name in WEIGHTS
    ]


class Word:
    """The journal of one hotkey, read once a window."""

    def __init__(self, folder: Path, chain: FakeChain, hotkey: str, verdict: Verdict) -> None:
        self._folder, self._chain, self._hotkey, self._verdict = folder, chain, hotkey, verdict
        self._landed: set[object] = set()
        self._revealed: set[str] = set()
        self._told: set[int] = set()
        self._open: Counter[int] = Counter()

    def hold(self, opened: int) -> None:
        """Hold it against the chain, whose blocks after `opened` are new and final by now."""
        self._landed |= {one.identity for one in landed(self._chain, self._hotkey, opened)}
        for block in self._chain.blocks[opened + 1 :]:
            for slot in block.state.slots:
                ended = [one for one in slot.ended if one.block == block.state.block and one.revealed]
                self._revealed |= {one.hash for one in ended if slot.hotkey == self._hotkey}
        for entry in self._entries():
            self._hold(entry)

    def _hold(self, entry: JournalEntry) -> None:
        about = f"{entry.outcome} ({entry.reason or 'no reason'}), planned in block {entry.plan.block}"
        if entry.outcome in OPEN:
            self._open[entry.id] += 1
            if self._open[entry.id] == TOLD_WITHIN + 1:
                self._verdict.untold.append(about)
        elif entry.id not in self._told:
            self._told.add(entry.id)
            self._verdict.words[entry.outcome] += 1
            if not self._is_true(entry):
                self._verdict.wrong.append(about)

    def _is_true(self, entry: JournalEntry) -> bool:
        plan = entry.plan
        match entry.outcome:
            case "applied":
                return plan.commit in self._revealed
            case "lost":
                return plan.commit not in self._revealed
            case "ok" if plan.commit:
                return False  # it is applied or lost
            case outcome:
                known = plan.commit or (plan.block, tuple(plan.uids), tuple(plan.values))
                return (known in self._landed) == (outcome == "ok")

    def _entries(self) -> list[JournalEntry]:
        with closing(sqlite3.connect(self._folder / FILE_NAME)) as connection:
            connection.row_factory = sqlite3.Row
            return [one for one in PlanTable(connection).since(0.0) if one.outcome != "skipped"]
