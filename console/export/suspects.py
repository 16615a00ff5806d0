"""The export of suspects: sybil groups and pairs with their evidence, as of the last stored round."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from console.export.columns import ExportColumn, ExportTable
from engine.judge.memory import decode
from engine.store.errors import BadRow
from engine.store.record import Record
from engine.sybil.penalties import Standing
from engine.sybil.suspects import Suspects, suspicions


class FoundSuspects(NamedTuple):
    """A group, copier or pair (`found`) after that many rounds, with the uids and standings of its subnet."""

    netuid: int
    profile: str
    rounds: int
    found: str
    who: Suspects
    uids: Mapping[str, int]
    standings: Mapping[str, Standing]

    @property
    def held(self) -> list[str]:
        """The hotkeys whose penalty is waived."""
        return [hotkey for hotkey in self.who.suspected if self.standings.get(hotkey, Standing()).held]

    @property
    def shown_in_window(self) -> int | None:
        """The block of the first epoch's end before which the penalty of one of them was shown."""
        shown = [one.shown for hotkey, one in self.standings.items() if hotkey in self.who.suspected]
        return min((window for window in shown if window is not None), default=None)

    def uids_of(self, hotkeys: tuple[str, ...]) -> list[int]:
        return [self.uids[hotkey] for hotkey in hotkeys if hotkey in self.uids]


def _found(record: Record, _since: float, _now: float) -> Iterator[FoundSuspects]:
    """One a group or pair, for each profile that has judged. Raises BadRow."""
    uids = {(neuron.netuid, neuron.hotkey): neuron.uid for neuron in record.neurons.all()}
    for netuid, profile, history in record.carried.histories():
        try:
            found = suspicions(decode(history).evidence)
        except ValueError as error:
            raise BadRow(f"what the profile {profile} learnt is {error}") from error
        standings = record.standings.of(netuid)
        of_subnet = {hotkey: uid for (subnet, hotkey), uid in uids.items() if subnet == netuid}
        kinds = [("group" if len(one.suspected) > 1 else "copy", one) for one in found.groups]
        for kind, one in (*kinds, *(("pair", pair) for pair in found.pairs)):
            yield FoundSuspects(netuid, profile, found.rounds, kind, one, of_subnet, standings)


SUSPECTS = ExportTable(
    _found,
    (
        ExportColumn("netuid", lambda one: one.netuid),
        ExportColumn("profile", lambda one: one.profile),
        ExportColumn("rounds", lambda one: one.rounds),
        ExportColumn("found", lambda one: one.found),
        ExportColumn("suspicion", lambda one: one.who.suspicion),
        ExportColumn("uids", lambda one: one.uids_of(one.who.suspected)),
        ExportColumn("hotkeys", lambda one: " ".join(one.who.suspected)),
        ExportColumn("copied_uids", lambda one: one.uids_of(one.who.copied)),
        ExportColumn("copied_hotkeys", lambda one: " ".join(one.who.copied)),
        ExportColumn("evidence", lambda one: "; ".join(one.who.evidence)),
        ExportColumn("held", lambda one: " ".join(one.held)),
        ExportColumn("shown_in_window", lambda one: one.shown_in_window),
    ),
)
