"""Who copied whom: the first with the words keeps most of the pay; those who repeat them share a little of it."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import structs

from engine.scoring.duplicates import Worded, Wording, holds
from engine.scoring.history import Copying, TrackRecord
from engine.scoring.reliability import Floats

A_COPY, ALL_COPIES = 0.03, 0.15
"""The shares of the first miner's pay that go to each copy, and at most to all copies together: enough that silence
does not pay better, and so little that six copies of the best miner earn less than a guess."""

NO_CHANCE = 24
"""Words and signs from which two miners do not write the same text by chance; a shorter match counts only as a habit.
At 16, honest miners of the recorded populations are wronged half as often again; above 36 nothing more is gained."""

_FADE = 0.97
"""The factor by which a count of copies fades per round: about the last thirty rounds count."""

_MOST_LEADERS = 8
"""Most miners remembered per copier; one that copies more is found by the wording of each reply alone."""

_ENOUGH_HITS = 1.9
"""Two copies, the first slightly faded: one may be chance."""

_ENOUGH_SHARE = 0.5
"""Closer to always than to never. This and the two above make no difference on the recorded populations, whose copycats
always copy: a third less or half as much again of each gives the same result."""


def leaders_of(
    arrival: Sequence[int],
    texts: Sequence[Worded],
    keys: Sequence[str],
    wordings: Sequence[Wording],
    entities: Sequence[int],
    copiers: Mapping[int, Sequence[int]],
) -> list[int | None]:
    """For each reply, the index of the earlier one that it repeats, or None.

    A reply with NO_CHANCE words in common with an earlier one is a copy. Between hotkeys of one entity it is enough
    that one text contains the other; from a miner known to copy the earlier one (`copiers[follower]`), that the answer
    is the same. A copy of a copy counts as a copy of the first.
    """
    wording_of = {index: place for place, wording in enumerate(wordings) for index in wording.members}
    leaders: list[int | None] = [None] * len(arrival)
    originals: list[int] = []
    for follower in arrival:
        for leader in originals:
            if keys[leader] != keys[follower]:
                continue
            wording = wordings[wording_of[leader]]
            same_words = follower in wording.members and not wording.bare and texts[leader].length >= NO_CHANCE
            related = entities[leader] == entities[follower] or leader in copiers.get(follower, ())
            if same_words or (related and _repeats(texts[leader], texts[follower], keys[leader])):
                leaders[follower] = leader
                break
        else:
            originals.append(follower)
    return leaders


def known_copiers(
    hotkeys: Sequence[str], entities: Sequence[int], records: Sequence[TrackRecord]
) -> dict[int, list[int]]:
    """Whom each voter is known to copy. What is known of one hotkey of an entity holds for all of them."""
    place = {hotkey: index for index, hotkey in enumerate(hotkeys)}
    by_entity: dict[int, set[int]] = {}
    for entity, record in zip(entities, records, strict=True):
        found = {place[leader] for leader, habit in record.copies.items() if leader in place and habitual(habit)}
        by_entity.setdefault(entity, set()).update(found)
    return {index: sorted(by_entity[entity] - {index}) for index, entity in enumerate(entities) if by_entity[entity]}


def habitual(habit: Copying) -> bool:
    """Whether a miner copies another too often for chance."""
    return habit.hits >= _ENOUGH_HITS and habit.hits >= _ENOUGH_SHARE * habit.chances


def pay_after_copying(pay: Floats, leaders: Sequence[int | None]) -> Floats:
    """The pay of each reply after copying: the first keeps all but what goes to its copies."""
    left: Floats = pay.copy()
    for leader in {leader for leader in leaders if leader is not None}:
        copies = [index for index, found in enumerate(leaders) if found == leader]
        given = np.minimum(pay[copies], pay[leader]) * copies_share(len(copies)) / len(copies)
        left[copies] = given
        left[leader] = pay[leader] - given.sum()
    return left


def copies_share(copies: int) -> float:
    """The share of the first miner's pay that goes to its `copies`."""
    return min(A_COPY * copies, ALL_COPIES)


def with_chances(record: TrackRecord, repeated: set[str], wordy: set[str]) -> TrackRecord:
    """The record after a round in which this miner repeated the long texts of `repeated`; `wordy` are all miners with
    long texts. Only miners that were repeated at least once are counted."""
    copies = dict(record.copies)
    for leader in repeated | (wordy & copies.keys()):
        before = copies.get(leader, Copying())
        copies[leader] = Copying(_FADE * before.hits + (leader in repeated), _FADE * before.chances + 1)
    if len(copies) > _MOST_LEADERS:
        kept = sorted(copies, key=lambda leader: (copies[leader].hits, leader))[-_MOST_LEADERS:]
        copies = {leader: copies[leader] for leader in kept}
    return structs.replace(record, copies=copies)


def _repeats(leader: Worded, follower: Worded, key: str) -> bool:
    return bool(key) or holds(leader, follower) or holds(follower, leader)
