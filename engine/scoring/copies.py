"""Who copied whom: the first with the words keeps most of the pay; those who repeat them share a little of it."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np
from msgspec import Struct, structs

from engine.scoring.borrowed import Borrowed
from engine.scoring.duplicates import OWN_TOKENS, Bools, Compared
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

_NEVER = 1e12
"""Milliseconds, thirty years: when whatever never came came, so that two of them came at once."""

_ENOUGH_ODDS, _MOST_ODDS = math.log(1_000), 2 * math.log(1_000)
"""A miner that copies nobody gets beyond this once in a thousand rounds with the same other at most (Ville's
inequality). The odds stop at twice that, so that who ceases to copy is cleared again."""


EqualWords = Literal["copies", "habits", "chance"]
"""What equal long texts show: that the later is a copy; nothing at once, but a habit in the long run, as where each
miner was asked in words of its own; or nothing, as at temperature 0, where equal models say the same."""


class Roots(Struct, frozen=True):
    """Who had the words of a round first, one item per voter.

    `leaders`: whose answer a reply is a copy of, or None. `told[follower, leader]`: how much likelier this round makes
    it that one copies the other, as logarithm; 0 where it tells nothing. `borrowed`: what each reply has from others'
    wordings of the question.
    """

    leaders: tuple[int | None, ...]
    told: Floats
    borrowed: Borrowed


class Words(Struct, frozen=True):
    """What the replies of a round say and when, one item per voter: texts, answer keys, arrival in ms; `free` says
    whether each text was the miner's to word, and long enough that two rarely write it by chance. `telling`: the answer
    type leaves the wording to the miner."""

    texts: Compared
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
    copies = _copies(words, entities, known, at_once=equal_words == "copies")
    leaders: list[int | None] = [None] * len(arrival)
    originals: list[int] = []
    for follower in sorted(arrival, key=lambda index: index in proven or index in known):
        leader = proven.get(follower)
        if leader is None and equal_words != "chance":
            leader = next((one for one in originals if copies[one, follower]), None)
        if leader is None:
            originals.append(follower)
        else:
            leaders[follower] = leader if leaders[leader] is None else leaders[leader]
    told = _told(words, equal_words) if words.telling and equal_words != "chance" else np.zeros_like(copies, np.float64)
    return Roots(tuple(leaders), told, borrowed)


def _copies(words: Words, entities: Sequence[int], copiers: Mapping[int, Sequence[int]], *, at_once: bool) -> Bools:
    """Whether `[leader, follower]` are a first reply and its copy, if the first is no copy itself."""
    entity = np.asarray(entities)
    kin = entity[:, None] == entity
    for follower, leaders in copiers.items():
        kin[list(leaders), follower] = True
    readable = np.array([key != "" for key in words.keys], dtype=np.bool_)
    copies = kin & (readable[:, None] | words.texts.holds | words.texts.holds.T)
    if at_once:
        beyond_chance = _free(words) & (words.texts.lengths >= NO_CHANCE)
        copies |= beyond_chance[:, None] & words.texts.alike & _later(words)
    found: Bools = copies & _same_answer(words)
    return found


def _told(words: Words, equal_words: EqualWords) -> Floats:
    """What the round tells about each voter as a copier of each other one.

    Saying the same after another is likelier for its copier; how much, depends on how many others say it as well.
    Whoever says anything else, or says it first, did not copy this answer. An answer that cannot be read, which is paid
    nothing, excuses nobody.
    """
    same, unread = _same_answer(words), np.array([not key for key in words.keys], dtype=np.bool_)
    repeats = _repeated(words.texts) & (same | unread)  # [leader, follower], as all that follow
    repeating = repeats.sum(axis=1)[:, None] - repeats.diagonal()[:, None] - repeats
    others = same.sum(axis=1)[:, None] - 1 - same
    common = (repeating + ~_free(words)[:, None]) / np.maximum(others + 1, 1)
    excused = unread & ~unread[:, None] & ~repeats
    tells = (common < _TOO_COMMON) & ~excused & ~np.eye(len(same), dtype=np.bool_)
    chance = np.minimum(np.maximum(common, _by_chance(words, equal_words)[:, None]), _TWIN_REPEATS)
    found = np.where(
        repeats & _later(words), np.log(_COPIER_REPEATS / chance), np.log((1 - _COPIER_REPEATS) / (1 - chance))
    )
    told: Floats = np.where(tells, found, 0.0).T
    return told


def _free(words: Words) -> Bools:
    return np.array(words.free, dtype=np.bool_)


def _same_answer(words: Words) -> Bools:
    number = {key: place for place, key in enumerate(words.keys)}
    answers = np.array([number[key] for key in words.keys], dtype=np.int64)
    return np.equal.outer(answers, answers)


def _repeated(texts: Compared) -> Bools:
    """Whether `[leader, follower]` are a text and another that has its words, all of them, or enough to be a part of it
    that is a text of its own."""
    return texts.holds.T | (texts.holds & (texts.lengths >= OWN_TOKENS))


def _by_chance(words: Words, equal_words: EqualWords) -> Floats:
    long = _STRANGER_REPEATS_LONG if equal_words == "copies" else _TWIN_REPEATS_LONG
    return np.where(_free(words), long, _TWIN_REPEATS)


def _later(words: Words) -> Bools:
    """Whether, of `[leader, follower]`, the second came so much later that it may have the first one's words."""
    ms = np.minimum(np.asarray(words.ms, dtype=np.float64), _NEVER)
    return ms - ms[:, None] >= TELLING_MS


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
    """Whether a miner was caught copying another, or repeats it, and takes its words, too often for chance."""
    return habit.odds + habit.hints >= _ENOUGH_ODDS or habit.proofs >= _PROOF_LASTS


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


def with_told(
    record: TrackRecord, told: Mapping[str, float], hints: Mapping[str, float] = MappingProxyType({}), proven: str = ""
) -> TrackRecord:
    """The record after a round that `told` so much about this miner as a copier of others, by the order of arrival and
    by the words in which they were asked (`hints`), and proved that it copied `proven`."""
    copies = {}
    against = {leader for found in (told, hints) for leader, weight in found.items() if weight > 0}
    for leader in {*record.copies, *against, *([proven] if proven else [])}:
        before = record.copies.get(leader, Copying())
        after = Copying(
            _added(before.odds, told.get(leader, 0.0)),
            _added(before.hints, hints.get(leader, 0.0)),
            _FADE * before.proofs + (leader == proven),
        )
        if after.odds > 0 or after.hints > 0 or after.proofs > _FORGOTTEN:
            copies[leader] = after
    kept = sorted(copies, key=lambda leader: (_weight(copies[leader]), leader))[-_MOST_LEADERS:]
    return structs.replace(record, copies={leader: copies[leader] for leader in kept})


def _added(odds: float, told: float) -> float:
    """The odds never fall below even ones: what a copier did before it copied does not excuse it."""
    return min(_MOST_ODDS, max(0.0, odds + told))


def _weight(habit: Copying) -> tuple[float, float]:
    return habit.proofs, habit.odds + habit.hints


def cleared(record: TrackRecord, of: set[str]) -> TrackRecord:
    """The record without copying from those that were found to copy this miner."""
    return structs.replace(record, copies={leader: kept for leader, kept in record.copies.items() if leader not in of})
