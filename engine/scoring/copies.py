"""Who copied whom: the first with the words keeps most of the pay; those who repeat them share a little of it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct, structs

from engine.scoring.duplicates import Worded, alike, holds
from engine.scoring.history import Copying, TrackRecord
from engine.scoring.reliability import Floats

A_COPY, ALL_COPIES = 0.03, 0.15
"""The shares of the first miner's pay that go to each copy, and at most to all copies together: enough that silence
does not pay better, and so little that six copies of the best miner earn less than a guess."""

NO_CHANCE = 24
"""Words and signs from which two miners do not write the same text by chance; a shorter match counts only as a habit.
At 16, honest miners of the recorded populations are wronged half as often again; above 36 nothing more is gained."""

TELLING_MS = 40.0
"""Between replies nearer than this the order is the network's and our loop's; a copycat needs a way there and back."""

_PROOF_LASTS = 0.3
"""One proof is remembered for about forty rounds of long texts (.97^40)."""

_FADE = 0.97
"""The factor by which a count of copies fades per round: about the last thirty rounds count."""

_MOST_LEADERS = 8
"""Most miners remembered per copier; one that copies more is found by the wording of each reply alone."""

_ENOUGH_HITS = 2.9
"""Three texts of equal words, slightly faded, or two where equal words are copies: of two miners of one model, either
is later three times in a row one time in four."""

_ONE_ORIGIN = 1.5
"""What a text counts where equal words are copies."""

_ENOUGH_SHARE = 0.75
"""Always rather than half the time, as it is between two miners of one model."""


EqualWords = Literal["copies", "habits", "chance"]
"""What equal long texts show: that the later is a copy; nothing at once, but a habit in the long run, as where each
miner was asked in words of its own; or nothing, as at temperature 0, where equal models say the same."""


class Roots(Struct, frozen=True):
    """Who had the words of a round first, one item per voter.

    `leaders`: whose answer a reply is a copy of, or None. `repeated`: those whose long texts it repeats after them,
    which may be chance once. `proven`: by follower, whom it copied because it answers in that one's wording.
    """

    leaders: tuple[int | None, ...]
    repeated: tuple[frozenset[int], ...]
    proven: Mapping[int, int]
    equal_words: EqualWords


class Words(Struct, frozen=True):
    """What the replies of a round say and when, one item per voter: marks, answer keys, arrival in ms; `free` says
    whether each text was the miner's to word, and long enough that two rarely write it by chance."""

    texts: Sequence[Worded]
    keys: Sequence[str]
    ms: Sequence[float]
    free: Sequence[bool]


def roots(
    arrival: Sequence[int],
    words: Words,
    entities: Sequence[int],
    copiers: Mapping[int, Sequence[int]],
    proven: Mapping[int, int],
    equal_words: EqualWords,
) -> Roots:
    """Who copied whom; `arrival` holds the indices of all voters in order of arrival.

    Whoever answers in the words in which another was asked (`proven`) copied it, whatever the time. Otherwise, if
    `equal_words` are copies, the later of two long equal texts is one. From a miner known to copy another
    (`copiers[follower]`), it is enough that the answer is the same, and nobody copies from it; between hotkeys of one
    entity, that one text contains the other. A copy of a copy counts as a copy of the first.
    """
    known = {} if equal_words == "chance" else copiers
    leaders: list[int | None] = [None] * len(arrival)
    originals: list[int] = []
    for follower in sorted(arrival, key=lambda index: index in proven or index in known):
        leader = proven.get(follower)
        if leader is None and equal_words != "chance":
            leader = _leader(words, originals, follower, entities, known, at_once=equal_words == "copies")
        if leader is None:
            originals.append(follower)
        else:
            leaders[follower] = leader if leaders[leader] is None else leaders[leader]
    repeated = [frozenset[int]() for _ in arrival]
    if equal_words != "chance":
        own_words = [leader for leader in arrival if words.free[leader]]
        for follower in arrival:
            found = {leader for leader in own_words if _repeats(words, leader, follower)}
            leader = leaders[follower]
            repeated[follower] = frozenset(found if leader is None or words.keys[follower] else {*found, leader})
    return Roots(tuple(leaders), tuple(repeated), proven, equal_words)


def _leader(
    words: Words,
    originals: Sequence[int],
    follower: int,
    entities: Sequence[int],
    copiers: Mapping[int, Sequence[int]],
    *,
    at_once: bool,
) -> int | None:
    for leader in originals:
        if words.keys[leader] != words.keys[follower]:
            continue
        one, other = words.texts[leader], words.texts[follower]
        if at_once and _beyond_chance(words, leader) and alike(one, other) and _is_later(words, leader, follower):
            return leader
        kin = entities[leader] == entities[follower] or leader in copiers.get(follower, ())
        if kin and (words.keys[leader] or holds(one, other) or holds(other, one)):
            return leader
    return None


def _repeats(words: Words, leader: int, follower: int) -> bool:
    if words.keys[leader] != words.keys[follower]:
        return False
    return _is_later(words, leader, follower) and holds(words.texts[follower], words.texts[leader])


def _beyond_chance(words: Words, leader: int) -> bool:
    return words.free[leader] and words.texts[leader].length >= NO_CHANCE


def _is_later(words: Words, leader: int, follower: int) -> bool:
    return words.ms[follower] - words.ms[leader] >= TELLING_MS


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
    """Whether a miner was caught copying another, or repeats it too often, and always later, for chance."""
    repeats = habit.hits >= _ENOUGH_HITS and habit.hits >= _ENOUGH_SHARE * habit.chances
    return repeats or habit.proofs >= _PROOF_LASTS


def pay_after_copying(pay: Floats, leaders: Sequence[int | None]) -> Floats:
    """The pay of each reply after copying: copies share a little of the first reply's pay, which the first keeps."""
    left: Floats = pay.copy()
    for leader in {leader for leader in leaders if leader is not None}:
        copies = [index for index, found in enumerate(leaders) if found == leader]
        left[copies] = np.minimum(pay[copies], pay[leader]) * copies_share(len(copies)) / len(copies)
    return left


def copies_share(copies: int) -> float:
    """The share of the first miner's pay that goes to its `copies`."""
    return min(A_COPY * copies, ALL_COPIES)


def with_chances(
    record: TrackRecord,
    repeated: set[str],
    wordy: set[str],
    proven: str = "",
    equal_words: EqualWords = "copies",
) -> TrackRecord:
    """The record after a round in which this miner repeated the long texts of `repeated` and certainly copied `proven`;
    `wordy` are all miners with long texts. Only miners that were repeated at least once are counted."""
    copies = dict(record.copies)
    counts = _ONE_ORIGIN if equal_words == "copies" else 1.0
    for leader in repeated | (wordy & copies.keys()) | ({proven} if proven else set()):
        before = copies.get(leader, Copying())
        copies[leader] = Copying(
            _FADE * before.hits + counts * (leader in repeated),
            _FADE * before.chances + 1,
            _FADE * before.proofs + (leader == proven),
        )
    if len(copies) > _MOST_LEADERS:
        kept = sorted(copies, key=lambda leader: (copies[leader].proofs, copies[leader].hits, leader))[-_MOST_LEADERS:]
        copies = {leader: copies[leader] for leader in kept}
    return structs.replace(record, copies=copies)


def cleared(record: TrackRecord, of: set[str]) -> TrackRecord:
    """The record without copying from those that were found to copy this miner."""
    return structs.replace(record, copies={leader: kept for leader, kept in record.copies.items() if leader not in of})
