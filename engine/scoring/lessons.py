"""What a judged round teaches about its miners: known answers met or missed, and whose words came after whose."""

from collections.abc import Sequence

from msgspec import structs

from engine.scoring import copying, reliability
from engine.scoring.ballot import Ballot
from engine.scoring.history import AnyHistory, Record
from engine.scoring.merit import Merit
from engine.values import Reply


def learned(history: AnyHistory, replies: Sequence[Reply], ballot: Ballot, worth: Merit) -> AnyHistory:
    """The history after this round. Only a known truth says who is reliable."""
    voters = {place: index for index, place in enumerate(ballot.places)}
    changed: dict[str, Record] = {}
    repeats = _repeats(ballot)
    wordy = {
        ballot.replies[index].hotkey for wording in ballot.wordings if not wording.bare for index in wording.members
    }
    for place, reply in enumerate(replies):
        record = history.of(reply.hotkey)
        index = voters.get(place)
        if worth.known and reply.status != "cancelled":
            record = reliability.with_outcome(record, history.rounds, _outcome(ballot, worth, index))
        if index is not None:
            if ballot.kind.compared != "claims":
                record = reliability.with_answer(record, history.rounds, reliability.digest(ballot.keys[index]))
            record = copying.with_chances(record, repeats[index], wordy - {reply.hotkey})
        changed[reply.hotkey] = structs.replace(record, seen=history.rounds)
    return history.after(changed)


def _outcome(ballot: Ballot, worth: Merit, index: int | None) -> int:
    if index is None:
        return reliability.SILENT
    if worth.belief[index] >= 0.5:
        return reliability.RIGHT
    return reliability.digest(ballot.keys[index])


def _repeats(ballot: Ballot) -> list[set[str]]:
    """For each voter the miners whose many words it came with after them, edited ones too where it is found to copy."""
    found: list[set[str]] = [set() for _ in ballot.replies]
    for wording in ballot.wordings:
        if not wording.bare:
            for place, member in enumerate(wording.members):
                found[member] = {ballot.replies[earlier].hotkey for earlier in wording.members[:place]}
    for follower, leader in enumerate(ballot.leaders):
        if leader is not None and not ballot.keys[follower]:
            found[follower].add(ballot.replies[leader].hotkey)
    return found
