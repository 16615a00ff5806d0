"""How strongly each view speaks for two hotkeys being one operator, and what the views come to together.

One view is a hint, however strong it is: only the same free text again and again is a verdict by itself. Two honest
miners that run the same popular model are close in meaning, make many of the same mistakes and lay out alike: that one
cause explains all three, so they do not add up. What it does not explain is that they never differ in any answer.
"""

import math

from msgspec import Struct

from engine.sybil.evidence import Miner, Pair, Share

VERDICT = 0.6
"""The suspicion from which a penalty is in question."""

CLEARED = 0.5
"""The suspicion below which it is over: between the two, whoever was under the verdict before still is shown."""

HINT = 0.45
"""What one view may weigh. Two hints together are .70, a verdict; one and a shared coldkey .615, just so."""

_OPERATOR = 0.30
"""A shared address or coldkey: many operators run several honest miners, so both together are .51 and no verdict."""

_TIMING, _STRUCTURE = 0.15, 0.10
"""One pace and one layout, which one popular server and model give to many: a fraction of a hint each."""

_MOST_BY_CIRCUMSTANCE = 0.55
"""All that says nothing of answers, together: below the verdict."""

_WORDING = (0.20, 0.50)
_MISTAKES = (0.40, 0.80)
_MEANING = (0.40, 0.80)
_RARITY = (0.30, 0.80)
_LOCKSTEP = (0.60, 0.90)
"""The share from which each view is evidence, and full evidence. In the recorded populations 299 pairs of honest miners
were watched: 95 % are below .03 in wording, .67 in mistakes, .17 in meaning, .06 in rarity and .35 in lockstep, and the
greatest are .09, .89, .25, .59 and .64. Of 49 pairs within a clique the median is .64, .95, .94, .56 and .49."""

_ENOUGH_ROUNDS, _ENOUGH_TEXTS, _ENOUGH_MISTAKES, _ENOUGH_TIMES = 10, 5, 4, 12
"""Chances, or hits, from which a share is taken at its word; with fewer it counts in proportion."""

_APART_ALONE, _APART_TOGETHER = 0.10, 0.02
"""How often two of one popular model answer differently, and how often two mouths of one mind are read differently."""

_SURE = (3.0, 5.5)
"""The logarithm of the odds between the two from which it is evidence, and full evidence: 20 and 250 to one."""

_SOME = 0.01
"""Strength of wording below which nobody's words were used."""

_ALWAYS_FIRST = 0.9
"""How often the copied one is first: a copy-cat cannot come before it, but for a clock tick."""

_WORTH_COPYING = 0.6
"""Who misses more known answers than this is copied by nobody who wants to be paid."""


class Strength(Struct, frozen=True):
    """By view 0..1, already scaled to what each may weigh, and the suspicion that follows.

    `known` is 0..1: how well the pair is known, by the rounds that both answered.
    """

    known: float
    wording: float
    mistakes: float
    answers: float
    meaning: float
    structure: float
    timing: float
    address: float
    coldkey: float

    @property
    def suspicion(self) -> float:
        content = max(self.wording, _either(self.mistakes, self.answers), self.meaning)
        circumstance = _either(self.address, self.coldkey, self.timing, self.structure)
        return self.known * _either(content, min(circumstance, _MOST_BY_CIRCUMSTANCE))


def strength(pair: Pair) -> Strength:
    """What is known of a pair, as strengths."""
    mistakes = _ramp(pair.mistakes.cautious, _MISTAKES) * _enough(pair.mistakes.hits, _ENOUGH_MISTAKES)
    return Strength(
        known=_enough(pair.rounds, _ENOUGH_ROUNDS),
        wording=_ramp(pair.wording.cautious, _WORDING) * _enough(pair.wording.hits, _ENOUGH_TEXTS),
        mistakes=HINT * mistakes,
        answers=HINT * mistakes * never_apart(pair.answers),
        meaning=HINT * _ramp(pair.meaning.cautious, _MEANING) * _enough(pair.meaning.hits, _ENOUGH_TEXTS),
        structure=_STRUCTURE * _ramp(pair.structure.mean, _RARITY) * _enough(pair.structure.chances, _ENOUGH_TIMES),
        timing=_TIMING * _ramp(pair.lockstep.mean, _LOCKSTEP) * _enough(pair.lockstep.chances, _ENOUGH_TIMES),
        address=_OPERATOR * pair.address,
        coldkey=_OPERATOR * pair.coldkey,
    )


def never_apart(answers: Share) -> float:
    """0..1: how much likelier it is that one mind gave these answers than that two of one model did."""
    apart = max(0.0, answers.chances - answers.hits)
    odds = answers.hits * math.log((1 - _APART_TOGETHER) / (1 - _APART_ALONE))
    return _ramp(odds + apart * math.log(_APART_TOGETHER / _APART_ALONE), _SURE)


def copied(pair: Pair, first: Miner, second: Miner) -> tuple[bool, bool]:
    """Whether the first, or the second, of a pair is the one whose words are copied, and blameless.

    That is who had the same words first nearly every time, and is not mostly wrong: nobody copies a miner that is.
    Where something else speaks more than the words, nobody is blameless.
    """
    found = strength(pair)
    if found.wording < max(found.mistakes, found.answers, found.meaning, _SOME):
        return False, False
    ahead = pair.ahead.mean
    return ahead >= _ALWAYS_FIRST and _worthy(first), ahead <= 1 - _ALWAYS_FIRST and _worthy(second)


def _worthy(miner: Miner) -> bool:
    return miner.wrong.cautious < _WORTH_COPYING


def _ramp(value: float, bounds: tuple[float, float]) -> float:
    none, full = bounds
    return max(0.0, min(1.0, (value - none) / (full - none)))


def _enough(count: float, wanted: float) -> float:
    return min(1.0, count / wanted)


def _either(*chances: float) -> float:
    return 1 - math.prod(1 - chance for chance in chances)
