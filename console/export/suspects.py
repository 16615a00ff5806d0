"""The export of suspects: sybil groups and pairs with their evidence, as of the last stored round."""

from collections.abc import Iterator, Mapping

from console.export.output import Line
from engine.judge.memory import decode
from engine.store.errors import BadRow
from engine.store.record import Record
from engine.sybil.penalties import Standing
from engine.sybil.suspects import Suspects, suspicions

COLUMNS = (
    *("netuid", "profile", "rounds", "found", "suspicion", "uids", "hotkeys", "copied_uids", "copied_hotkeys"),
    *("evidence", "held", "shown_in_window"),
)


def suspects(record: Record, _since: float, _now: float) -> Iterator[Line]:
    """One record a group or pair, for each profile that has judged; several hotkeys are parted by blanks.

    `held` are the hotkeys whose penalty is held, `shown_in_window` the block of the first epoch's end before which
    the penalty of one of them was shown. Raises BadRow.
    """
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
            yield (netuid, profile, found.rounds, kind, *_cells(one, of_subnet, standings))


def _cells(one: Suspects, uids: Mapping[str, int], standings: Mapping[str, Standing]) -> Line:
    shown = [standing.shown for hotkey, standing in standings.items() if hotkey in one.suspected]
    return (
        one.suspicion,
        [uids[hotkey] for hotkey in one.suspected if hotkey in uids],
        " ".join(one.suspected),
        [uids[hotkey] for hotkey in one.copied if hotkey in uids],
        " ".join(one.copied),
        "; ".join(one.evidence),
        " ".join(hotkey for hotkey in one.suspected if standings.get(hotkey, Standing()).held),
        min((window for window in shown if window is not None), default=None),
    )
