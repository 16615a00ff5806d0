"""Who copied whom: the first with the words keeps most of the pay; those who repeat them share a little of it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from msgspec import Struct, structs

from engine.scoring.borrowed import Borrowed
from engine.scoring.duplicates import OWN_TOKENS, Worded, alike, holds
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

_FORGOTTEN = 0.01
"""A proof that has faded to this is forgotten."""

_FADE = 0.97
"""The factor by which a proof fades per round: about the last thirty rounds count."""

_MOST_LEADERS = 8
"""Most miners remembered per copier; one that copies more is found by the wording of each reply alone."""

_COPIER_REPEATS = 0.97
"""How often a copier repeats what it copies; now and then the other is late or fails."""

_TWIN_REPEATS, _TWIN_REPEATS_LONG, _STRANGER_REPEATS_LONG = 0.7, 0.5, 0.1
"""How often a miner that copies nobody repeats another after it, at most: a short answer, a text long enough to be its
own, and such a text where equal words are copies. Two of one model that always say the same take turns at being first;
the slower of two has to say the same, and nobody else, in nearly nine of ten rounds to be taken for a copier."""

_TOO_COMMON = 0.6
"""A text tells nothing if this share of those with the same answer, one of them added, words it so: what anybody would
write, a slow miner always writes after others. Without anybody else to compare with, no short text tells anything."""

_ENOUGH_ODDS, _MOST_ODDS = math.log(1_000), 2 * math.log(1_000)
"""A miner that copies nobody gets beyond this once in a thousand rounds with the same other at most (Ville's
inequality). The odds stop at twice that, so that who ceases to copy is cleared again."""


EqualWords = Literal["copies", "habits", "chance"]
"""What equal long texts show: that the later is a copy; nothing at once, but a habit in the long run, as where each
miner was asked in words of its own; or nothing, as at temperature 0, where equal models say the same."""


class Roots(Struct, frozen=True):
    """Who had the words of a round first, one item per voter.

    `leaders`: whose answer a reply is a copy of, or None. `told`: by other voter, how much likelier this round makes it
    that a reply is a copy of that one's, as logarithm. `proven`: by follower, whom it copied because it answers in that
    one's wording.
    """

    leaders: tuple[int | None, ...]
    told: tuple[Mapping[int, float], ...]
    proven: Mapping[int, int]


class Words(Struct, frozen=True):
    """What the replies of a round say and when, one item per voter: marks, answer keys, arrival in ms; `free` says
    whether each text was the miner's to word, and long enough that two rarely write it by chance."""

    texts: Sequence[Worded]
    keys: Sequence[str]
    ms: Sequence[float]
    free: Sequence[bool]
    telling: bool = True


def roots(
    arrival: Sequence[int],
    words: Words,
    entities: Sequence[int],
    copiers: Mapping[int, Sequence[int]],
    borrowed: Borrowed,
    equal_words: EqualWords,
) -> Roots:
    """Who copied whom; `arrival` holds the indices of all voters in order of arrival.

    Whoever answers in the words in which another was asked (`borrowed`) copied it, whatever the time. Otherwise, if
    `equal_words` are copies, the later of two long equal texts is one. From a miner known to copy another
    (`copiers[follower]`), it is enough that the answer is the same, and nobody copies from it; between hotkeys of one
    entity, that one text contains the other. A copy of a copy counts as a copy of the first.
    """
    known = {} if equal_words == "chance" else copiers
    proven = borrowed.proven
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
    told = [dict(found) for found in borrowed.told]
    if equal_words != "chance":
        for found, more in zip(told, _told(words, equal_words), strict=True):
            for leader, weight in more.items():
                found[leader] = found.get(leader, 0.0) + weight
    return Roots(tuple(leaders), tuple(told), proven)


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


def _told(words: Words, equal_words: EqualWords) -> list[dict[int, float]]:
    """What the round tells about each voter as a copier of each other one.

    Saying the same after another is likelier for its copier; how much, depends on how many others say it as well.
    Whoever says anything else, or says it first, did not copy this answer.
    """
    told: list[dict[int, float]] = [{} for _ in words.texts]
    same = Counter(words.keys)
    for leader, holders in enumerate(_holders(words) if words.telling else []):
        for follower, found in enumerate(told):
            if follower == leader:
                continue
            others = same[words.keys[leader]] - 1 - (words.keys[follower] == words.keys[leader])
            repeating = len(holders) - (leader in holders) - (follower in holders)
            common = (repeating + (not words.free[leader])) / (others + 1)
            if common < _TOO_COMMON:
                chance = max(common, _by_chance(words, leader, equal_words))
                repeats = follower in holders and _is_later(words, leader, follower)
                found[leader] = math.log(_COPIER_REPEATS / chance if repeats else (1 - _COPIER_REPEATS) / (1 - chance))
    return told


def _holders(words: Words) -> list[set[int]]:
    """For each text whose wording is the miner's, the voters of the same answer who repeat it."""
    places: dict[tuple[str, Worded], set[int]] = {}
    for place, said in enumerate(zip(words.keys, words.texts, strict=True)):
        places.setdefault(said, set()).add(place)
    by_key: dict[str, list[Worded]] = {}
    for key, text in places:
        by_key.setdefault(key, []).append(text)
    found: dict[tuple[str, Worded], set[int]] = {}
    for key, texts in by_key.items():
        for part in texts:
            found[key, part] = set().union(*(places[key, other] for other in texts if _repeats(other, part)))
    return [found[said] for said in zip(words.keys, words.texts, strict=True)]


def _repeats(text: Worded, other: Worded) -> bool:
    """Whether a text has another's words, all of them, or enough to be a part of a text of its own."""
    return holds(text, other) or (text.length >= OWN_TOKENS and holds(other, text))


def _by_chance(words: Words, leader: int, equal_words: EqualWords) -> float:
    if not words.free[leader]:
        return _TWIN_REPEATS
    return _STRANGER_REPEATS_LONG if equal_words == "copies" else _TWIN_REPEATS_LONG


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
    return habit.odds >= _ENOUGH_ODDS or habit.proofs >= _PROOF_LASTS


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


def with_told(record: TrackRecord, told: Mapping[str, float], proven: str = "") -> TrackRecord:
    """The record after a round that `told` so much about this miner as a copier of others, and proved that it copied
    `proven`. The odds never fall below even ones: what a copier did before it copied does not excuse it."""
    copies = {}
    for leader in {*record.copies, *told, *([proven] if proven else [])}:
        before = record.copies.get(leader, Copying())
        after = Copying(
            min(_MOST_ODDS, max(0.0, before.odds + told.get(leader, 0.0))),
            _FADE * before.proofs + (leader == proven),
        )
        if after.odds > 0 or after.proofs > _FORGOTTEN:
            copies[leader] = after
    kept = sorted(copies, key=lambda leader: (copies[leader].proofs, copies[leader].odds, leader))[-_MOST_LEADERS:]
    return structs.replace(record, copies={leader: copies[leader] for leader in kept})


def cleared(record: TrackRecord, of: set[str]) -> TrackRecord:
    """The record without copying from those that were found to copy this miner."""
    return structs.replace(record, copies={leader: kept for leader, kept in record.copies.items() if leader not in of})
