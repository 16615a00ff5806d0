"""How strongly each view suggests that two hotkeys are one operator, and what the views add up to.

A single view is only a hint, however strong: nothing but the same free text again and again is a verdict by itself. Two
honest miners that run the same popular model are close in meaning, share many mistakes and use the same layout: one
cause explains all three, so they do not add up. It does not explain that they never differ in any answer.
"""

import math

from msgspec import Struct

from engine.sybil.evidence import Miner, Pair, Share

VERDICT = 0.6
"""The suspicion from which a penalty may follow."""

CLEARED = 0.5
"""The suspicion below which a verdict ends: between the two, a hotkey that had reached it is still listed."""

HINT = 0.45
"""The most that one view contributes. Two hints add up to .70, a verdict; one and a shared coldkey to .615, just
one."""

_OPERATOR = 0.30
"""For a shared address or coldkey: many operators run several honest miners, so both together reach .51, no verdict."""

_TIMING, _STRUCTURE = 0.15, 0.10
"""For pace and layout, which a popular server and model give to many: a fraction of a hint each."""

_MOST_BY_CIRCUMSTANCE = 0.55
"""The most that everything besides the answers contributes together: below the verdict."""

_WORDING = (0.20, 0.50)
_MISTAKES = (0.40, 0.80)
_MEANING = (0.40, 0.80)
_RARITY = (0.30, 0.80)
_LOCKSTEP = (0.60, 0.90)
"""The shares from which each view is evidence, and full evidence. Of 299 pairs of honest miners in the recorded
populations, 95 % are below .03 in wording, .67 in mistakes, .17 in meaning, .06 in rarity and .35 in lockstep, and the
maxima are .09, .89, .25, .59 and .64. The medians of 49 pairs within a clique are .64, .95, .94, .56 and .49."""

_ENOUGH_ROUNDS, _ENOUGH_TEXTS, _ENOUGH_MISTAKES, _ENOUGH_TIMES = 10, 5, 4, 12
"""Chances, or hits, from which a share counts in full; with fewer it counts in proportion."""

_APART_ALONE, _APART_TOGETHER = 0.10, 0.02
"""How often two miners of one popular model answer differently, and how often one operator's two are read
differently."""

_SURE = (3.0, 5.5)
"""The log odds between the two from which it is evidence, and full evidence: 20 to 1 and 250 to 1."""

_SOME = 0.01
"""Strength of wording below which nobody's words were used."""

_ALWAYS_FIRST = 0.9
"""How often the copied miner is first: a copycat cannot be earlier, except by a clock tick."""

_WORTH_COPYING = 0.6
"""A miner that misses more known answers than this is not worth copying."""


class Strength(Struct, frozen=True):
    """Each view's strength, 0..1, scaled to what it may contribute, and the resulting suspicion.

    `known`, 0..1, is how well the pair is known, from the rounds that both answered.
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
        """How likely the two are one operator, 0..1: their answers and their circumstances together."""
        content = max(self.wording, _either(self.mistakes, self.answers), self.meaning)
        circumstance = _either(self.address, self.coldkey, self.timing, self.structure)
        return self.known * _either(content, min(circumstance, _MOST_BY_CIRCUMSTANCE))


def strength(pair: Pair) -> Strength:
    """The strengths of what is known about a pair."""
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
    """How much likelier these answers are from one operator than from two miners of one model, scaled to 0..1."""
    apart = max(0.0, answers.chances - answers.hits)
    odds = answers.hits * math.log((1 - _APART_TOGETHER) / (1 - _APART_ALONE))
    return _ramp(odds + apart * math.log(_APART_TOGETHER / _APART_ALONE), _SURE)


def copied(pair: Pair, first: Miner, second: Miner) -> tuple[bool, bool]:
    """Whether the first, or the second, of a pair is the one whose words are copied, and so is not suspected.

    That is the one that nearly always had the words first, and is not mostly wrong: nobody copies a miner that is. If
    any other view is stronger than the wording, both are suspected.
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
